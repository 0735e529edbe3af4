"""The members of a tar, from its headers alone; nothing is extracted."""

import dataclasses
import os
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from memometer.memory import memory_is_short

__all__ = ["BrokenTarError", "Member", "members_of"]

BLOCK = tarfile.BLOCKSIZE


class BrokenTarError(Exception):
    """The tar cannot be read on; ``name`` is the member that is cut, where its header is whole."""

    def __init__(self, reason: str, *, name: str | None = None) -> None:
        super().__init__(reason)
        self.name = name


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One member that is no folder.

    Attributes:
        name: as the tar has it.
        folder: of the name, a leading ``./`` left out; "" for none.
        base: the last part of the name.
        offset: of the content in the tar.
        length: of the content.
        problem: why the content cannot be taken; None where it can.
    """

    name: str
    folder: str
    base: str
    offset: int
    length: int
    problem: str | None


def members_of(file: BinaryIO) -> Iterator[Member]:
    """The members in order; every one lies wholly within the file.

    Raises:
        BrokenTarError: the tar ends early or holds a damaged header.
    """
    size = file.seek(0, os.SEEK_END)
    position = file.seek(0)
    try:
        # `file` is the caller's to close.
        tar = tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 (above)
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # tarfile would remember every member: memory without bound
            if info.size < 0 or info.offset_data < position:  # a hostile header could send tarfile back for ever
                raise BrokenTarError(f"damaged tar: impossible header at byte {position:,}")
            if info.isreg() and info.offset_data + info.size > size:
                raise BrokenTarError(f"tar ends early: at byte {size:,}", name=info.name)
            position = tar.offset
            if not info.isdir():
                yield _member(info)
        _check_end(file, tar.offset)
    except (tarfile.TarError, ValueError, EOFError, OverflowError, LookupError, MemoryError, RecursionError) as error:
        # tarfile lets more than TarError through on hostile headers.
        if memory_is_short(error):
            raise
        early = file.tell() >= size
        raise BrokenTarError(f"tar ends early: at byte {size:,}" if early else f"damaged tar: {error}") from error


def _member(info: tarfile.TarInfo) -> Member:
    path = PurePosixPath(info.name)
    problem = None
    if path.is_absolute() or ".." in path.parts:
        problem = "unsafe name: points outside the tar"
    elif not info.isreg() or info.issparse():
        problem = "not a plain file: a link, a device or a sparse file"
    folder = str(path.parent)
    return Member(info.name, "" if folder == "." else folder, path.name, info.offset_data, info.size, problem)


def _check_end(file: BinaryIO, offset: int) -> None:
    """tarfile takes any damaged header but the first for the end; a whole tar ends with blocks of zeros."""
    file.seek(offset)
    block = file.read(BLOCK)
    if not block:
        raise BrokenTarError(f"tar ends early: no end mark at byte {offset:,}")
    if block.strip(b"\0"):
        kind = "tar ends early: within the header" if len(block) < BLOCK else "damaged tar: no header"
        raise BrokenTarError(f"{kind} at byte {offset:,}")
