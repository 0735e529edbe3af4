"""What stands around the charts: the facts, the table of gaps, the warnings, the provenance."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from memometer.report.text import Clipped, clip, count, plain
from memometer.runs import Run

__all__ = ["left_out", "provenance", "rows", "warnings"]

MAX_LINES = 60
MAX_TEXT = 600


def warnings(audit: Run) -> tuple[Clipped, ...]:
    """What a reader must know before trusting the numbers."""
    lines = list(audit.summary.notes)
    models = {role: audit.manifest.get(role) or {} for role in ("target", "reference")}
    for role, model in models.items():
        lines += [f"{role}: {text}" for text in model.get("warnings") or [] if not any(text in line for line in lines)]
    hashes = [model.get("weights_hash") for model in models.values()]
    if hashes[0] is not None and hashes[0] == hashes[1]:
        lines.append("target and reference have the same weights, so every gap is 0 by construction")
    duplicates = audit.summary.duplicates.n if audit.summary.duplicates else 0
    if duplicates and not any("duplicate" in line for line in lines):
        biased = "may flatter the probe" if audit.summary.measure == "utility" else "may bias every number"
        lines.append(f"{duplicates:,} pair{'s' * (duplicates != 1)} of duplicate images across roles {biased}")
    return tuple(clip(line[:1].upper() + line[1:], limit=MAX_TEXT) for line in lines[:MAX_LINES])


def left_out(audit: Run, skipped: Iterable[tuple[str, dict[str, int]]]) -> tuple[tuple[str, Clipped, str], ...]:
    """Records and public images left out: (where, reason, how many).

    Args:
        audit: its table ``rejects`` is told of, too.
        skipped: where, and reason → how many were not scored there.
    """
    left: list[tuple[str, Clipped, str]] = []
    for where, counts in skipped:
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        left += [(where, clip(reason, limit=MAX_TEXT), count(n)) for reason, n in ordered]
    if audit.rejects.num_rows:
        grouped = audit.rejects.group_by(["side", "reason"]).aggregate([("record_id", "count")])
        for entry in grouped.sort_by([("record_id_count", "descending")]).slice(0, MAX_LINES).to_pylist():
            side = clip(entry["side"], limit=MAX_TEXT).text
            left.append((side, clip(entry["reason"], limit=MAX_TEXT), count(entry["record_id_count"])))
    return tuple(left[:MAX_LINES])


def provenance(manifest: dict[str, Any]) -> tuple[tuple[str, tuple[tuple[str, Clipped], ...]], ...]:
    """What the audit was made of: (heading, (name, value) pairs)."""
    software = {"memometer": manifest.get("memometer"), "commit": manifest.get("commit")}
    software |= {name: manifest.get(name) for name in ("python", "platform", "seed", "started", "finished")}
    software |= dict(sorted((manifest.get("packages") or {}).items()))
    sections = [("Software", software)]
    records = manifest.get("records") or {}
    sides = {f"{side}_records": values for side, values in records.items() if isinstance(values, dict)}
    parts = {**manifest, **sides, "records": None if sides else records}
    for key, heading in (
        ("target", "Target model"),
        ("reference", "Reference model"),
        ("records", "Records"),
        ("reference_records", "Records, roles swapped"),
        ("control_records", "Control records"),
        ("public", "Public set"),
        ("test_records", "Records under test"),
        ("probe_records", "The probe’s training records"),
    ):
        if parts.get(key):
            sections.append((heading, dict(parts[key])))
    sections += [
        (f"Reference model {place}", dict(model))
        for place, model in enumerate(manifest.get("further_references") or [], start=2)
    ]
    for key, heading in (("targets", "Target model"), ("references", "Reference model"), ("models", "Model")):
        several = manifest.get(key) or []
        sections += [
            (heading if len(several) == 1 else f"{heading} {place}", dict(model))
            for place, model in enumerate(several, start=1)
        ]
    return (*((heading, rows(values)) for heading, values in sections), *_prompts(manifest))


def _prompts(manifest: dict[str, Any]) -> Iterator[tuple[str, tuple[tuple[str, Clipped], ...]]]:
    """The templates of prompts, and the words that stand in them for each class."""
    words = manifest.get("classes") or {}
    for heading, lines in (
        ("Prompt templates", [(str(place), text) for place, text in enumerate(manifest.get("templates") or [], 1)]),
        ("Classes in prompts", [(plain(name), words[name]) for name in manifest.get("class_order") or []]),
    ):
        shown = [(name, clip(text, limit=MAX_TEXT)) for name, text in lines[:MAX_LINES]]
        if len(lines) > MAX_LINES:
            shown.append(("…", clip(f"{count(len(lines) - MAX_LINES)} more in manifest.json", limit=MAX_TEXT)))
        if shown:
            yield heading, tuple(shown)


def rows(values: dict[str, Any]) -> tuple[tuple[str, Clipped], ...]:
    """Names and values, such as those of options, as they are shown; without those that say nothing."""
    kept = [(key, value) for key, value in values.items() if value not in (None, [], {})]
    return tuple((key.replace("_", " "), clip(_text(value), limit=MAX_TEXT)) for key, value in kept[:MAX_LINES])


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
