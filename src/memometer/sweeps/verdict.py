"""What a sweep found, in plain words: the best setting within the loss that was allowed, and how sure that is."""

from memometer.report.text import plain, signed, unsigned
from memometer.report.verdict import Verdict
from memometer.sweeps.schema import Best, Difference, SweepSummary
from memometer.sweeps.settings import Shown, metric_name, shown_settings

__all__ = ["sweep_verdict"]


def sweep_verdict(summary: SweepSummary) -> Verdict:
    """Names the setting that memorizes least among those within the allowed loss of utility.

    It is called better only where the difference to the baseline, paired by seed, is clear of 0.
    """
    best, utility, memorization = summary.best, summary.utility_metric, summary.memorization_metric
    if utility is None:
        return Verdict("undefined", "No best setting", "No utility was measured, so there is nothing to weigh.")
    if best is None:
        name = plain(summary.baseline)
        reason = (
            f"The baseline '{name}' has no finished cell, or no value from 20 scored records or more, to compare with."
        )
        return Verdict("undefined", "No best setting yet", reason, _unfinished(summary))
    settings = _by_name(summary)
    chosen, baseline = settings[best.setting], settings[summary.baseline]
    within = f"Within a loss of {summary.max_utility_loss:g} in utility ({metric_name(utility)})"
    cautions = (*_cautions(summary, best, chosen), *_unfinished(summary))
    if best.setting == summary.baseline:
        sentence = (
            f"{within}, no setting memorizes less than the baseline '{baseline.name}': {metric_name(memorization)} "
            f"{baseline.mean_text(memorization, sign=True)} over {_seeds(baseline)}."
        )
        return Verdict("undefined", "No setting is better than the baseline", sentence, cautions)
    gained, lost = best.memorization, best.utility
    sentence = (
        f"{within}, '{chosen.name}' memorizes least: {metric_name(memorization)} "
        f"{chosen.mean_text(memorization, sign=True)} (mean and std over {_seeds(chosen)}), against "
        f"{baseline.mean_text(memorization, sign=True)} of '{baseline.name}'. Difference, paired by seed: "
        f"{_with_interval(gained)}, {_clearness(gained)}. Utility changes by {_with_interval(lost)}, "
        f"from {unsigned(baseline.number_of(utility).value)} to {unsigned(chosen.number_of(utility).value)}: "
        f"{_clearness(lost)}."
    )
    if gained.clear:
        return Verdict("better", f"Best: {chosen.name}", sentence, cautions)
    return Verdict("undefined", f"Best so far, but not clear of noise: {chosen.name}", sentence, cautions)


def _seeds(setting: Shown) -> str:
    return f"{setting.n_seeds} seed{'s' if setting.n_seeds != 1 else ''}"


def _with_interval(found: Difference) -> str:
    if found.low is None:
        return signed(found.value)
    return f"{signed(found.value)} (95\u00a0% interval {signed(found.low)} to {signed(found.high)})"


def _clearness(found: Difference) -> str:
    if found.low is None:
        return "of a single seed, so nothing is known of its noise"
    return f"{'clear of' if found.clear else 'not clear of'} the noise between {found.n} seeds"


def _cautions(summary: SweepSummary, best: Best, chosen: Shown) -> tuple[str, ...]:
    lines = []
    if best.loss_may_exceed:
        lines.append(
            f"The mean loss of '{chosen.name}' is within {summary.max_utility_loss:g}, but with so few seeds a "
            "larger one cannot be ruled out."
        )
    if others := best.not_told_apart:
        names = [f"'{_by_name(summary)[other].name}'" for other in others[:6]]
        shown = ", ".join([*names, "others"] if len(others) > 6 else names)
        lines.append(f"In memorization, these seeds do not tell it apart from {shown}.")
    if len(best.allowed) > 2:
        lines.append(
            f"It was chosen as the lowest of {len(best['allowed'])} settings, so its own number is likely a little too "
            "good; train it again with other seeds before relying on it."
        )
    return tuple(lines)


def _unfinished(summary: SweepSummary) -> tuple[str, ...]:
    cells = summary.cells
    if cells.n_finished == cells.n:
        return ()
    left = f"Only {cells.n_finished} of {cells.n} cells are finished ({len(cells.failed)} failed)"
    return (f"{left}: settings are compared over the seeds that both have.",)


def _by_name(summary: SweepSummary) -> dict[str, Shown]:
    return {entry.name: shown for entry, shown in zip(summary.settings, shown_settings(summary), strict=True)}
