"""Scenes as a folder of records."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa

from memometer import __version__
from memometer.data.beside import VOCABULARY, noted_files
from memometer.data.records import RECORD_SCHEMA
from memometer.engines import map_ordered
from memometer.errors import InputError
from memometer.files import hash_json, write_text
from memometer.locking import writes
from memometer.progress import notice, progress_bar
from memometer.scenes.drawing import KINDS
from memometer.scenes.planting import PLANTED_SCHEMA, Entry, Planting, plan
from memometer.scenes.samples import Sample, draw_samples, write_shard
from memometer.scenes.styles import style_of
from memometer.sealing import read_sealed_json, write_sealed_json
from memometer.tables import table_writer, write_table

__all__ = ["ScenesSummary", "make_scenes", "vocabulary_text"]

PER_SHARD = 2048
PER_PIECE = 64
MIN_SIZE, MAX_SIZE = 32, 1024

NOTE = "scenes.json"
"""What was asked for, written first, and what came of it, written last."""


@dataclasses.dataclass(frozen=True)
class ScenesSummary:
    """What `make_scenes` wrote.

    Attributes:
        folder: where the records are.
        size: width and height of every image, in px.
        n_records: all records, the copies of repeated ones included.
        n_miscaptioned: records with the captions of another scene.
        n_repeated: records that occur more than once, counted once.
        n_copies: the further occurrences of those.
        n_captions: captions of all records.
        n_objects: objects of all records.
        n_kinds: kinds of objects that there are.
        n_shards: tar shards.
    """

    folder: str
    size: int
    n_records: int
    n_miscaptioned: int
    n_repeated: int
    n_copies: int
    n_captions: int
    n_objects: int
    n_kinds: int
    n_shards: int


@writes("out")
def make_scenes(
    out: str | Path,
    *,
    n: int = 3000,
    kind: Literal["objects", "foreground"] = "objects",
    seed: int = 0,
    size: int = 64,
    miscaptioned: float = 0,
    repeated: int = 0,
    times: int = 8,
    workers: int = 0,
    overwrite: bool = False,
) -> ScenesSummary:
    """Draws scenes and writes them as a folder of records: image-caption pairs whose objects are known exactly.

    A scene of kind ``"objects"`` has three to six objects, most of them typical of its theme; its five captions name at
    most three and always leave one out. A scene of kind ``"foreground"`` has one large object of one of 14 classes,
    which is its label, beside a background with two to four small props; the theme of the background hints at the
    class, and its one caption names both.

    Scene i follows from the kind, the seed and i alone: the first records of a larger set are the same, and so are the
    bytes whatever ``workers``.

    Writes ``images-00000.tar`` and so on (WebDataset layout, ``KEY.jpg`` with ``KEY.json``), ``vocabulary.tsv`` (the
    word forms of every kind), ``planted.parquet`` where anything is planted (`PLANTED_SCHEMA`),
    ``records.parquet``, and ``scenes.json`` last. The same scenes again are there already; killed ones are drawn anew.

    Args:
        out: the folder to write the records to.
        n: how many scenes, from ``scene-000000`` on.
        kind: ``objects``: several objects and captions; ``foreground``: one labelled object before a background that
            hints at it.
        seed: another seed, other scenes.
        size: width and height of the images in px.
        miscaptioned: records that get the captions of another scene: a number (50) or, below 1, a share (0.05).
        repeated: records that occur more than once; copies come last as ``scene-000123-copy-1`` and share a group.
        times: how often each of those occurs, the first included.
        workers: processes that draw; 0 draws in this one.
        overwrite: replace the records in OUT.

    Raises:
        InputError: a number is out of range, or ``out`` already holds records.
        JobError: a worker died.
    """
    folder = Path(out)
    style = style_of(kind)
    planting = Planting(miscaptioned=miscaptioned, repeated=repeated, times=times)
    _check(folder, n=n, size=size, planting=planting)
    key = hash_json([__version__, kind, seed, size, n, float(miscaptioned), repeated, times])
    finished = _standing(folder, key, overwrite=overwrite)
    if finished is not None:
        notice(f"{folder} already holds these scenes; nothing to do (--overwrite draws them again)")
        return finished
    write_sealed_json(folder / NOTE, {"key": key, "summary": None})
    for stale in (folder / "records.parquet", folder / "planted.parquet", *folder.glob("images-?????.tar")):
        stale.unlink(missing_ok=True)

    entries = list(plan(seed, planting, n=n, compose=style.compose))
    samples = _draw(entries, kind=kind, seed=seed, size=size, workers=workers)
    n_captions = n_objects = 0
    with table_writer(folder / "records.parquet", RECORD_SCHEMA) as writer:
        n_shards = -(-len(entries) // PER_SHARD)
        for number in range(n_shards):
            shard = folder / f"images-{number:05d}.tar"
            rows = write_shard(shard, itertools.islice(samples, PER_SHARD))
            n_captions += sum(len(row["captions"]) for row in rows)
            n_objects += sum(len(row["objects"]) for row in rows)
            writer.write_table(pa.Table.from_pylist(rows, schema=RECORD_SCHEMA))
        for _ in samples:  # runs the generator to its end, where the progress bar closes
            pass
        planted = [row for row in (entry.planted for entry in entries) if row is not None]
        if planted:
            write_table(folder / "planted.parquet", pa.Table.from_pylist(planted, schema=PLANTED_SCHEMA))
        write_text(folder / VOCABULARY, vocabulary_text())
    summary = _summary(entries, folder, size=size, n_captions=n_captions, n_objects=n_objects, n_shards=n_shards)
    # Last, for it marks the scenes as drawn. Without the folder, for equal scenes are equal bytes.
    described = {name: value for name, value in dataclasses.asdict(summary).items() if name != "folder"}
    files = noted_files(folder, [VOCABULARY])
    write_sealed_json(folder / NOTE, {"key": key, "summary": described, "files": files})
    return summary


def vocabulary_text() -> str:
    """Every kind with its word forms: a line is ``term<TAB>form form …``, underscores within a form of two words."""
    lines = []
    for word, kind in sorted(KINDS.items()):
        forms = dict.fromkeys(form.replace(" ", "_") for form in kind.forms)
        lines.append(f"{word}\t{' '.join(forms)}\n")
    return "".join(lines)


def _standing(folder: Path, key: str, *, overwrite: bool) -> ScenesSummary | None:
    """What the folder holds, where it is these scenes; None where they are to be drawn, or drawn to their end.

    Raises:
        DamagedError: it cannot tell, and ``overwrite`` is not set.
        InputError: it holds other records, and ``overwrite`` is not set.
    """
    if overwrite or not (folder / "records.parquet").exists():
        return None
    advice = "restore it from a copy, or draw the scenes again with --overwrite"
    note = read_sealed_json(folder / NOTE, advice=advice) if (folder / NOTE).is_file() else {}
    if note.get("key") != key:
        raise InputError(f"{folder} already holds records; choose another --out, or replace them with --overwrite")
    summary = note.get("summary")
    return None if summary is None else ScenesSummary(folder=str(folder), **summary)


def _check(folder: Path, *, n: int, size: int, planting: Planting) -> None:
    if n < 1:
        raise InputError(f"{n} scenes asked for; ask for 1 or more with --n")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"scenes of {size} px asked for; choose a --size from {MIN_SIZE} to {MAX_SIZE} px")
    planting.check(n)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; choose a folder with --out")


def _draw(entries: list[Entry], *, kind: str, seed: int, size: int, workers: int) -> Iterator[Sample]:
    """The samples of all entries, in their order."""
    starts = range(0, len(entries), PER_PIECE)
    pieces = ((kind, seed, size, tuple(entries[start : start + PER_PIECE])) for start in starts)
    workers = 0 if len(entries) <= 4 * PER_PIECE else workers  # few are drawn before a worker process has started
    with progress_bar("drawing scenes", total=len(entries), unit="scenes") as advance:
        for samples in map_ordered(draw_samples, pieces, workers=workers, name=lambda _: "some scenes"):
            yield from samples
            advance(len(samples))


def _summary(
    entries: list[Entry], folder: Path, *, size: int, n_captions: int, n_objects: int, n_shards: int
) -> ScenesSummary:
    copies = sum(entry.group is not None and entry.record_id != entry.group for entry in entries)
    return ScenesSummary(
        folder=str(folder),
        size=size,
        n_records=len(entries),
        n_miscaptioned=sum(entry.captions_from != entry.index for entry in entries),
        n_repeated=sum(entry.record_id == entry.group for entry in entries),
        n_copies=copies,
        n_captions=n_captions,
        n_objects=n_objects,
        n_kinds=len(KINDS),
        n_shards=n_shards,
    )
