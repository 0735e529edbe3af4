"""An audit under two labellings: its gaps side by side, and their paired difference."""

from pathlib import Path
from typing import Any, cast

from memometer.agreement.labellings import Labelled, Labellings
from memometer.audits.result import Audit
from memometer.catalogue import view_of
from memometer.comparison.pairing import Pair, Side, pair_sides
from memometer.comparison.view import MeanNumber
from memometer.data.records import Records
from memometer.errors import InputError
from memometer.measures.vl_dejavu.rescoring import Rescored, rescored
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.objects import Vocabulary, load_vocabulary
from memometer.runs.manifest import describe_records
from memometer.statistics import Gap, gap_of

__all__ = ["audit_under_both"]


def audit_under_both(
    audit: Audit, joined: Labellings, *, name: str, seed: int, replicates: int
) -> tuple[dict[str, Any], list[str]]:
    """What ``summary.json`` says of an audit under two labellings, and what a reader must know.

    Args:
        audit: of the records.
        joined: the labellings.
        name: what the report calls the audit.
        seed: of the bootstrap.
        replicates: per interval.

    Raises:
        InputError: it cannot be scored again.
    """
    again = [rescored(audit, side.records, vocabulary=_vocabulary(audit, side)) for side in joined.sides]
    view = view_of("vl-dejavu")
    one, other = (
        Side(side.name, each.audit, view.read(each.audit)) for side, each in zip(joined.sides, again, strict=True)
    )
    pair, alone = pair_sides(one, other), [pair_sides(side, side) for side in (one, other)]
    numbers: list[dict[str, Any]] = []
    for number in cast("list[MeanNumber]", view.numbers(pair)):
        under = [_number(number, its, seed=seed, replicates=replicates).as_dict() for its in alone]
        paired = number.difference(pair, seed=seed, replicates=replicates).gap.as_dict()
        head = {"key": number.key, "design": number.design, "name": number.name}
        numbers.append({**head, "one": under[0], "other": under[1], **paired})
    known = {number["key"] for number in numbers}
    defined = {each["key"] for each in numbers if None not in (each["one"]["low"], each["other"]["low"])}
    telling = [key for key in view.telling if key in defined] or [key for key in view.telling if key in known]
    made_with = [side.name for side in joined.sides if _is_made_with(audit, side.whole)]
    first = again[0]
    found = {
        "name": name,
        "folder": None if audit.folder is None else str(audit.folder),
        "key": audit.manifest.get("key"),
        "k": cast("VLDejaVuSummary", audit.summary).k,
        "made_with": made_with,
        "n_records": first.n_records,
        "n_unknown": first.n_unknown,
        "n_far": first.n_far,
        "headline": telling[0] if telling else None,
        "numbers": numbers,
    }
    return found, _notes(first, name=name, made_with=made_with)


def _number(number: MeanNumber, pair: Pair, *, seed: int, replicates: int) -> Gap:
    """A number of one labelling, over all records that it scores."""
    return gap_of(
        [pair.parts[part].values(number.column)[0] for part in number.weights],
        seed=seed,
        name=f"agree/{number.key}",
        weights=list(number.weights.values()),
        replicates=replicates,
        groups=[pair.parts[part].groups for part in number.weights],
    )


def _vocabulary(audit: Audit, side: Labelled) -> Vocabulary | None:
    """As the audit chose it: what it was given, else what lies beside the records."""
    given = audit.config.get("vocabulary")
    if given is None:
        return side.vocabulary
    if not Path(given).is_file():
        raise InputError(
            f"{audit.folder} was made with --vocabulary {given}, which is not there; put it back, for it decides which "
            "objects a caption names"
        )
    return load_vocabulary(Path(given))


def _is_made_with(audit: Audit, records: Records) -> bool:
    """Whether records are those of the audit, by their hash."""
    entry, role = audit.manifest.get("records"), audit.config.get("role")
    if not isinstance(entry, dict):
        return False
    try:
        tested = records.with_role(role)
    except InputError:
        return False  # it has no record of that role
    found = describe_records(tested, role, images="images" not in entry)
    return bool(found["hash"] == entry.get("hash"))


def _notes(found: Rescored, *, name: str, made_with: list[str]) -> list[str]:
    notes = []
    if not made_with:
        notes.append(
            f"{name} was made with the records of neither folder as they are, so whether its captions are still "
            "those is not known; its neighbours are taken as they stand"
        )
    for n, what in ((found.n_unknown, "are not in both labellings"), (found.n_far, "have a neighbour that is not")):
        if n:
            notes.append(f"{name}: {n:,} of its records {what}, and are not scored again")
    return notes
