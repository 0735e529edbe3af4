"""A comparison in one sentence: which audits show more or less memorization than the baseline."""

from memometer.comparison.schema import ComparedNumber, ComparedRun, ComparisonSummary
from memometer.report.gaps import DESIGNS, UNDEFINED, n_text
from memometer.report.text import plain, signed
from memometer.report.verdict import Verdict

__all__ = ["compare_verdict"]

QUALITY = (*(DESIGNS[name] for name in ("one-way", "swapped", "control")), "Means")
"""Designs whose number moves with the models' quality as well as with memorization."""
ONE_TRAINING = (
    "An interval here speaks of other records for these very models, not of other trainings: two trainings of one "
    "recipe differ as well. A verdict on recipes needs each trained several times (memometer sweep)."
)
MAX_SENTENCES = 8


def compare_verdict(summary: ComparisonSummary) -> Verdict:
    """Judges each audit by the paired interval of its most telling number."""
    baseline = plain(summary.baseline.name)
    judged = [(plain(run.name), _headline(run)) for run in summary.runs]
    ways = [_way(entry) for _, entry in judged]
    mixed = any(entry is not None and entry.design in QUALITY for _, entry in judged)
    units = summary.of == "unitmem"
    sentences = [_sentence(name, entry) for name, entry in judged]
    if len(sentences) > MAX_SENTENCES:
        sentences = [*sentences[:MAX_SENTENCES], f"{len(judged) - MAX_SENTENCES:,} more are in the tables."]
    cautions = _cautions(summary)
    names = [name for name, _ in judged]
    if units and any(way in ("more", "less") for way in ways):
        title = "UnitMem differs between these trainings; no verdict on their recipes"
        return Verdict("undefined", title, " ".join(sentences), cautions)
    kind = "one-way" if mixed and any(way in ("more", "less") for way in ways) else _kind(ways)
    return Verdict(kind, _title(names, ways, baseline, mixed=mixed), " ".join(sentences), cautions)


def _headline(run: ComparedRun) -> ComparedNumber | None:
    return next((number for number in run.numbers if number.key == run.headline), None)


def _way(entry: ComparedNumber | None) -> str:
    gap = entry or UNDEFINED
    if gap.interval is None:
        return "undefined"
    if gap.interval == (0.0, 0.0):
        return "equal"
    return "more" if gap.above_zero else "less" if gap.below_zero else "open"


def _kind(ways: list[str]) -> str:
    """``"found"`` where any audit shows more, ``"better"`` where none does and some show less."""
    if "more" in ways:
        return "found"
    return "better" if "less" in ways else "undefined"


def _title(names: list[str], ways: list[str], baseline: str, *, mixed: bool) -> str:
    """Without a word of memorization where the numbers move with the models' quality too (``mixed``)."""
    if len(names) == 1:
        larger, smaller = ("a larger gap", "a smaller gap") if mixed else ("more memorization", "less memorization")
        doubt = ", one way only: memorization or model quality" if mixed else ""
        return {
            "more": f"{names[0]} shows {larger} than {baseline}{doubt}",
            "less": f"{names[0]} shows {smaller} than {baseline}{doubt}",
            "equal": f"{names[0]} and {baseline} are equal",
            "open": f"No difference shown between {names[0]} and {baseline} at this sample size",
            "undefined": "No verdict",
        }[ways[0]]
    counts = [
        f"{ways.count(way)} {words}"
        for way, words in (
            ("less", "with less"),
            ("more", "with more"),
            ("open", "without a difference that shows"),
            ("equal", "equal to it"),
            ("undefined", "without a verdict"),
        )
        if way in ways
    ]
    by = "gaps of one way only" if mixed else "memorization"
    return f"{len(names)} audits against {baseline}, by {by}: {', '.join(counts)}"


def _sentence(name: str, entry: ComparedNumber | None) -> str:
    if entry is None:
        return f"{name}: no number that both audits have tells of memorization."
    what = f"{name}, {entry.name} ({entry.design[0].lower()}{entry.design[1:]})"
    if entry.interval is None:
        return f"{what}: the difference or its interval is undefined{f': {entry.reason}' if entry.reason else ''}."
    return (
        f"{what}: {signed(entry.run)} against {signed(entry.baseline)}, a difference of {signed(entry.value)}, "
        f"95\u00a0% interval {signed(entry.low)} to {signed(entry.high)}, n = {n_text(entry)}."
    )


def _cautions(summary: ComparisonSummary) -> tuple[str, ...]:
    cautions = []
    entries = [entry for run in summary.runs if (entry := _headline(run))]
    if any(entry.interval for entry in entries):
        cautions.append(ONE_TRAINING)
    if any(entry.design in QUALITY for entry in entries):
        cautions.append(
            "This goes by one direction, or one set of records, only, where a difference may come from the models' "
            "quality as well as from memorization."
        )
    if any(run.differing for run in summary.runs):
        cautions.append("The audits differ in more than their models: see Warnings.")
    return tuple(cautions)
