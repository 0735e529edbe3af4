"""Two labellings: what each gives, label by label, and an audit's gaps under either."""

from typing import Any

from memometer.agreement.schema import AuditUnderBoth, LabelAgreementSummary
from memometer.comparison.charts import forest_panel
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import interval_text, n_text
from memometer.report.lazy import alt
from memometer.report.text import count, plain, signed, unsigned
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = ["MAX_LABELS", "audit_numbers", "gap_forest", "gap_numbers", "label_bars", "label_numbers", "names_of"]

MAX_LABELS = 30
"""Labels of the chart; the table of the page has more, ``labels.parquet`` all."""
MAX_ROWS = 200
MAX_NAME = 40


def names_of(summary: LabelAgreementSummary) -> tuple[str, str]:
    """What the two labellings are called."""
    return plain(summary.one.name, limit=MAX_NAME), plain(summary.other.name, limit=MAX_NAME)


def label_bars(audit: Run[LabelAgreementSummary], *, width: int = theme.WIDE) -> "alt.Chart":
    """The records with each label: under both labellings, and under one alone; the commonest labels.

    Args:
        audit: a comparison of labellings.
        width: of the whole chart in px.
    """
    one, other = names_of(audit.summary)
    kinds = ["both", f"{one} alone", f"{other} alone"]
    labels = audit.tables["labels"].slice(0, MAX_LABELS).to_pylist()
    rows = [
        {"label": plain(row["label"], limit=MAX_NAME), "kind": kind, "place": place, "n": n}
        for row in labels
        for place, (kind, n) in enumerate(
            zip(kinds, (row["n_both"], row["n_one"] - row["n_both"], row["n_other"] - row["n_both"]), strict=True)
        )
    ]
    names = list(dict.fromkeys(row["label"] for row in rows))
    axis, room = theme.name_axis(names, limit=200 if width >= 600 else 140)
    legend = alt.Legend(title=None, orient="top", columns=0 if width >= 600 else 1)
    colors = alt.Scale(domain=kinds, range=[theme.TARGET, theme.BLUE, theme.VERMILION])
    chart = (
        alt.Chart(theme.data(rows))
        .mark_bar(height=13)
        .encode(
            x=alt.X("n:Q", title="records", stack="zero", axis=alt.Axis(tickCount=max(3, width // 150))),
            y=alt.Y("label:N", sort=names, scale=alt.Scale(domain=names), title=None, axis=axis),
            color=alt.Color("kind:N", scale=colors, legend=legend),
            order=alt.Order("place:Q"),
        )
    )
    return theme.themed(chart.properties(width=max(120, width - room - 40), height=20 * len(names)))


def label_numbers(audit: Run[LabelAgreementSummary]) -> Numbers:
    """Every label, the commonest first, with its agreement; no rows where there is no label."""
    one, other = names_of(audit.summary)
    rows = [
        (
            plain(row["label"], limit=80),
            *(count(row[name]) for name in ("n_one", "n_other", "n_both")),
            *(unsigned(row[name]) for name in ("jaccard", "f1", "kappa")),
        )
        for row in audit.tables["labels"].slice(0, MAX_ROWS).to_pylist()
    ]
    return Numbers(("Label", one, other, "Both", "Jaccard", "F1", "Kappa"), tuple(rows))


def gap_forest(audit: Run[LabelAgreementSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """Every gap of every audit under either labelling, with its 95 % interval.

    Args:
        audit: a comparison of labellings with audits.
        width: of the whole chart in px.
    """
    names = list(names_of(audit.summary))
    panels = []
    for each in audit.summary.audits:
        for design in dict.fromkeys(number.design for number in each.numbers):
            rows: list[dict[str, Any]] = [
                {"name": number.name, "run": name, "value": gap.value, "low": gap.low, "high": gap.high}
                for number in each.numbers
                if number.design == design
                for name, gap in zip(names, (number.one, number.other), strict=True)
                if gap.value is not None
            ]
            if rows:
                panels.append(forest_panel(rows, _title(audit.summary, each, design), names, width=width))
    return theme.themed(alt.concat(*panels, columns=1, spacing=24))


def gap_numbers(audit: Run[LabelAgreementSummary]) -> Numbers:
    """The chart's gaps as a table; no rows where none is defined."""
    rows = [
        (number.clear, (plain(each.name, limit=MAX_NAME), *cells))
        for each in audit.summary.audits
        for number, cells in zip(each.numbers, audit_numbers(audit.summary, each).rows, strict=True)
    ]
    if all(gap.value is None for each in audit.summary.audits for n in each.numbers for gap in (n.one, n.other)):
        return Numbers((), ())
    return Numbers.marked(("Audit", *_header(audit.summary)), rows, n_text=3)


def audit_numbers(summary: LabelAgreementSummary, audit: AuditUnderBoth, *, design: str | None = None) -> Numbers:
    """The gaps of one audit under either labelling, with their paired difference; of one design, or of all."""
    rows = [
        (
            number.clear,
            (
                number.design,
                number.name,
                *(_gap(gap) for gap in (number.one, number.other)),
                _gap(number),
                n_text(number),
            ),
        )
        for number in audit.numbers
        if design in (None, number.design)
    ]
    return Numbers.marked(_header(summary), rows, n_text=2)


def _header(summary: LabelAgreementSummary) -> tuple[str, ...]:
    one, other = names_of(summary)
    return ("Design", "Gap", one, other, "Difference", "n, both")


def _gap(gap: Number) -> str:
    return f"{signed(gap.value)} {interval_text(gap)}" if gap.interval else signed(gap.value)


def _title(summary: LabelAgreementSummary, audit: AuditUnderBoth, design: str) -> str:
    return design if len(summary.audits) == 1 else f"{plain(audit.name, limit=MAX_NAME)}: {design}"
