"""Charts of the image-only audit: scores by confidence, accuracies, outcomes."""

from collections.abc import Iterator

from memometer.measures.image_dejavu.schema import Accuracies, Accuracy, ImageDejaVuSummary, Outcomes, Scores
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import DESIGNS, interval_text, n_text
from memometer.report.lazy import alt
from memometer.report.text import count, signed, unsigned
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = [
    "SHARES",
    "accuracy_by_confidence",
    "accuracy_numbers",
    "by_share",
    "image_designs",
    "outcome_numbers",
    "outcome_shares",
    "score_by_confidence",
    "score_numbers",
]

SHARES = {"100": "all records", "20": "top 20 %", "5": "top 5 %", "top5": "top 5 labels"}
OUTCOMES = ("memorized", "correlated", "forgotten", "unassociated")
COLORS = (theme.TARGET, theme.BLUE, theme.VERMILION, theme.REFERENCE)
DIRECTIONS = {"forward": "Target's records", "backward": "Reference's records", "control": "Control records"}


def image_designs(summary: ImageDejaVuSummary) -> Iterator[tuple[str, dict[str, Number]]]:
    """Each design of an image-only audit with its scores by share, the most telling first."""
    return ((DESIGNS[design], by_share(scores)) for design, scores in summary.designs().items())


def by_share(scores: Scores) -> dict[str, Number]:
    """The scores by the share of records that they are over (`SHARES`)."""
    return dict(zip(SHARES.values(), (scores.all_, scores.twenty, scores.five, scores.top5), strict=True))


def _accuracies(accuracy: Accuracy) -> dict[str, float | None]:
    return dict(zip(SHARES.values(), (accuracy.all_, accuracy.twenty, accuracy.five, accuracy.top5), strict=True))


