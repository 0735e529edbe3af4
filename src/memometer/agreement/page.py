"""Two labellings side by side: overall agreement, the labels, and each audit's gaps under either."""

from typing import TYPE_CHECKING

from memometer.agreement.charts import (
    MAX_LABELS,
    audit_numbers,
    gap_forest,
    gap_numbers,
    label_bars,
    label_numbers,
    names_of,
)
from memometer.agreement.schema import AuditUnderBoth, LabelAgreementSummary, Labelling
from memometer.agreement.verdict import agreement_verdict, headline_of
from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.gaps import n_text
from memometer.report.measure_page import Figure, MeasurePage, Reading
from memometer.report.terminal import head_tables
from memometer.report.text import DASH, Clipped, clip, count, plain, unsigned
from memometer.runs import Run
from memometer.runs.schema import Number

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["PAGE"]

SHOWN = 12
"""Labels in the terminal."""

FIGURES: tuple[Figure[LabelAgreementSummary], ...] = (
    Figure(
        "labels",
        "Labels",
        "The records with each label",
        f"The {MAX_LABELS} commonest labels. A bar is the records that hold a label: under both labellings, and under "
        "one alone. Two labellers that see the same have long first parts.",
        label_bars,
        label_numbers,
        wanted=lambda audit: audit.tables["labels"].num_rows > 0,
    ),
    Figure(
        "gaps",
        "Gaps",
        "The audit's gaps under either labelling",
        "Each mark is a gap over all records that a labelling lets score, each line its 95\u00a0% interval. The "
        "neighbours are the same: all that differs is what the images are said to show.",
        gap_forest,
        gap_numbers,
        wanted=lambda audit: bool(audit.summary.audits),
    ),
)


def _facts(audit: Run[LabelAgreementSummary]) -> tuple[tuple[str, Clipped], ...]:
    summary = audit.summary
    facts: list[tuple[str, object]] = [
        ("First labelling", _said(summary.one)),
        ("Second labelling", _said(summary.other)),
        ("Records compared", count(summary.n_records)),
        ("Labels that both have", f"{count(summary.n_labels_shared)} of {count(summary.overall.n_labels)}"),
    ]
    facts += [
        (
            f"Audit {plain(each.name)}",
            f"k = {each.k}, {count(each.n_records)} records scored again; made with {_made_with(each)}",
        )
        for each in summary.audits
    ]
    return tuple((name, clip(value, limit=600)) for name, value in facts)


def _made_with(audit: AuditUnderBoth) -> str:
    return ", ".join(audit.made_with) or "other records"


def _said(side: Labelling) -> str:
    by = side.annotator or "labels of the import"
    return f"{side.name} ({side.folder}): {by}"


def _overall(audit: Run[LabelAgreementSummary]) -> Numbers:
    summary = audit.summary
    parts = {"all": summary.overall, "those that both have": summary.shared}
    rows = [
        (labels, name, unsigned(number.value), _interval(number), n_text(number))
        for labels, part in parts.items()
        for name, number in (("Jaccard, mean of records", part.jaccard), ("F1", part.f1), ("Cohen's kappa", part.kappa))
    ]
    return Numbers(("Labels", "Agreement", "Value", "95 % interval", "n"), tuple(rows), n_text=2)


def _interval(number: Number) -> str:
    return f"[{unsigned(number.low)}, {unsigned(number.high)}]" if number.interval else DASH


def _sides(audit: Run[LabelAgreementSummary]) -> Numbers:
    summary = audit.summary
    rows = [
        (
            plain(side.name, limit=40),
            count(side.n_records),
            count(side.n_objects),
            count(side.n_without_objects),
            count(side.n_labels),
            count(side.n_labels_alone),
        )
        for side in (summary.one, summary.other)
    ]
    header = ("Labelling", "Records", "Objects", "Records without", "Labels", "that only it has")
    return Numbers(header, tuple(rows))


