"""Charts, the gallery, and the one self-contained HTML file."""

from memometer.report.page import MAX_BYTES, html_fragment, render, write_report
from memometer.report.pages import page_of
from memometer.report.verdict import Verdict, verdict

__all__ = ["MAX_BYTES", "Verdict", "html_fragment", "page_of", "render", "verdict", "write_report"]
