"""From an entry of the plan to all that is stored of its record, and tar shards of those."""

import dataclasses
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import decode_image
from memometer.files import atomic_path, hash_bytes
from memometer.scenes.planting import Entry
from memometer.scenes.rendering import Box, render
from memometer.scenes.styles import style_of

__all__ = ["Sample", "draw_samples", "write_shard"]

BLOCK = 512
"""Bytes: a tar is made of such blocks."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """One record as it is stored.

    Attributes:
        image: JPEG bytes.
        boxes: x, y, width, height in px, parallel to ``objects``.
    """

    entry: Entry
    theme: str
    size: int
    image: bytes
    image_phash: int
    captions: tuple[str, ...]
    label: str | None
    objects: tuple[str, ...]
    boxes: tuple[Box, ...]

    def describe(self) -> bytes:
        """The JSON beside the image in a tar."""
        content: dict[str, Any] = {
            "captions": self.captions,
            "objects": self.objects,
            "boxes": self.boxes,
            "theme": self.theme,
        }
        if self.label is not None:
            content["label"] = self.label
        if self.entry.group is not None:
            content["group"] = self.entry.group
        return json.dumps(content).encode()

    def row(self, *, shard: str, offset: int) -> dict[str, Any]:
        """Its row of ``records.parquet``."""
        return {
            "record_id": self.entry.record_id,
            "image_path": shard,
            "image_offset": offset,
            "image_length": len(self.image),
            "width": self.size,
            "height": self.size,
            "image_hash": hash_bytes(self.image),
            "image_phash": self.image_phash,
            "captions": self.captions,
            "label": self.label,
            "objects": self.objects,
            "boxes": self.boxes,
            "group": self.entry.group,
        }


def draw_samples(job: tuple[str, int, int, tuple[Entry, ...]]) -> list[Sample]:
    """Draws the entries of ``(kind of scenes, seed, size in px, entries)``: one piece of work for a pool."""
    kind, seed, size, entries = job
    return [_draw(entry, kind=kind, seed=seed, size=size) for entry in entries]


def _draw(entry: Entry, *, kind: str, seed: int, size: int) -> Sample:
    style = style_of(kind)
    scene = style.compose(seed, entry.index)
    told = scene if entry.captions_from == entry.index else style.compose(seed, entry.captions_from)
    picture = render(scene, size=size)
    buffer = io.BytesIO()
    picture.image.save(buffer, "JPEG", quality=92, subsampling=0)
    data = buffer.getvalue()
    return Sample(
        entry=entry,
        theme=scene.theme.name,
        size=size,
        image=data,
        image_phash=perceptual_hash(decode_image(data)),
        captions=style.captions(told),
        label=scene.label,
        objects=tuple(item.kind.word for item in scene.items),
        boxes=picture.boxes,
    )


def write_shard(path: Path, samples: Iterable[Sample]) -> list[dict[str, Any]]:
    """Writes a WebDataset shard, ``KEY.jpg`` and ``KEY.json`` of every sample; returns the rows of the records."""
    rows = []
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for sample in samples:
            key = sample.entry.record_id
            rows.append(sample.row(shard=path.name, offset=_add(file, f"{key}.jpg", sample.image)))
            _add(file, f"{key}.json", sample.describe())
        file.write(bytes(2 * BLOCK))
    return rows


def _add(file: io.BufferedWriter, name: str, data: bytes) -> int:
    """Adds a member without owner or date, so that equal scenes are equal bytes; returns where its data starts."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    file.write(member.tobuf(tarfile.USTAR_FORMAT))
    offset = file.tell()
    file.write(data + bytes(-len(data) % BLOCK))
    return offset
