"""What an import found and left out, in memory and in ``import.json``."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memometer.errors import DamagedError, RejectsError
from memometer.sealing import read_sealed_json
from memometer.storage.paths import AnyPath

__all__ = ["ImportSummary", "boxes_of_import", "check_rejects", "why_rejected"]

HINTS = {
    "duplicate id": "in a table, name a column of unique ids with --id-column",
    "missing image": "relative paths start at the table's own folder; --images FOLDER names another",
    "not UTF-8": "name the encoding of a table with --encoding, e.g. latin-1",
    "malformed row": "cells of several lines are read with --quoting, another separator with --separator",
    "no caption": "name the captions' column or JSON field with --caption-column, or --captions optional keeps them",
}


@dataclasses.dataclass(frozen=True)
class ImportSummary:
    """What an import found, and what it left out.

    Attributes:
        folder: where the records are.
        source: what was imported.
        format: how the source was read.
        n_files: files that make up the source (for COCO and tables without their images).
        n_rejected: records left out; ``reasons`` counts them by kind, commonest first.
        n_without_captions: records with no caption, which are kept where captions are optional.
        n_without_objects: records with no object, whether the source says so or says nothing.
        objects_from: ``"source"``, ``"captions"``, or None where there are no objects.
        width: smallest, median and largest, in px.
        height: smallest, median and largest, in px.
        left_aside: what the source holds beside its records, counted by kind, commonest first; never read as records.
        remarks: what was recognised, or was there and not read, in sentences.
        boxes: boxes that are not as the source has them, by what was done to them.
        n_constant: records whose image is of one colour; the first of them are named in the remarks.
    """

    folder: str
    source: str
    format: str
    n_files: int
    n_records: int
    n_rejected: int
    reasons: dict[str, int]
    n_captions: int
    n_objects: int
    n_without_objects: int
    objects_from: str | None
    width: tuple[int, int, int]
    height: tuple[int, int, int]
    n_without_captions: int = 0
    left_aside: dict[str, int] = dataclasses.field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    boxes: dict[str, int] = dataclasses.field(default_factory=dict)
    n_constant: int = 0

    def to_json(self) -> dict[str, Any]:
        """As ``import.json`` holds it: without the folder, so that equal imports are equal bytes.

        The number of records without captions came later; it is there where it is not 0.
        """
        content = dataclasses.asdict(self)
        del content["folder"]
        if not self.n_without_captions:
            del content["n_without_captions"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any], *, folder: Path) -> "ImportSummary":
        """The inverse of `to_json`."""
        tuples = {name: tuple(content.get(name, ())) for name in ("width", "height", "remarks")}
        return cls(**{**content, **tuples, "folder": str(folder)})


def boxes_of_import(folder: AnyPath) -> dict[str, int]:
    """What the import of a folder of records did to boxes; nothing where no import made it, or it cannot be read."""
    try:
        content = read_sealed_json(folder / "import.json")
    except (DamagedError, OSError):
        return {}
    summary = content.get("summary")
    boxes = summary.get("boxes") if isinstance(summary, dict) else None
    return boxes if isinstance(boxes, dict) else {}


def check_rejects(reasons: Mapping[str, int], *, n_kept: int, max_rejects: float, rejects: Path) -> None:
    """Passes where the share of rejects is allowed.

    Raises:
        RejectsError: more than ``max_rejects`` of the records were rejected.
    """
    n_rejected = sum(reasons.values())
    n_records = n_rejected + n_kept
    if n_rejected <= max_rejects * n_records:
        return
    raise RejectsError(
        f"{n_rejected:,} of {n_records:,} records were rejected, {n_rejected / n_records:.1%}, more than the "
        f"{max_rejects:.1%} allowed{why_rejected(reasons, rejects)}; mend the source, or allow more with "
        "--max-rejects"
    )


def why_rejected(reasons: Mapping[str, int], rejects: Path) -> str:
    """The commonest reasons of rejects and what helps, for a message; "" where there are none."""
    if not reasons:
        return ""
    commonest = ", ".join(f"{count:,} × {reason}" for reason, count in list(reasons.items())[:3])
    hint = HINTS.get(next(iter(reasons)))
    return f": {commonest}; see {rejects}" + (f"; {hint}" if hint else "")
