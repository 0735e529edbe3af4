"""WebDataset and img2dataset tar shards, read once from start to end; nothing is extracted or unpickled."""

import dataclasses
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, ClassVar

from memometer.data.images import ImageRef
from memometer.data.sources.base import (
    IMAGE_SUFFIXES,
    MAX_ENCODED_BYTES,
    BadRecordError,
    Draft,
    Fields,
    Piece,
    Plan,
    Reject,
    valid_text,
)
from memometer.data.sources.sidecars import ANNOTATION_SUFFIX, MAX_SIDECAR_BYTES, SIDECAR_SUFFIXES, read_sidecars
from memometer.errors import SourceError

__all__ = ["TarReader"]

BLOCK = tarfile.BLOCKSIZE


@dataclasses.dataclass(frozen=True)
class TarReader:
    """Tar shards in WebDataset's layout; one piece is one shard.

    A sample is a run of members that share a key: the member's path up to the first dot of its base name, as
    WebDataset has it, a leading ``./`` left out. The key is the record's id. Where a sample holds several images the
    first counts. Members other than images, ``.txt``, ``.json`` and ``.xml`` are passed over unread; so is an ``.xml``
    that does not stand beside a member of its own sample, before or after.
    """

    format: ClassVar[str] = "webdataset"
    paths: tuple[str, ...]
    fields: Fields = dataclasses.field(default_factory=Fields)

    def files(self) -> Iterator[Path]:
        """The shards."""
        yield from map(Path, self.paths)

    def plan(self, scratch: Path) -> Plan:  # noqa: ARG002 (the protocol's signature)
        """One piece per shard.

        Raises:
            SourceError: a shard is compressed, so that its members have no offset to be read at.
        """
        for path in self.paths:
            with Path(path).open("rb") as file:
                if file.read(6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
                    raise SourceError(
                        f"{path} is compressed; memometer reads images at their place in a plain tar: "
                        "decompress it first (images hardly shrink anyway)"
                    )
        return Plan([Piece(path) for path in self.paths])

    def read(self, piece: Piece) -> Iterator[Draft | Reject]:
        """The samples of one shard. Where the shard breaks off, the samples before the break stay."""
        sample: _Sample | None = None
        early: _Member | None = None  # an XML that stands before its sample, or belongs to none
        try:
            with Path(piece.path).open("rb") as file:
                for member in _members(file):
                    if member.suffix == ANNOTATION_SUFFIX and (sample is None or member.key != sample.key):
                        early = member
                        continue
                    if sample is not None and member.key != sample.key:
                        yield self._finish(sample, piece)
                        sample = None
                    if sample is None:
                        sample = _Sample(key=member.key, member=member.name)
                        if early is not None and early.key == sample.key:
                            sample.add(early, file, piece.path)
                    sample.add(member, file, piece.path)
        except (_BrokenTarError, OSError) as error:
            cut = error.key if isinstance(error, _BrokenTarError) else None
            if sample is not None and cut is not None and cut != sample.key:
                yield self._finish(sample, piece)  # the break is in the next sample, so this one is whole
                sample = None
            # Without the next header nobody knows whether the last sample had more members: it shares the reject.
            key, name = (sample.key, sample.member) if sample is not None else (cut, cut or "")
            yield Reject(key, piece.path, name, str(error))
            return
        if sample is not None:
            yield self._finish(sample, piece)

    def _finish(self, sample: "_Sample", piece: Piece) -> Draft | Reject:
        try:
            return self._draft(sample, piece)
        except BadRecordError as error:
            return Reject(sample.key, piece.path, sample.member, str(error))

    def _draft(self, sample: "_Sample", piece: Piece) -> Draft:
        if sample.problem:
            raise BadRecordError(sample.problem)
        if sample.image is None:
            raise BadRecordError("no image")
        sidecar = read_sidecars(sample.sidecars, self.fields)
        return Draft(
            record_id=valid_text(sample.key, what="the member's name"),
            source=piece.path,
            member=valid_text(sample.member, what="the member's name"),
            image=sample.image,
            data=sample.data,
            captions=sidecar.captions,
            label=sidecar.label,
            labels=sidecar.labels,
            group=sidecar.group,
            role=sidecar.role,
        )


class _BrokenTarError(Exception):
    """The tar cannot be read on; ``key`` is the sample of the member that is cut, where its header is whole."""

    def __init__(self, reason: str, *, key: str | None = None) -> None:
        super().__init__(reason)
        self.key = key


@dataclasses.dataclass(frozen=True)
class _Member:
    name: str
    key: str
    suffix: str
    offset: int
    length: int
    problem: str | None


@dataclasses.dataclass
class _Sample:
    key: str
    member: str
    image: ImageRef | None = None
    data: bytes | None = None
    sidecars: dict[str, bytes] = dataclasses.field(default_factory=dict)
    problem: str | None = None

    def add(self, member: _Member, file: BinaryIO, path: str) -> None:
        """Takes what the sample needs of one member; the file's place does not matter, before or after."""
        is_image = member.suffix in IMAGE_SUFFIXES
        largest = MAX_ENCODED_BYTES if is_image else MAX_SIDECAR_BYTES
        if member.problem is None and member.length > largest:
            self.problem = self.problem or f"too large: {member.name} has {member.length:,} bytes"
        elif member.problem is not None:
            self.problem = self.problem or member.problem
        elif is_image and self.image is None:
            self.member = member.name
            self.image = ImageRef(path, offset=member.offset, length=member.length)
            self.data = _read_at(file, member)
        elif not is_image:
            self.sidecars.setdefault(member.suffix, _read_at(file, member))


def _read_at(file: BinaryIO, member: _Member) -> bytes:
    file.seek(member.offset)
    return file.read(member.length)


def _members(file: BinaryIO) -> Iterator[_Member]:
    """The members that matter, in order; every one lies wholly within the file.

    Raises:
        _BrokenTarError: the tar ends early or holds a damaged header.
    """
    size = os.fstat(file.fileno()).st_size
    position = 0
    try:
        # `file` is the caller's to close.
        tar = tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 (above)
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # tarfile would remember every member: memory without bound
            if info.size < 0 or info.offset_data < position:  # a hostile header could send tarfile back for ever
                raise _BrokenTarError(f"damaged tar: impossible header at byte {position:,}")
            if info.isreg() and info.offset_data + info.size > size:
                raise _BrokenTarError(f"tar ends early: at byte {size:,}", key=_key(info.name))
            position = tar.offset
            member = _member(info)
            if member is not None:
                yield member
        _check_end(file, tar.offset)
    except (tarfile.TarError, ValueError, EOFError, OverflowError, LookupError, MemoryError, RecursionError) as error:
        # tarfile lets more than TarError through on hostile headers.
        early = file.tell() >= size
        raise _BrokenTarError(f"tar ends early: at byte {size:,}" if early else f"damaged tar: {error}") from error


def _check_end(file: BinaryIO, offset: int) -> None:
    """tarfile takes any damaged header but the first for the end; a whole tar ends with blocks of zeros."""
    file.seek(offset)
    block = file.read(BLOCK)
    if not block:
        raise _BrokenTarError(f"tar ends early: no end mark at byte {offset:,}")
    if block.strip(b"\0"):
        kind = "tar ends early: within the header" if len(block) < BLOCK else "damaged tar: no header"
        raise _BrokenTarError(f"{kind} at byte {offset:,}")


def _key(name: str) -> str | None:
    """The key of a member's sample; None for hidden files, which have none."""
    path = PurePosixPath(name)
    stem = path.name.partition(".")[0]
    return str(path.with_name(stem)) if stem else None


def _member(info: tarfile.TarInfo) -> _Member | None:
    """A member's part in a sample; None where it has none (folders, hidden files, other suffixes)."""
    path, key = PurePosixPath(info.name), _key(info.name)
    suffix = "." + path.name.partition(".")[2].lower()
    if info.isdir() or key is None or suffix not in IMAGE_SUFFIXES | SIDECAR_SUFFIXES:
        return None
    problem = None
    if path.is_absolute() or ".." in path.parts:
        problem = "unsafe name: points outside the tar"
    elif not info.isreg() or info.issparse():
        problem = "not a plain file: a link, a device or a sparse file"
    return _Member(info.name, key, suffix, info.offset_data, info.size, problem)
