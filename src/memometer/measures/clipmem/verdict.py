"""CLIPMem in one sentence: the candidates against pairs that no model was trained on."""

from memometer.measures.clipmem.schema import ClipMemSummary
from memometer.measures.clipmem.subsets import difference, mean_of
from memometer.report.text import capital, signed
from memometer.report.verdict import Verdict, no_verdict
from memometer.statistics.small_sets import counted

__all__ = ["clipmem_verdict"]


def clipmem_verdict(summary: ClipMemSummary) -> Verdict:
    """Judges the difference of the candidates' mean from the external pairs' by its 95 % interval.

    The difference comes before the mean itself, because models place all pairs at cosines of their own: the mean of the
    candidates moves with that, the difference does not.
    """
    mean, own = mean_of(summary, "candidates"), summary.subsets.get("candidates")
    over = own and own.clipmem_normalised.value
    test = difference(summary, "candidates", "external")
    if mean.value is None or test is None or test.low is None or test.high is None:
        return no_verdict("the scores or their test are", mean.reason or (test and test.reason))
    number = (
        f"the candidates score {signed(mean.value)} on average"
        + (f" ({signed(over)} normalised)" if over is not None else "")
        + f", which is {signed(test.difference)} beyond pairs that no model was trained on, 95\u00a0% interval "
        f"{signed(test.low)} to {signed(test.high)}, from "
        f"{counted(test.n_first, test.n_groups_first, what='pairs')} and "
        f"{counted(test.n_second, test.n_groups_second, what='pairs')}"
    )
    cautions = _cautions(summary)
    if test.low > 0:
        claim = "The models trained on the candidates align them better than models that never saw them"
        return Verdict("found", "Memorization found", f"{claim}: {number}.", cautions)
    sentence = capital(number)
    if test.high < 0:
        hint = "Check that targets and references, and their roles, were not exchanged."
        return Verdict(
            "negative", "No memorization shown: the difference lies below 0", f"{sentence}. {hint}", cautions
        )
    if mean.above_zero:
        return Verdict(
            "one-way",
            "Scores above 0, but no higher than those of unseen pairs",
            f"{sentence}. That speaks of the models' quality or scale, not of memorization.",
            cautions,
        )
    bound = f"At this sample size, a difference of up to {signed(test.high)} remains possible."
    return Verdict(
        "not-shown",
        "No memorization shown at this sample size",
        f"{sentence}; the interval covers 0. {bound}",
        cautions,
    )


def _cautions(summary: ClipMemSummary) -> tuple[str, ...]:
    cautions = []
    external = mean_of(summary, "external")
    if external.above_zero or external.below_zero:
        cautions.append(
            f"Pairs that no model was trained on score {signed(external.value)}, not 0: targets and references place "
            "all pairs differently. Compare subsets with each other, not with 0."
        )
    if "independent" in summary.subsets:
        mirror = difference(summary, "external", "independent")
        if mirror and mirror.low is not None and mirror.low <= 0:
            cautions.append(
                "The references' own pairs do not score below unseen ones, as they should if references memorized what "
                "they were trained on: targets and references may not have been trained alike."
            )
    if summary.duplicates_across_roles.n:
        cautions.append("Some images appear in more than one subset, which biases every number: see Warnings.")
    return tuple(cautions)
