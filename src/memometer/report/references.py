"""Several references on the same records: their gaps side by side, and how alike they are."""

from collections.abc import Iterable

from memometer.report.charts.table import Numbers
from memometer.report.gaps import interval_text
from memometer.report.text import DASH, count, plain, signed
from memometer.runs.schema import Likeness, Number
from memometer.statistics.small_sets import counted

__all__ = ["agreement_rows", "gap_cell"]


def agreement_rows(pairs: Iterable[tuple[list[str], dict[str, Likeness]]]) -> Numbers:
    """One row per pair of references and measure of agreement.

    Args:
        pairs: the references, and how alike they are, by the name of the measure of agreement.
    """
    rows = []
    for references, likenesses in pairs:
        pair = " / ".join(plain(name, limit=40) for name in references)
        for name, found in likenesses.items():
            value = DASH if found.value is None else f"{found.value:.3f}"
            interval = DASH if found.low is None else f"[{found.low:.3f}, {found.high:.3f}]"
            rows.append((pair, name, value, interval, counted(found.n, found.n_groups), count(found.n_undefined)))
    return Numbers(("References", "Agreement", "Value", "95 % interval", "n", "undefined"), tuple(rows), n_text=2)


def gap_cell(gap: Number) -> str:
    """A number with its interval, for a table."""
    if gap.value is None:
        return DASH
    return f"{signed(gap.value)} {interval_text(gap)}" if gap.interval else signed(gap.value)
