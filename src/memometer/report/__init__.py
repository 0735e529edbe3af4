"""Charts, the gallery, and the one self-contained HTML file."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.catalogue import page_of
    from memometer.report.page import MAX_BYTES, html_fragment, render, write_report

__all__ = ["MAX_BYTES", "html_fragment", "page_of", "render", "write_report"]

# So that a run can show itself, and what draws is loaded when it is asked for.
__getattr__ = on_first_use(__name__)
