"""From audits of one measure to their comparison."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.result import Audit, load_audit
from memometer.catalogue import MEASURES, view_of
from memometer.comparison.differing import differing, notes
from memometer.comparison.moved import Shown, moved_records, shown_items
from memometer.comparison.pairing import Pair, Side, pair_sides
from memometer.comparison.result import Comparison, check_folder
from memometer.comparison.schema import ComparisonSummary
from memometer.comparison.view import View
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.locking import writes
from memometer.progress import warn
from memometer.runs.manifest import made_of
from memometer.software import timestamp

__all__ = ["compare_audits", "distinct_names"]

Source = str | Path | Audit


@writes("out")
def compare_audits(
    audits: Sequence[Source],
    *,
    baseline: Source | None = None,
    names: Sequence[str] | None = None,
    records: str | Path | None = None,
    gallery: int = 5,
    images: bool = True,
    out: str | Path | None = None,
    seed: int = 0,
    replicates: int = 1000,
    overwrite: bool = False,
) -> Comparison:
    """Compares audits of one measure with a baseline, record by record.

    Args:
        audits: run folders, or audits; the first is the baseline unless there is another.
        baseline: the run folder, or audit, that the others are compared with; may be one of them.
        names: what the report calls the audits, the baseline first where it is not one of them.
        records: the folder of the records, from which captions, objects and thumbnails of those that moved are taken;
            without it those are shown that the audits' galleries hold.
        gallery: how many of the records that moved the most the report shows, each way.
        images: False (--no-images) keeps pictures out of the report.
        out: the folder of the report, ``summary.json`` and the tables to write; by default nothing is written.
        seed: of the bootstrap.
        replicates: bootstrap replicates per interval.
        overwrite: replace another comparison in OUT.

    Raises:
        InputError: fewer than two audits, audits of several measures, or without a record in common.
    """
    started = timestamp()
    sources = _ordered(list(audits), baseline)
    if len(sources) < 2:
        raise InputError(f"{len(sources)} audit to compare; expected two or more run folders")
    if gallery < 0 or replicates < 1:
        raise InputError(f"gallery = {gallery}, replicates = {replicates}; expected 0 or more, and 1 or more")
    opened = [source if isinstance(source, Audit) else load_audit(source) for source in sources]
    view = _view_of(opened, sources)
    paths = [_path(source, audit) for source, audit in zip(sources, opened, strict=True)]
    called = distinct_names(paths, names)
    config: dict[str, Any] = {
        "baseline": paths[0],
        "runs": paths[1:],
        "names": called,
        "records": None if records is None else str(records),
        "gallery": gallery,
        "images": images,
        "seed": seed,
        "replicates": replicates,
    }
    key = hash_json([config, [audit.manifest.get("key") for audit in opened]])
    if out is not None:
        check_folder(Path(out), key, overwrite=overwrite)
    sides = [Side(name, audit, view.read(audit)) for name, audit in zip(called, opened, strict=True)]
    pairs = [pair_sides(sides[0], side) for side in sides[1:]]
    moved = [moved_records(pair, view) for pair in pairs]
    summary: dict[str, Any] = {
        "of": opened[0].summary.measure,
        "of_name": view.name,
        "baseline": _described(sides[0]),
        "runs": [
            _compared(pair, table, view, seed=seed, replicates=replicates)
            for pair, table in zip(pairs, moved, strict=True)
        ],
        "notes": [line for pair in pairs for line in notes(pair, view)],
    }
    for note in summary["notes"]:
        warn(note)
    comparison = Comparison(
        summary=ComparisonSummary.made(summary),
        tables={
            "moved": pa.concat_tables(moved),
            "unpaired": pa.concat_tables([pair.unpaired for pair in pairs]),
            "gallery": shown_items(
                list(zip(pairs, moved, strict=True)), view, size=gallery, shown=Shown(records, images=images)
            ),
        },
        manifest=made_of({"seed": seed}, started=started, key=key),
        config=config,
    )
    if out is None:
        return comparison
    from memometer.report import write_report

    saved = comparison.save(out)
    write_report(saved, Path(out) / "report.html")
    return saved


def _ordered(audits: list[Source], baseline: Source | None) -> list[Source]:
    """The baseline first, once."""
    if baseline is None:
        return audits

    def same(source: Source) -> bool:
        if isinstance(source, Audit) or isinstance(baseline, Audit):
            return source is baseline
        return Path(source).resolve() == Path(baseline).resolve()

    first = next((place for place, source in enumerate(audits) if same(source)), None)
    return [baseline, *(source for place, source in enumerate(audits) if place != first)]


def _view_of(audits: list[Audit], sources: list[Source]) -> View:
    measures = [audit.summary.measure for audit in audits]
    paths = [_path(source, audit) for source, audit in zip(sources, audits, strict=True)]
    if len(set(measures)) > 1:
        listed = "; ".join(f"{path}: {measure}" for path, measure in zip(paths, measures, strict=True))
        raise InputError(f"the audits are of several measures ({listed}); expected audits of one")
    known = [name for name, row in MEASURES.items() if row.view]
    if measures[0] not in known:
        raise InputError(
            f"{paths[0]} is of the measure '{measures[0]}', which cannot be compared; expected one "
            f"of {', '.join(known)}"
        )
    return view_of(measures[0])


def _path(source: Source, audit: Audit) -> str:
    return str(audit.folder or "in memory") if isinstance(source, Audit) else str(source)


def distinct_names(paths: Sequence[str], names: Sequence[str] | None = None) -> list[str]:
    """A short name for each: as much of the end of its path as tells them apart.

    Args:
        paths: of audits, or of what else is compared; equal ones are numbered.
        names: the names to take instead.

    Raises:
        InputError: another number of names, or equal ones.

    >>> distinct_names(["runs/a/audit", "runs/b/audit", "runs/b/audit"])
    ['a/audit', 'b/audit', 'b/audit (2)']
    """
    if names is not None:
        if len(names) != len(paths) or len(set(names)) != len(names):
            raise InputError(
                f"{len(names)} names ({', '.join(names)}) for {len(paths)}; expected a name of its own for each"
            )
        return list(names)
    parts = [Path(path).parts for path in paths]
    length = 1
    while length < max(map(len, parts), default=0) and len({each[-length:] for each in parts}) < len(set(parts)):
        length += 1
    seen: dict[str, int] = {}
    result = []
    for each in parts:
        name = str(Path(*each[-length:])) if each else "audit"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _described(side: Side) -> dict[str, Any]:
    manifest, config = side.audit.manifest, side.audit.config
    models = {name: config[name] for name in ("target", "targets", "reference", "references") if config.get(name)}
    folder = None if side.audit.folder is None else str(side.audit.folder)
    return {"name": side.name, "folder": folder, "key": manifest.get("key"), **models}


def _compared(pair: Pair, moved: pa.Table, view: View, *, seed: int, replicates: int) -> dict[str, Any]:
    """What ``summary.json`` says of one audit."""
    numbers = []
    for number in view.numbers(pair):
        found = number.difference(pair, seed=seed, replicates=replicates)
        head = {"key": number.key, "design": number.design, "name": number.name}
        numbers.append({**head, "baseline": found.baseline, "run": found.run, **found.gap.as_dict()})
    defined = {entry["key"] for entry in numbers if entry["low"] is not None}
    known = {entry["key"] for entry in numbers}
    telling = [key for key in view.telling if key in defined] or [key for key in view.telling if key in known]
    return {
        **_described(pair.run),
        "records": pair.counts,
        "headline": telling[0] if telling else None,
        "numbers": numbers,
        "moved": {way: pc.sum(pc.equal(moved["moved"], way)).as_py() or 0 for way in ("more", "less")},
        "differing": differing(pair),
    }
