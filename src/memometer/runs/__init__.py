"""Runs: what a command leaves in a folder, and what shows it again."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.runs.run import NOTHING, Run

__all__ = ["NOTHING", "Run"]


# So that options can be read without tables.
__getattr__ = on_first_use(__name__)
