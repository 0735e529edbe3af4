"""One self-contained HTML file: no script, no network, at most 20 MB."""

import dataclasses
import functools
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from memometer.catalogue import page_of
from memometer.errors import InputError
from memometer.files import hash_json, write_text
from memometer.locking import writes
from memometer.progress import warn
from memometer.report import provenance
from memometer.report.calibration import calibration_tables
from memometer.report.charts.table import Numbers
from memometer.report.charts.theme import NARROW, WIDE
from memometer.report.gaps import interval_text, n_text
from memometer.report.items import has_pictures
from memometer.report.measure_page import Figure, MeasurePage
from memometer.report.pictures import Pictures
from memometer.report.quick import quick_charts
from memometer.report.svg import to_svg
from memometer.report.text import capital, clip, count, signed
from memometer.report.vega import can_draw
from memometer.report.verdict import Verdict
from memometer.runs import Run
from memometer.runs.schema import AuditSummary, Summary
from memometer.statistics.small_sets import is_small_warning

if TYPE_CHECKING:
    import jinja2

__all__ = ["MAX_BYTES", "html_fragment", "render", "write_report"]

MAX_BYTES = 20_000_000
"""Size of the largest report: what mail servers take and browsers open at once."""

MAX_PAIRS = 20
MAX_COMMAND = 8000


@dataclasses.dataclass(frozen=True)
class DrawnFigure:
    """A chart of the page, drawn for wide and for narrow screens; without drawings where there is nothing to draw."""

    figure: Figure[Any]
    numbers: Numbers
    wide: Markup | None
    narrow: Markup | None


def render(audit: Run, *, images: bool = True) -> str:
    """The report of an audit as one HTML page.

    Args:
        audit: the audit to show.
        images: inline the gallery's thumbnails, in the order of their ranks until the page reaches `MAX_BYTES`.
    """
    measure = page_of(audit.summary.measure)
    content = _content(audit, measure)
    images = images and measure.gallery is not None and has_pictures(audit.gallery)
    bare = _page(audit, measure, content, Pictures(room=0, wanted=images))
    return _page(audit, measure, content, Pictures(room=MAX_BYTES - len(bare.encode()))) if images else bare


@writes("path", file=True)
def write_report(audit: Run, path: str | Path, *, images: bool = True) -> Path:
    """Writes `render` to ``path``, whole or not at all, and returns the path; warns where there can be no charts.

    Raises:
        InputError: the path is a folder.
        OSError: it cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected the name of a file, such as {path / 'report.html'}")
    if not can_draw():
        warn(
            "the report has tables and no charts, whose renderer gets too little address space here; lift 'ulimit -v', "
            f"and draw them with 'memometer report {path.parent}'"
        )
    write_text(path, render(audit, images=images))
    return path


def html_fragment(audit: Run) -> str:
    """The verdict, the table of gaps and the charts, for a notebook; the style stays within."""
    key = f"m{hash_json(audit.summary.as_dict())[:8]}"
    measure = page_of(audit.summary.measure)
    figures = tuple(_drawn(audit, figure, key=key, widths=(WIDE,)) for figure in measure.figures_of(audit))
    return (
        _templates()
        .get_template("fragment.html.jinja")
        .render(
            verdict=_verdict(measure, audit.summary),
            tables=measure.tables(audit),
            warnings=provenance.warnings(audit),
            figures=figures,
            **_head(audit, measure),
        )
    )


def _page(audit: Run, measure: MeasurePage[Any], content: dict[str, Any], pictures: Pictures) -> str:
    items = measure.items(audit, pictures)
    return _templates().get_template("page.html.jinja").render(**content, gallery=items, n_left_out=pictures.n_left_out)


def _head(audit: Run, measure: MeasurePage[Any]) -> dict[str, Any]:
    return {"groups": (), **(measure.head(audit) if measure.head else {})}


def _content(audit: Run, measure: MeasurePage[Any]) -> dict[str, Any]:
    """What the template shows, but for the gallery."""
    summary, manifest, duplicates = audit.summary, audit.manifest, audit.summary.duplicates
    pairs = duplicates.pairs[:MAX_PAIRS] if duplicates else []
    return {
        "style": Markup(resources.files("memometer.report").joinpath("templates/page.css").read_text("utf-8")),  # noqa: S704 (our own file)
        "measure": measure,
        "reading": tuple((heading, Markup(words)) for heading, words in measure.reading),  # noqa: S704 (our own words)
        "method": Markup(measure.method),  # noqa: S704 (our own words)
        "verdict": _verdict(measure, summary),
        "facts": measure.facts(audit),
        "tables": measure.tables(audit),
        **_head(audit, measure),
        "figures": tuple(_drawn(audit, figure, key="c", widths=(WIDE, NARROW)) for figure in measure.figures_of(audit)),
        "calibration": calibration_tables(summary) if isinstance(summary, AuditSummary) else (),
        "n_gallery": audit.gallery.num_rows,
        "warnings": provenance.warnings(audit),
        "left_out": provenance.left_out(audit, measure.skipped(summary)),
        "n_duplicates": duplicates.n if duplicates else 0,
        "duplicates": [tuple(clip(name, limit=120) for name in pair) for pair in pairs],
        "command": clip(manifest.get("command", ""), limit=MAX_COMMAND),
        "provenance": provenance.provenance(manifest),
        "config": provenance.rows(audit.config),
        "finished": clip(manifest.get("finished", ""), limit=40).text.replace("T", " ").replace("+00:00", " UTC"),
        "version": clip(manifest.get("memometer", ""), limit=40).text,
    }


def _verdict(measure: MeasurePage[Any], summary: Summary) -> Verdict:
    """What the measure says, with the warning of small sets beside the headline."""
    verdict = measure.verdict(summary)
    small = (note for note in summary.notes if is_small_warning(note))
    return dataclasses.replace(verdict, cautions=(*(f"{capital(note)}." for note in small), *verdict.cautions))


def _drawn(audit: Run, figure: Figure[Any], *, key: str, widths: tuple[int, ...]) -> DrawnFigure:
    numbers = figure.numbers(audit)
    if not numbers.rows or not can_draw():
        return DrawnFigure(figure, numbers, None, None)
    label = f"{figure.title}. {figure.text}"
    with quick_charts():
        drawings = [
            to_svg(figure.draw(audit, width=width), key=f"{key}-{figure.key}-{width}", label=label) for width in widths
        ]
    return DrawnFigure(figure, numbers, drawings[0], drawings[1] if len(drawings) > 1 else None)


@functools.cache
def _templates() -> "jinja2.Environment":
    """Made once, for it keeps the templates that it has compiled."""
    import jinja2  # here: a run that has its report draws none

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("memometer.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(signed=signed, count=count, interval=interval_text, counted=n_text)
    return environment
