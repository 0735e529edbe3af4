"""One static page that indexes many runs, and a table of all records of each audit: a folder to open, or to share."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.view.view import view_runs

__all__ = ["view_runs"]

__getattr__ = on_first_use(__name__)