def score_by_confidence(audit: Run[ImageDejaVuSummary], *, width: int = theme.WIDE) -> "alt.LayerChart":
    """The déjà vu score over all records and over the most confident ones, by design, with 95 % intervals.

    Args:
        audit: the audit to show.
        width: of the whole chart in px.
    """
    rows = [
        {"design": design, "share": share, "value": gap.value, "low": gap.low, "high": gap.high}
        for design, scores in image_designs(audit.summary)
        for share, gap in scores.items()
        if gap.value is not None
    ]
    designs = [design for design, _ in image_designs(audit.summary)]
    names = list(SHARES.values())
    axis, room = theme.name_axis(designs, limit=220)
    legend = alt.Legend(title=None, orient="top", columns=0 if width >= 600 else 1)
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("design:N", sort=designs, scale=alt.Scale(domain=designs), title=None, axis=axis),
        yOffset=alt.YOffset("share:N", scale=alt.Scale(domain=names, paddingOuter=0.4)),
        color=alt.Color("share:N", scale=alt.Scale(domain=names, range=list(COLORS)), legend=legend),
    )
    ticks = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=max(3, width // 130))
    x = alt.X("low:Q", title="accuracy of target less reference", axis=ticks)
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q")
    shapes = alt.Shape("share:N", scale=alt.Scale(domain=names, range=["circle", "diamond", "square", "triangle-up"]))
    point = base.mark_point(filled=True, opacity=1, size=75).encode(x="value:Q", shape=shapes)
    return theme.themed(
        alt.layer(theme.zero_line(horizontal=False), interval, point).properties(
            width=max(120, width - 40 - room), height=76 * max(len(designs), 1)
        )
    )


def score_numbers(audit: Run[ImageDejaVuSummary]) -> Numbers:
    """The chart's scores as a table; intervals above 0 stand out."""
    found = [(design, share, gap) for design, scores in image_designs(audit.summary) for share, gap in scores.items()]
    if all(gap.value is None for _, _, gap in found):
        return Numbers((), ())
    rows = (
        (gap.above_zero, (design, share, signed(gap.value), interval_text(gap), n_text(gap)))
        for design, share, gap in found
    )
    return Numbers.marked(("Design", "Records", "Score", "95 % interval", "n"), rows, n_text=2)


def accuracy_by_confidence(audit: Run[ImageDejaVuSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """Accuracy of both models over all records and over each one's most confident ones, a panel per direction.

    Args:
        audit: the audit to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    accuracy = audit.summary.accuracy
    panels = [_accuracy_panel(accuracy[name], DIRECTIONS[name], len(accuracy), width=width) for name in accuracy]
    return theme.themed(theme.arrange(panels, width=width))


def accuracy_numbers(audit: Run[ImageDejaVuSummary]) -> Numbers:
    """The chart's accuracies as a table."""
    rows = [
        (
            DIRECTIONS[name],
            model,
            *map(unsigned, _accuracies(accuracy).values()),
        )
        for name, models in audit.summary.accuracy.items()
        for model, accuracy in (("target", models.target), ("reference", models.reference))
    ]
    return Numbers(("Records", "Model", *SHARES.values()), tuple(rows), n_text=2)


def outcome_shares(audit: Run[ImageDejaVuSummary], *, width: int = theme.WIDE) -> "alt.Chart":
    """What became of the records: memorized, correlated, forgotten or unassociated, a bar per direction.

    Args:
        audit: the audit to show.
        width: of the whole chart in px.
    """
    rows = []
    for name, outcomes in _outcomes(audit.summary):
        total = max(sum(outcomes.values()), 1)
        rows += [
            {"records": name, "outcome": outcome, "share": outcomes[outcome] / total, "order": place}
            for place, outcome in enumerate(OUTCOMES)
        ]
    names = [name for name, _ in _outcomes(audit.summary)]
    axis, room = theme.name_axis(names, limit=220)
    columns = {"columns": 0} if width >= 600 else {"columns": 2, "columnPadding": 12}
    legend = alt.Legend(title=None, orient="top", **columns)
    return theme.themed(
        alt.Chart(theme.data(rows))
        .mark_bar(height=24)
        .encode(
            y=alt.Y("records:N", sort=names, title=None, axis=axis),
            x=alt.X(
                "share:Q", title="share of scored records", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])
            ),
            color=alt.Color("outcome:N", scale=alt.Scale(domain=list(OUTCOMES), range=list(COLORS)), legend=legend),
            order="order:Q",
        )
        .properties(width=max(120, width - 40 - room), height=44 * len(names))
    )


def outcome_numbers(audit: Run[ImageDejaVuSummary]) -> Numbers:
    """The chart's counts as a table."""
    rows = tuple(
        (name, *(count(outcomes[outcome]) for outcome in OUTCOMES)) for name, outcomes in _outcomes(audit.summary)
    )
    return Numbers(("Records", *OUTCOMES), rows)


def _outcomes(summary: ImageDejaVuSummary) -> list[tuple[str, Outcomes]]:
    parts = {"forward": summary, "backward": summary.backward, "control": summary.control}
    return [(DIRECTIONS[name], part.outcomes) for name, part in parts.items() if part]


def _accuracy_panel(models: Accuracies, title: str, n_panels: int, *, width: int) -> "alt.LayerChart":
    series = {"Target": models.target, "Reference": models.reference}
    rows = [
        {"share": share, "series": name, "accuracy": value}
        for name, accuracy in series.items()
        for share, value in _accuracies(accuracy).items()
        if value is not None
    ]
    colors = alt.Scale(domain=list(series), range=[theme.TARGET, theme.REFERENCE])
    legend = alt.Legend(title=None, orient="top")
    base = alt.Chart(theme.data(rows)).encode(
        x=alt.X("share:N", sort=list(SHARES.values()), title=None, axis=alt.Axis(labelAngle=0, labelLimit=90)),
        xOffset=alt.XOffset("series:N", scale=alt.Scale(domain=list(series))),
        y=alt.Y("accuracy:Q", title="accuracy", axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=True)),
        color=alt.Color("series:N", scale=colors, legend=legend),
    )
    bars = base.mark_bar()
    return alt.layer(bars).properties(width=theme.panel_width(width=width, n_panels=n_panels), height=190, title=title)
