"""Folders that a command may replace: a mark in them says that it wrote them, and lists what it wrote."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from memometer.errors import InputError
from memometer.locking import LOCK

__all__ = ["list_written", "make_room"]


def make_room(folder: Path, what: str, *, overwrite: bool) -> None:
    """Makes the folder, or empties it of what the command wrote there before, and of nothing else.

    Args:
        folder: to write.
        what: it will be, with its article: ``an export``.
        overwrite: replace an earlier one.

    Raises:
        InputError: it holds other files, or an earlier one and ``overwrite`` is not set.
    """
    mark, noun = _mark(folder, what), _noun(what)
    if folder.is_dir() and any(each.name not in (mark.name, LOCK) for each in folder.iterdir()):
        if not mark.is_file():
            raise InputError(f"{folder} holds files that are no {noun}; give another --out")
        if not overwrite:
            raise InputError(f"{folder} holds {what}; give another --out, or --overwrite to replace it")
        for name in mark.read_text("utf-8").splitlines():
            _remove(folder, folder / name)
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()


def list_written(folder: Path, what: str, written: Iterable[str]) -> None:
    """Notes the files and folders that an overwrite may remove.

    Args:
        folder: of `make_room`.
        what: as there.
        written: their paths within it.
    """
    _mark(folder, what).write_text("\n".join(written), "utf-8")


def _mark(folder: Path, what: str) -> Path:
    return folder / f".memometer-{_noun(what)}"


def _noun(what: str) -> str:
    return what.rpartition(" ")[2]


def _remove(folder: Path, path: Path) -> None:
    """Removes what is in the folder; a mark that names what is not, removes nothing."""
    if folder.resolve() not in path.resolve().parents:
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
