"""UnitMem and ClassMem: which units a single record, or a single class, excites far more than all others."""

from functools import partial

from memometer.measures.unitmem.charts import (
    control_numbers,
    unitmem_beyond_control,
    unitmem_by_layer,
    unitmem_numbers,
)
from memometer.measures.unitmem.schema import UnitMemSummary
from memometer.measures.unitmem.verdict import unitmem_verdict
from memometer.report.calibration import calibration_tables
from memometer.report.charts.roc import planted_curves, planted_numbers
from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.gaps import interval_text
from memometer.report.items import item_sections
from memometer.report.measure_page import Figure, GalleryWords, MeasurePage, Reading
from memometer.report.text import DASH, Clipped, clip, count, signed, unsigned, whole
from memometer.report.tower_words import views_of
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = ["PAGE"]

FIGURES: tuple[Figure[UnitMemSummary], ...] = (
    Figure(
        "units",
        "By layer",
        "UnitMem from layer to layer",
        "How UnitMem is distributed over the units of each layer: the mean with its 95\u00a0% interval over units, the "
        "median with the middle half of the units, and the value that 95\u00a0% of the units stay below.",
        unitmem_by_layer,
        unitmem_numbers,
    ),
    Figure(
        "control",
        "Control",
        "Beyond records that the model never saw",
        "The records and the control are each dealt to groups of one size. Each mark is the difference in mean UnitMem "
        "between the two, each line its 95\u00a0% interval over groups. A model trained on neither has an expectation "
        "of 0.",
        unitmem_beyond_control,
        control_numbers,
    ),
    Figure(
        "planted",
        "Planted",
        "How well planted records are found",
        "Records ranked by the sum of the UnitMem of the units that they excite the most: the share of planted records "
        "that were passed against the share of others. The grey diagonal is a random order. Copies of one record share "
        "its units and so hide one another.",
        planted_curves,
        planted_numbers,
    ),
)


def _facts(audit: Run[UnitMemSummary]) -> tuple[tuple[str, Clipped], ...]:
    summary = audit.summary
    pairs: list[tuple[str, object]] = [("Target", summary.target)]
    for tower, entry in summary.towers.items():
        scored = f"{count(entry.n_scored)} of {count(summary.n_records)}"
        if entry.n_groups not in (None, entry.n_scored):
            scored += f", in {count(entry.n_groups)} groups"
        pairs.append((f"Records, {tower} tower", scored))
    if summary.n_control is not None:
        pairs.append(("Control records", count(summary.n_control)))
    pairs += views_of(summary.towers, draws=summary.draws, augment=summary.augment)
    pairs += [
        ("The other records", f"their {summary.statistic}"),
        ("Negative activations", summary.negative_activations),
    ]
    if summary.n_without_class is not None:
        pairs.append(("Records without a class", count(summary.n_without_class)))
    return tuple((name, clip(value, limit=600)) for name, value in pairs)


def _tables(audit: Run[UnitMemSummary]) -> tuple[HeadTable, ...]:
    summary = audit.summary
    tables = [
        HeadTable(
            "UnitMem over all units",
            _units(summary),
            "From 0, a unit that all records excite alike, to 1, a unit that a single record excites.",
        ),
        HeadTable(
            "Beyond records that the model never saw",
            _control(summary),
            "Mean UnitMem over groups of equal size. Differences whose 95\u00a0% interval is clear of 0 are in bold.",
        ),
    ]
    return tuple(table for table in (*tables, *calibration_tables(summary)) if table.numbers.rows)


def _units(summary: UnitMemSummary) -> Numbers:
    rows = []
    for tower, entry in summary.towers.items():
        share = DASH if entry.share_above_half is None else f"{entry.share_above_half:.1%}"
        numbers = (unsigned(entry.mean), unsigned(entry.median), unsigned(entry.q95), share)
        defined = f"{count(entry.n_units - entry.n_undefined)} of {count(entry.n_units)}"
        rows.append((tower, *numbers, unsigned(entry.classmem), defined))
    return Numbers(("Tower", "Mean", "Median", "95 % below", "Above ½", "ClassMem", "Units defined"), tuple(rows))


def _control(summary: UnitMemSummary) -> Numbers:
    compared: list[tuple[str, str, str, Number, str]] = [
        (
            tower,
            unsigned(entry.control.trained),
            unsigned(entry.control.control),
            entry.control.difference,
            f"{entry.control.difference.n} × {count(entry.control.group_size)}",
        )
        for tower, entry in summary.towers.items()
        if entry.control
    ]
    if summary.text_less_image:
        compared.append(("text less image", DASH, DASH, summary.text_less_image, ""))
    rows = (
        (gap.clear, (tower, trained, control, signed(gap.value), interval_text(gap), groups))
        for tower, trained, control, gap, groups in compared
    )
    return Numbers.marked(("Tower", "Trained", "Control", "Difference", "95 % interval", "Groups"), rows)


def _activation(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


READING = (
    Reading(
        "The test",
        "A unit is a neuron of a transformer’s MLP or a channel of a convolution, behind its non-linearity. Each "
        "record excites it by some amount, averaged over several views of the record. <b>UnitMem</b> sets the record "
        "that excites it the most against the mean of all others: their difference over their sum.",
    ),
    Reading(
        "The scale",
        "0 is a unit that answers to all records alike, 1 one that a single record excites. A unit that nothing "
        "excites has no UnitMem; such units are counted.",
    ),
    Reading(
        "The control",
        "Some units single out a record because it is unlike all others, whether or not the model was trained on it. "
        "So the same is done with records that the model never saw. A largest value grows with the number of records, "
        "so both sets are dealt to groups of one size, and the groups are compared.",
    ),
    Reading(
        "ClassMem",
        "The same with the means of classes in place of single records: high where a unit answers to one class. A unit "
        "with high UnitMem and low ClassMem is tied to a record, not to a class.",
    ),
    Reading(
        "What the interval covers",
        "The mean’s interval: which units the layer happens to have. The control’s: which records happened to fall "
        "into which group. Neither covers another training of the model.",
    ),
    Reading(
        "What this does not say",
        "A high UnitMem does not mean that the record can be read out of the unit, and repeated records hide one "
        "another, for each is one of the others to its copies.",
    ),
)

PAGE: MeasurePage[UnitMemSummary] = MeasurePage(
    name="UnitMem",
    lead="Which units of the model are tied to single training records?",
    reading=READING,
    method=(
        "Wang and others, “Localizing Memorization in SSL Vision Encoders”, NeurIPS 2024, "
        '<a href="https://arxiv.org/abs/2409.19069" rel="noreferrer">arXiv 2409.19069</a>. The control over groups of '
        "equal size is memometer’s own."
    ),
    gallery=GalleryWords(
        "Gallery: the units with the highest UnitMem",
        "Units with the record that excites them the most. They were chosen for their score among many units, so they "
        "show what memorization looks like, not how common it is.",
        "This audit alone does not show memorization, and among many units some stand out by chance: these "
        "may be such.",
    ),
    verdict=unitmem_verdict,
    facts=_facts,
    tables=_tables,
    figures=FIGURES,
    items=partial(
        item_sections,
        formats={
            "unit": whole,
            "UnitMem": unsigned,
            "ClassMem": unsigned,
            "largest mean activation": _activation,
            "mean activation of the others": _activation,
        },
    ),
    skipped=lambda summary: [("records", summary.n_skipped)],
)
