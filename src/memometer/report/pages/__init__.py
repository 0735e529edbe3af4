"""What reports say: one file per measure, and for utility, sweeps and comparisons. `page_of` finds it by name."""

from importlib import import_module
from typing import Any

from memometer.errors import InputError
from memometer.report.pages.base import Figure, GalleryWords, HeadTable, MeasurePage, Reading

__all__ = ["PAGES", "Figure", "GalleryWords", "HeadTable", "MeasurePage", "Reading", "page_of"]

PAGES = {
    "image-dejavu": "image_dejavu",
    "clipmem": "clipmem",
    "compare": "compare",
    "sslmem": "sslmem",
    "sweep": "sweep",
    "unitmem": "unitmem",
    "utility": "utility",
    "vl-dejavu": "vl_dejavu",
}
"""Measure → module of this folder; each has a `PAGE`."""


def page_of(measure: str) -> MeasurePage[Any]:
    """The page of a measure.

    Raises:
        InputError: there is none of this name.
    """
    if measure not in PAGES:
        raise InputError(f"no report is known for the measure '{measure}'; expected one of {', '.join(sorted(PAGES))}")
    page: MeasurePage[Any] = import_module(f"memometer.report.pages.{PAGES[measure]}").PAGE
    return page
