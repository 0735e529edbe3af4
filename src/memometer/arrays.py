"""Arrays on disk that can be made again: sealed ``.npz`` files, of which a damaged one counts as missing."""

import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.errors import DamagedError
from memometer.files import clear_leftovers
from memometer.progress import notice
from memometer.sealing import check_seal, sealed_path

__all__ = ["Arrays", "read_arrays", "write_arrays"]

Arrays = dict[str, npt.NDArray[Any]]


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Writes named arrays, whole or not at all; equal arrays are equal bytes."""
    clear_leftovers(path.parent, path.name)
    with sealed_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **dict[str, Any](arrays))


def read_arrays(path: Path, names: Collection[str] = ()) -> Arrays | None:
    """What `write_arrays` wrote; None, with a remark where it is damaged, tells to make it again.

    Args:
        path: the file.
        names: what it has to hold.
    """
    if not path.exists():
        return None
    try:
        check_seal(path)
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
    except DamagedError as error:
        notice(f"{error.fault}; it is made again")
        return None
    except (ValueError, OSError, EOFError, LookupError, zipfile.BadZipFile, NotImplementedError) as error:
        notice(f"{path} cannot be read ({error}); it is made again")
        return None
    if missing := set(names) - arrays.keys():
        notice(f"{path} lacks {', '.join(sorted(missing))}; it is made again")
        return None
    return arrays
