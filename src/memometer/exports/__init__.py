"""A finished run in the forms that other tools and papers take."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.exports.export import export_run

__all__ = ["export_run"]

__getattr__ = on_first_use(__name__)
