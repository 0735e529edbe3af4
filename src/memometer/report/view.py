"""What stands around the charts: the facts, the table of gaps, the warnings, the provenance."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from memometer.report.charts.table import Numbers
from memometer.report.gaps import DESIGNS, MEASURES, SCOPES, find_gap, shown_designs
from memometer.report.text import DASH, Clipped, clip, count, plain

if TYPE_CHECKING:
    from memometer.audits.schema import VLDejaVuSummary
    from memometer.runs import Run
    from memometer.runs.schema import Number

__all__ = ["GapRow", "config_rows", "facts", "gap_groups", "left_out", "means", "provenance", "reasons", "warnings"]

MAX_LINES = 60
MAX_TEXT = 600


@dataclasses.dataclass(frozen=True)
class GapRow:
    """One line of the table of gaps: a measure over all and over unmentioned objects."""

    name: str
    meaning: str
    gaps: "tuple[Number, ...]"


def gap_groups(summary: "VLDejaVuSummary") -> tuple[tuple[str, tuple[GapRow, ...]], ...]:
    """The table of gaps: (design, its rows)."""
    return tuple(
        (
            DESIGNS[design],
            tuple(
                GapRow(
                    name,
                    meaning,
                    tuple(find_gap(summary, design=design, scope=scope, measure=measure) for scope in SCOPES),
                )
                for measure, (name, meaning) in MEASURES.items()
            ),
        )
        for design in shown_designs(summary)
    )


def reasons(summary: "VLDejaVuSummary") -> tuple[str, ...]:
    """Why gaps of the table are undefined, each reason once."""
    found = {
        gap.reason: None
        for _, rows in gap_groups(summary)
        for row in rows
        for gap in row.gaps
        if gap.value is None and gap.reason
    }
    return tuple(clip(reason, limit=MAX_TEXT).text for reason in found)


def facts(audit: "Run[VLDejaVuSummary]") -> tuple[tuple[str, Clipped], ...]:
    """What was tested, in a few words each."""
    summary = audit.summary
    scored = {
        "Records scored": summary,
        "Records scored, roles swapped": summary.backward,
        "Control records": summary.control,
    }
    pairs: list[tuple[str, object]] = [
        ("Target", summary.target),
        ("Reference", summary.reference),
        *((name, f"{count(part.n_scored)} of {count(part.n_records)}") for name, part in scored.items() if part),
        ("Public images", count(summary.n_public)),
        *(
            (f"{model.capitalize()} searches", f"public {side}")
            for model, side in summary.searched.items()
            if side != "images"
        ),
        ("Neighbours", f"k = {summary.k}"),
        ("Query", summary.query),
    ]
    return tuple((name, clip(value, limit=MAX_TEXT)) for name, value in pairs)


def means(summary: "VLDejaVuSummary") -> Numbers:
    """The mean scores behind the gaps."""
    rows = []
    names = {"forward": "Target's records", "backward": "Reference's records", "control": "Control records"}
    for direction, scopes in summary.means.items():
        for scope_name, found in zip(SCOPES.values(), (scopes.all, scopes.unmentioned), strict=True):
            trained = "target, never saw them" if direction == "control" else "trained on them"
            untrained = "reference" if direction == "control" else "never saw them"
            for model_name, scores in (
                (trained, (found.precision_target, found.recall_target, found.f_target)),
                (untrained, (found.precision_reference, found.recall_reference, found.f_reference)),
            ):
                if any(score is not None for score in scores):
                    cells = (DASH if score is None else f"{score:.3f}" for score in scores)
                    rows.append((names[direction], scope_name, model_name, *cells))
    return Numbers(("Records", "Objects", "Model", "Precision", "Recall", "F"), tuple(rows), n_text=3)


def warnings(audit: "Run") -> tuple[Clipped, ...]:
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


def left_out(audit: "Run", skipped: Iterable[tuple[str, dict[str, int]]]) -> tuple[tuple[str, Clipped, str], ...]:
    """Records and public images left out: (where, reason, how many).

    Args:
        audit: its table ``rejects`` is told of, too.
        skipped: where, and reason → how many were not scored there.
    """
    rows: list[tuple[str, Clipped, str]] = []
    for where, counts in skipped:
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        rows += [(where, clip(reason, limit=MAX_TEXT), count(n)) for reason, n in ordered]
    if audit.rejects.num_rows:
        grouped = audit.rejects.group_by(["side", "reason"]).aggregate([("record_id", "count")])
        for entry in grouped.sort_by([("record_id_count", "descending")]).slice(0, MAX_LINES).to_pylist():
            side = clip(entry["side"], limit=MAX_TEXT).text
            rows.append((side, clip(entry["reason"], limit=MAX_TEXT), count(entry["record_id_count"])))
    return tuple(rows[:MAX_LINES])


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
    return (*((heading, _pairs(values)) for heading, values in sections), *_prompts(manifest))


def _prompts(manifest: dict[str, Any]) -> Iterator[tuple[str, tuple[tuple[str, Clipped], ...]]]:
    """The templates of prompts, and the words that stand in them for each class."""
    words = manifest.get("classes") or {}
    for heading, lines in (
        ("Prompt templates", [(str(place), text) for place, text in enumerate(manifest.get("templates") or [], 1)]),
        ("Classes in prompts", [(plain(name), words[name]) for name in manifest.get("class_order") or []]),
    ):
        rows = [(name, clip(text, limit=MAX_TEXT)) for name, text in lines[:MAX_LINES]]
        if len(lines) > MAX_LINES:
            rows.append(("…", clip(f"{count(len(lines) - MAX_LINES)} more in manifest.json", limit=MAX_TEXT)))
        if rows:
            yield heading, tuple(rows)


def config_rows(config: dict[str, Any]) -> tuple[tuple[str, Clipped], ...]:
    """The options as resolved."""
    return _pairs(config)


def _pairs(values: dict[str, Any]) -> tuple[tuple[str, Clipped], ...]:
    kept = [(key, value) for key, value in values.items() if value not in (None, [], {})]
    return tuple((key.replace("_", " "), clip(_text(value), limit=MAX_TEXT)) for key, value in kept[:MAX_LINES])


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
