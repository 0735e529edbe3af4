"""WebDataset and img2dataset tar shards: samples by the names of their members; nothing is extracted or unpickled."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, ClassVar

from memometer.data.images import ImageRef
from memometer.data.sniffing import HEAD_BYTES
from memometer.data.sources.base import (
    MAX_ENCODED_BYTES,
    Aside,
    BadRecordError,
    Draft,
    Piece,
    Plan,
    Reject,
    valid_text,
)
from memometer.data.sources.file_splits import split_remarks
from memometer.data.sources.img2dataset import fetched, table_of
from memometer.data.sources.pairing import FURTHER_IMAGE, Sample, pair_files
from memometer.data.sources.sidecars import ANNOTATION_SUFFIX, MAX_SIDECAR_BYTES, SidecarOptions, read_sidecars
from memometer.data.sources.tar_members import BrokenTarError, Member, members_of
from memometer.errors import SourceError
from memometer.storage.reading import head_bytes, open_binary

__all__ = ["TarReader"]


@dataclasses.dataclass(frozen=True)
class TarReader:
    """Tar shards in WebDataset's layout; one piece is one shard.

    A sample is an image and the members that are named like it, wherever they stand in the shard: its headers are read
    first, then each sample's members. Names with dots pair by the longest name that they share (see `pair_files`); the
    record's id is the image's path without its suffix, a leading ``./`` left out. Where a member stands twice the first
    one counts, and the second is a reject. Texts without an image are rejects; all other members are counted.

    Attributes:
        sidecars: how the members beside the images are read.
        roles: by shard, the split that its name tells; a role of the JSON goes before it.
    """

    format: ClassVar[str] = "webdataset"
    paths: tuple[str, ...]
    sidecars: SidecarOptions = dataclasses.field(default_factory=SidecarOptions)
    roles: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def files(self) -> Iterator[str | Path]:
        """The shards, and where the names of classes are from."""
        yield from self.paths
        yield from filter(None, map(table_of, self.paths))
        if self.sidecars.names is not None:
            yield Path(self.sidecars.names.path)

    def plan(self, scratch: Path) -> Plan:  # noqa: ARG002 (the protocol's signature)
        """One piece per shard.

        Raises:
            SourceError: a shard is compressed, so that its members have no offset to be read at.
        """
        for path in self.paths:
            if head_bytes(path, 6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
                raise SourceError(
                    f"{path} is compressed; memometer reads images at their place in a plain tar: "
                    "decompress it first (images hardly shrink anyway)"
                )
        return Plan([Piece(path) for path in self.paths], {}, split_remarks(self.roles))

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The samples of one shard, in the order of their images. Where it breaks off, the samples before it stay."""
        members: list[Member] = []
        broken: BrokenTarError | None = None
        try:
            with open_binary(piece.path) as file:
                try:
                    members.extend(members_of(file))
                except BrokenTarError as error:
                    broken = error
                yield from self._samples(members, file, piece.path, broken=broken)
        except OSError as error:
            yield Reject(None, piece.path, "", f"unreadable shard: {error}")

    def _samples(
        self, members: list[Member], file: BinaryIO, path: str, *, broken: BrokenTarError | None
    ) -> Iterator[Draft | Reject | Aside]:
        first, repeats = _first_of_each_name(members)
        cut = None if broken is None else _cut_key(first, broken)
        aside: Counter[str] = Counter()
        found: list[tuple[int, str, Sample, list[Member]]] = []
        orphans: list[Reject] = []
        for folder, inside in first.items():
            bases = [member.base for member in inside]
            pairing = pair_files(bases, head=functools.partial(_head, file, inside), one_per_key=True)
            aside.update(pairing.aside.values())
            for stem, places in pairing.orphans.items():
                known = _orphan(path, folder, stem, [inside[place] for place in places])
                if known is None:
                    aside[f"{ANNOTATION_SUFFIX} of no image"] += len(places)
                elif cut != known.record_id:
                    orphans.append(known)
            found += [(inside[sample.images[0]].offset, folder, sample, inside) for sample in pairing.samples]
        for _, folder, sample, inside in sorted(found, key=lambda entry: entry[0]):
            record_id = f"{folder}/{sample.stem}" if folder else sample.stem
            aside[FURTHER_IMAGE] += len(sample.images) - 1
            if record_id == cut:
                continue
            yield from self._draft(record_id, sample, inside, file, path)
        yield from orphans
        for record_id, names in repeats.items():
            name, count = names.most_common(1)[0]
            reason = f"duplicate id: {name} stands in the tar {count + 1} times; the first stays"
            yield from [Reject(record_id, path, name, reason)] * count
        yield from (Aside(kind, count) for kind, count in aside.items() if count)
        yield from fetched(path, {sample.stem for _, _, sample, _ in found})
        if broken is not None:
            yield Reject(cut, path, broken.name or "", str(broken))

    def _draft(
        self, record_id: str, sample: Sample, inside: list[Member], file: BinaryIO, path: str
    ) -> Iterator[Draft | Reject | Aside]:
        image = inside[sample.images[0]]
        try:
            data = _content(file, image, largest=MAX_ENCODED_BYTES)
            beside = sample.sidecars.items()
            texts = {suffix: _content(file, inside[place], largest=MAX_SIDECAR_BYTES) for suffix, place in beside}
            sidecar = read_sidecars(texts, self.sidecars)
            draft = Draft(
                record_id=valid_text(record_id, what="the member's name"),
                source=path,
                member=valid_text(image.name, what="the member's name"),
                image=ImageRef(path, offset=image.offset, length=image.length),
                data=data,
                captions=sidecar.captions,
                label=sidecar.label,
                labels=sidecar.labels,
                group=sidecar.group,
                role=sidecar.role if self.sidecars.fields.role else self.roles.get(path),
                within=path.removesuffix(".tar"),
                uid=sidecar.uid,
            )
        except BadRecordError as error:
            yield Reject(record_id, path, image.name, str(error))
            return
        yield from sidecar.aside
        yield draft


