"""A folder of a store on this machine for a while: for work of others that reads and writes files."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from memometer.storage.paths import AnyPath, StorePath

__all__ = ["mirrored"]


@contextlib.contextmanager
def mirrored(place: AnyPath, *, last: str) -> Iterator[Path]:
    """Yields a folder on this machine with what lies in a place; on success its new files go there, one after another.

    A folder of this machine is itself.

    Args:
        place: the folder.
        last: the name of the file that says that the others are whole; it goes up after them.
    """
    if not isinstance(place, StorePath):
        yield place
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / place.name
        folder.mkdir()
        there: dict[Path, int] = {}
        for each in place.rglob("*"):
            file = folder / each.address[len(place.address) + 1 :]
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as opened:
                each.fetch(opened)
            there[file] = file.stat().st_mtime_ns
        yield folder
        for file in sorted((each for each in folder.rglob("*") if each.is_file()), key=lambda each: each.name == last):
            if there.get(file) != file.stat().st_mtime_ns and not file.name.startswith("."):
                (place / file.relative_to(folder)).upload(file)