def _alone(audit: Run[LabelAgreementSummary]) -> Numbers:
    """The commonest labels that only one has."""
    one, other = names_of(audit.summary)
    rows = audit.tables["labels"].to_pylist()
    found = []
    for name, mine, its in ((one, "n_one", "n_other"), (other, "n_other", "n_one")):
        labels = [(row["label"], row[mine]) for row in rows if row[mine] and not row[its]][:SHOWN]
        found += [(name, plain(label, limit=60), count(n)) for label, n in labels]
    return Numbers(("Labelling", "Label", "Records"), tuple(found), n_text=2)


def _audit_tables(audit: Run[LabelAgreementSummary], *, brief: bool) -> list[HeadTable]:
    tables = []
    for each in audit.summary.audits:
        number = headline_of(each)
        design = number.design if brief and number is not None else None
        tables.append(
            HeadTable(
                f"{plain(each.name)} under either labelling, k = {each.k}",
                audit_numbers(audit.summary, each, design=design),
                "Difference: the second less the first, over the records that both let score, with a paired interval. "
                "Differences clear of 0 are in bold.",
            )
        )
    return tables


def _tables(audit: Run[LabelAgreementSummary]) -> tuple[HeadTable, ...]:
    return (
        HeadTable(
            "Agreement", _overall(audit), "n: records; those without a label under either have no Jaccard index."
        ),
        HeadTable("What each gives", _sides(audit), "Objects: pairs of a record that both have and a label of it."),
        HeadTable("The commonest labels that only one has", _alone(audit)),
        *_audit_tables(audit, brief=False),
    )


def _terminal(audit: Run[LabelAgreementSummary]) -> "list[Table]":
    labels = label_numbers(audit)
    rest = audit.tables["labels"].num_rows - SHOWN
    title = f"the commonest labels{f', {count(rest)} more in labels.parquet' if rest > 0 else ''}"
    tables = [
        HeadTable("agreement", _overall(audit)),
        HeadTable("what each gives", _sides(audit)),
        HeadTable(title, Numbers(labels.header, labels.rows[:SHOWN])),
    ]
    tables += [_narrow(table) for table in _audit_tables(audit, brief=True)]
    return list(head_tables("Labels", tables))


def _narrow(table: HeadTable) -> HeadTable:
    """A table of an audit without the design, which its title names, and without the numbers of records."""
    numbers = table.numbers
    design = f" ({numbers.rows[0][0]})" if numbers.rows else ""
    rows = tuple(row[1:5] for row in numbers.rows)
    return HeadTable(f"{table.title}{design}", Numbers(numbers.header[1:5], rows, strong=numbers.strong))


READING = (
    Reading(
        "Agreement",
        "<b>Jaccard</b>: of the labels that either gives a record, the share that both give, averaged over records. "
        "<b>F1</b>: the same labels of all records in one count. <b>Kappa</b>: agreement on who has a label and who "
        "has not, beyond what two labellers would reach by chance who give each label as often: 0 is chance, 1 is one "
        "story. Labels that only one has can never agree; the second rows leave them out.",
    ),
    Reading(
        "Gaps under either",
        "The audit asks which objects of a record its caption's neighbours reveal. The neighbours stay, and the labels "
        "of records and neighbours are exchanged, so nothing is embedded or searched anew. Errors of a labeller that "
        "do not depend on the models dilute a gap; they do not make one.",
    ),
    Reading(
        "The difference",
        "It is over the records that both labellings let score, each a pair with itself, so it need not be the "
        "difference of the two columns beside it, which are over all records that each scores.",
    ),
)

PAGE: MeasurePage[LabelAgreementSummary] = MeasurePage(
    name="Label",
    kind="agreement",
    lead="Do two labellings of the same records tell the same story, and does the audit?",
    reading=READING,
    method=(
        "percentile bootstraps over records, or groups of them. Kappa is Cohen's (“A Coefficient of Agreement for "
        "Nominal Scales”, 1960), pooled over labels, each with its own chance. The comparison is memometer’s own."
    ),
    gallery=None,
    verdict=agreement_verdict,
    facts=_facts,
    tables=_tables,
    figures=FIGURES,
    items=lambda *_: (),
    terminal=_terminal,
    spoken=lambda summary: [agreement_verdict(summary).title],
)
