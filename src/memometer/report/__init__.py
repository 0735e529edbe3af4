"""Charts, the gallery, and the one self-contained HTML file."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memometer.report.page import MAX_BYTES, html_fragment, render, write_report
    from memometer.report.pages import page_of

__all__ = ["MAX_BYTES", "html_fragment", "page_of", "render", "write_report"]

_HOMES = {
    "MAX_BYTES": "page",
    "html_fragment": "page",
    "page_of": "pages",
    "render": "page",
    "write_report": "page",
}


def __getattr__(name: str) -> Any:
    """Imports a name on its first use: a run can show itself without loading what draws until then."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"memometer.report.{_HOMES[name]}"), name)
