"""What else differs between two audits than their models: it may move a number as well."""

import json
from collections.abc import Iterator
from typing import Any

from memometer.comparison.pairing import Pair
from memometer.comparison.view import View

__all__ = ["differing", "notes"]

EXPECTED = {
    "target", "targets", "reference", "references", "further_references", "seed", "gallery", "images", "null",
    "batch_size", "replicates", "records", "public", "vocabulary", "features", "sweep", "histogram",
}  # fmt: skip
"""Options that do not change what is measured, or that name a place whose content is compared by its hash."""
CONTENTS = ("records", "reference_records", "control_records", "public", "fit", "fit_records")


def differing(pair: Pair) -> dict[str, list[Any]]:
    """Option or content → its value in the baseline and in the other audit, where these are not equal."""
    configs = [side.audit.config for side in (pair.baseline, pair.run)]
    names = [name for name in dict.fromkeys([*configs[0], *configs[1]]) if name not in EXPECTED]
    options = {name: [config.get(name) for config in configs] for name in names}
    hashes = [dict(_hashes(side.audit.manifest)) for side in (pair.baseline, pair.run)]
    contents = {name: [each.get(name) for each in hashes] for name in dict.fromkeys([*hashes[0], *hashes[1]])}
    return {name: values for name, values in {**options, **contents}.items() if values[0] != values[1]}


def notes(pair: Pair, view: View) -> list[str]:
    """What a reader must know of two audits before trusting their difference."""
    run, baseline, lines = pair.run.name, pair.baseline.name, []
    found = differing(pair)
    options = [name for name in found if not name.startswith("content of ")]
    if options:
        listed = ", ".join(
            f"{name.replace('_', ' ')} {_shown(found[name][0])} and {_shown(found[name][1])}" for name in options
        )
        lines.append(f"{baseline} and {run} were audited with other options, which may move a number as well: {listed}")
    contents = [name for name in found if name.startswith("content of ")]
    if contents:
        listed = ", ".join(name.removeprefix("content of ") for name in contents)
        lines.append(f"{baseline} and {run} were audited on other data (other records, captions or objects): {listed}")
    left_out = {
        reason: sum(counts[name] for counts in pair.counts.values())
        for reason, name in (
            (f"in {baseline} alone", "n_only_baseline"),
            (f"in {run} alone", "n_only_run"),
            ("scored in one of them alone", "n_scored_by_one"),
        )
    }
    if any(left_out.values()):
        listed = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items() if n)
        lines.append(f"{run}: the paired numbers leave records out: {listed}; see unpaired.parquet")
    parts = [name for name in pair.counts if name not in pair.parts]
    if parts:
        lines.append(
            f"{run} and {baseline} share no records in the part {', '.join(parts)}, so numbers of it are missing"
        )
    lacking = ((side.name, view.lacking(side.audit)) for side in (pair.baseline, pair.run))
    return [*lines, *(f"{name}: {why}" for name, why in lacking if why)]


def _hashes(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Content → hash, of the records that an audit read."""
    for name in CONTENTS:
        entry = manifest.get(name)
        if isinstance(entry, dict) and isinstance(entry.get("hash"), str):
            yield f"content of {name.replace('_', ' ')}", entry["hash"]
        elif isinstance(entry, dict):
            for part, inner in entry.items():
                if isinstance(inner, dict) and isinstance(inner.get("hash"), str):
                    yield f"content of {name.replace('_', ' ')}, {part}", inner["hash"]


def _shown(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
