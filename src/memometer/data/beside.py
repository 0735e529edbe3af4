"""The files beside ``records.parquet`` that a command wrote with it, and their hashes in the note that it left."""

from collections.abc import Sequence
from typing import Any

from memometer.errors import DamagedError
from memometer.files import hash_file
from memometer.sealing import check_files, read_sealed_json
from memometer.storage.paths import AnyPath

__all__ = ["ANNOTATION", "NOTES", "VOCABULARY", "check_beside", "noted_files", "read_annotation", "vocabulary_beside"]

ANNOTATION = "annotation.json"
"""What labelled the records, of those that ``memometer annotate`` wrote; written last."""

NOTES = ("import.json", "scenes.json", ANNOTATION)
"""Where ``files`` are noted."""

VOCABULARY = "vocabulary.tsv"


def noted_files(folder: AnyPath, names: Sequence[str]) -> dict[str, str]:
    """The hashes of those of the files that are there, for a note."""
    return {name: hash_file(folder / name) for name in names if (folder / name).is_file()}


def check_beside(folder: AnyPath, names: Sequence[str] | None = None) -> None:
    """Passes where files beside the records are those that were noted; what is in no note may be anything.

    Args:
        folder: of the records.
        names: which; all by default.

    Raises:
        DamagedError: one is not.
    """
    for note in NOTES:
        if not (folder / note).is_file():
            continue
        files = read_sealed_json(folder / note).get("files", {})
        wanted = {name: files[name] for name in files if names is None or name in names}
        check_files(folder, wanted, advice="restore it from a copy, or make the records again")


def vocabulary_beside(folder: AnyPath) -> AnyPath | None:
    """The vocabulary that lies beside the records.

    Raises:
        DamagedError: it is not the one that was put there.
    """
    path = folder / VOCABULARY
    if not path.is_file():
        return None
    try:
        check_beside(folder, [VOCABULARY])
    except DamagedError as error:
        raise DamagedError(
            error.fault, f"restore it, or pass --vocabulary {path} if you changed it yourself"
        ) from error
    return path


def read_annotation(folder: AnyPath) -> dict[str, Any] | None:
    """What labelled the records of a folder; None where no annotation did.

    Raises:
        DamagedError: ``annotation.json`` is not what was written.
    """
    path = folder / ANNOTATION
    if not path.is_file() or not (folder / "records.parquet").exists():
        return None
    return read_sealed_json(path, advice="restore it from a copy, or annotate again with --overwrite")
