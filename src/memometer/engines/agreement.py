"""What shards of one store agree on: the options, the inputs and the version; who made what there."""

import collections
import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

from memometer import __version__
from memometer.errors import InputError, JobError, MemometerError, shown
from memometer.files import create_file
from memometer.storage.paths import AnyPath, StorePath, path_of

__all__ = ["SHARDS", "agree", "all_there", "check_there", "makers"]

SHARDS = "shards"
"""The folder within a store that says what is made there, and by whom."""

ASKED = "asked.json"

WRITTEN_EVERY = 30.0
"""Seconds between two writes of a ledger into a store, where nothing can be added to an object."""


def agree(store: AnyPath, *, options: Mapping[str, Any], inputs: Mapping[str, Any], new: bool = True) -> None:
    """Sees to it that all shards of a store are asked the same: the first writes it down, the others compare.

    Args:
        store: that they share.
        options: that decide numbers, by name.
        inputs: what is known of records and models, by name.
        new: whether this one may be the first.

    Raises:
        InputError: another shard was asked something else, or has another version of memometer; both are named.
        JobError: there is nothing to compare with.
    """
    ours = json.loads(json.dumps({"memometer": __version__, "options": options, "inputs": inputs}))
    path = store / SHARDS / ASKED
    if new and not path.exists():
        create_file(path, (json.dumps(ours, indent=2, sort_keys=True) + "\n").encode())
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise JobError(
            f"no shard has begun in {store}; run them first, e.g. --shard 1/8, with the same --store and options"
        ) from error
    except ValueError as error:
        raise JobError(f"{path} is damaged ({error}); remove it, and run the shards again") from error
    if differences := list(_differences(ours, theirs)):
        raise InputError(
            f"{store} holds pieces of other shards, which differ: {'; '.join(differences[:4])}"
            f"{'; …' if len(differences) > 4 else ''}. Run all shards alike, or choose another --store"
        )


def check_there(store: AnyPath) -> None:
    """Passes where a store is still there, and not an empty folder in its place.

    Raises:
        JobError: it is gone.
    """
    if not (store / SHARDS / ASKED).is_file():
        raise JobError(
            f"the store {store} is gone; when its disk is there again, run the same command again: it goes on where it "
            "was"
        )


class Ledger:
    """Lines on who made what, in a file of one process's own; in a store they are written once in a while.

    Args:
        path: of the file.
    """

    def __init__(self, path: AnyPath) -> None:
        self._path = path
        self._text, self._written = "", time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Writes what is left to be written, as far as the store is there."""
        with contextlib.suppress(MemometerError):
            self._write()

    def note(self, line: str) -> None:
        """Adds a line."""
        if isinstance(self._path, StorePath):
            self._text += line
            if time.monotonic() - self._written > WRITTEN_EVERY:
                self._write()
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)

    def _write(self) -> None:
        if isinstance(self._path, StorePath) and self._text:
            self._path.write_bytes(self._text.encode())
            self._written = time.monotonic()


def all_there(store: Any) -> str:
    """What a shard says at its end."""
    return (
        f"all pieces are there; this shard is done. Run the same command with --merge in place of --shard, once, to "
        f"write the result. Who made them, by {path_of(store) / SHARDS}:\n{makers(path_of(store))}"
    )


def makers(store: AnyPath) -> str:
    """Who made how many pieces, a line each, as the shards have noted it."""
    counts: collections.Counter[str] = collections.Counter()
    for path in (store / SHARDS).glob("*.tsv"):
        for line in path.read_bytes().decode(errors="replace").splitlines():
            cells = line.split("\t")
            if len(cells) == 4:  # a killed shard may have left half a line
                counts[cells[1]] += 1
    return "\n".join(f"{who}: {n:,} pieces" for who, n in sorted(counts.items()))


def _differences(ours: dict[str, Any], theirs: Any) -> Iterator[str]:
    theirs = theirs if isinstance(theirs, dict) else {}
    if ours["memometer"] != theirs.get("memometer"):
        yield f"memometer {theirs.get('memometer')} there and {ours['memometer']} here"
    for part in ("options", "inputs"):
        there = theirs.get(part) or {}
        for name in sorted({*ours[part], *there}):
            here, other = ours[part].get(name), there.get(name)
            if here != other:
                words = f"{shown(other)} there and {shown(here)} here" if part == "options" else "of other content"
                yield f"{name.replace('_', '-')} {words}"