def _first_of_each_name(members: list[Member]) -> tuple[dict[str, list[Member]], dict[str, Counter[str]]]:
    """By folder, the first member of every name; and by record id, how often names come again."""
    first: dict[str, dict[str, Member]] = {}
    repeats: dict[str, Counter[str]] = {}
    for member in members:
        inside = first.setdefault(member.folder, {})
        if member.base in inside:
            repeats.setdefault(_id_of(member.name), Counter())[member.name] += 1
        else:
            inside[member.base] = member
    return {folder: list(inside.values()) for folder, inside in first.items()}, repeats


def _orphan(path: str, folder: str, stem: str, texts: list[Member]) -> Reject | None:
    """A sample without an image; None where it is an annotation alone, which may be of anything."""
    if all(text.base.lower().endswith(ANNOTATION_SUFFIX) for text in texts):
        return None
    problem = next((text.problem for text in texts if text.problem is not None), None)
    return Reject(f"{folder}/{stem}" if folder else stem, path, texts[0].name, problem or "no image")


def _cut_key(first: dict[str, list[Member]], broken: BrokenTarError) -> str | None:
    """The sample that shares the fault: that of the member that is cut, else the last one, which may lack members."""
    if broken.name is not None:
        return _id_of(broken.name)
    last = max((member for inside in first.values() for member in inside), key=lambda m: m.offset, default=None)
    return None if last is None else _id_of(last.name)


def _id_of(name: str) -> str:
    folder, _, base = name.removeprefix("./").rpartition("/")
    stem = base[: base.rindex(".")] if "." in base[1:] else base
    return f"{folder}/{stem}" if folder else stem


def _head(file: BinaryIO, inside: list[Member], place: int) -> bytes:
    member = inside[place]
    file.seek(member.offset)
    return file.read(min(HEAD_BYTES, member.length)) if member.problem is None else b""


def _content(file: BinaryIO, member: Member, *, largest: int) -> bytes:
    if member.problem is not None:
        raise BadRecordError(member.problem)
    if member.length > largest:
        raise BadRecordError(f"too large: {member.name} has {member.length:,} bytes")
    file.seek(member.offset)
    return file.read(member.length)
