"""Who makes which piece of a folder that several share: a claim is a file that is created once.

``00012.claim-1`` beside the pieces says who makes piece 12. Its maker writes a growing number into it; one whose number
has stood still for a while, by the observer's own clock, is taken to be dead, and who creates ``00012.claim-2`` goes on
in its place. No clocks are compared, and a maker that was only slow does no harm: a piece that is made twice is the
same bytes, and each is whole or absent.
"""

import contextlib
import dataclasses
import json
import os
import re
import threading
import time
from typing import Self

from memometer.errors import JobError, MemometerError
from memometer.files import create_file
from memometer.storage.paths import AnyPath, StorePath
from memometer.storage.requests import UnreachableError

__all__ = ["BEAT", "PATIENCE", "Claims", "Taken"]

BEAT = 5.0
"""Seconds between two signs of life."""

PATIENCE = 60.0
"""Seconds without one after which a claim is another's. Clients of a network file system see new bytes late."""

NAME = re.compile(r"(\d{5,})\.claim-(\d+)")


@dataclasses.dataclass(frozen=True)
class Taken:
    """A piece that is ours now.

    Attributes:
        piece: its number.
        before: who had claimed it and is held to be dead; None where nobody had.
    """

    piece: int
    before: str | None


class Claims:
    """The claims on the pieces of one folder.

    Args:
        folder: of the pieces.
        who: this process, in words.
    """

    def __init__(self, folder: AnyPath, *, who: str) -> None:
        self._folder, self._who = folder, who
        self._held: dict[int, AnyPath] = {}
        self._seen: dict[AnyPath, tuple[bytes, float]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._beats = threading.Thread(target=self._beat, daemon=True, name="signs of life")

    def __enter__(self) -> Self:
        self._beats.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Gives up what is still held, so that nobody waits for it."""
        self._over.set()
        self._beats.join()
        for piece in list(self._held):
            self.give_up(piece)

    def standing(self) -> tuple[set[int], dict[int, int]]:
        """The pieces that have a file, damaged or not, and the number of the last claim on each that is claimed.

        Raises:
            JobError: the folder is gone.
        """
        there, claimed = set[int](), dict[int, int]()
        try:
            names = _names(self._folder)
        except OSError as error:
            raise _gone(self._folder, error) from error
        for name in names:
            if found := NAME.fullmatch(name):
                piece, number = int(found[1]), int(found[2])
                claimed[piece] = max(number, claimed.get(piece, 0))
            elif name.endswith(".npz") and name[:-4].isdecimal():
                there.add(int(name[:-4]))
        return there, claimed

    def take(self, piece: int, last: int) -> Taken | None:
        """Claims a piece that nobody has, or whose maker is dead; None where it is another's.

        Args:
            piece: its number.
            last: the number of the last claim on it; 0 for none.

        Raises:
            JobError: the folder is gone.
        """
        before = None
        if last:
            before = self._dead(self._path(piece, last))
            if before is None:
                return None
        path = self._path(piece, last + 1)
        try:
            if not create_file(path, self._note(0)):
                return None
        except OSError as error:
            raise _gone(self._folder, error) from error
        with self._lock:
            self._held[piece] = path
        return Taken(piece, before)

    def give_up(self, piece: int) -> None:
        """Removes our claim on a piece."""
        with self._lock:
            path = self._held.pop(piece, None)
        if path is not None:
            with contextlib.suppress(OSError, UnreachableError):  # others wait for a while, and take it over
                path.unlink()

    def clear(self) -> None:
        """Removes all claims of a folder whose pieces are all there."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob("*.claim-*"):
                if NAME.fullmatch(path.name):  # and not what another is making one of, which begins with a dot
                    with contextlib.suppress(OSError):
                        path.unlink()

    def _path(self, piece: int, number: int) -> AnyPath:
        return self._folder / f"{piece:05d}.claim-{number}"

    def _note(self, beat: int) -> bytes:
        """Of one length, so that it can be written over."""
        return f"{json.dumps({'who': self._who, 'beat': f'{beat:012d}'})}\n".encode()

    def _dead(self, path: AnyPath) -> str | None:
        """Who made the claim, where it has shown no sign of life for `PATIENCE` under our eyes; else None."""
        try:
            note = path.read_bytes()
        except FileNotFoundError:  # given up since we looked
            return None
        except OSError as error:
            raise _gone(self._folder, error) from error
        now = time.monotonic()
        noted, since = self._seen.get(path, (None, now))
        if note != noted:
            self._seen[path] = note, now
            return None
        return _who(note) if now - since > PATIENCE else None

    def _beat(self) -> None:
        beat = 0
        while not self._over.wait(BEAT):
            beat += 1
            with self._lock:
                held = list(self._held.items())
            for piece, path in held:
                # given up meanwhile, or the folder or store is gone, which our work will say
                with contextlib.suppress(OSError, MemometerError):
                    self._show(piece, path, self._note(beat))

    def _show(self, piece: int, path: AnyPath, note: bytes) -> None:
        """Writes a sign of life into a claim that is there."""
        if isinstance(path, StorePath):
            with self._lock:  # for it would be there again
                if piece in self._held:
                    path.write_bytes(note)
            return
        handle = os.open(path, os.O_WRONLY)
        try:
            os.pwrite(handle, note, 0)
        finally:
            os.close(handle)


def _who(note: bytes) -> str:
    try:
        return str(json.loads(note)["who"])
    except (ValueError, LookupError, TypeError):
        return "one that left no name"


def _names(folder: AnyPath) -> list[str]:
    if isinstance(folder, StorePath):
        return [each.name for each in folder.iterdir()]
    return os.listdir(folder)  # noqa: PTH208 (names are enough)


def _gone(folder: AnyPath, error: OSError) -> JobError:
    return JobError(
        f"{folder} cannot be reached any more ({error.strerror or error}); when its disk is there again, run the same "
        "command again: it goes on where it was"
    )
