"""Arrays on disk that can be made again: sealed ``.npz`` files, of which a damaged one counts as missing."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.errors import DamagedError, MemometerError
from memometer.files import clear_leftovers
from memometer.memory import memory_is_short
from memometer.progress import notice
from memometer.sealing import check_open_seal, sealed_path
from memometer.storage.cache import with_copy
from memometer.storage.paths import AnyPath, StorePath, open_whole

__all__ = ["Arrays", "map_array", "read_arrays", "write_arrays"]

Arrays = dict[str, npt.NDArray[Any]]


def write_arrays(path: AnyPath, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Writes named arrays, whole or not at all; equal arrays are equal bytes."""
    clear_leftovers(path.parent, path.name)
    with sealed_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **dict[str, Any](arrays))


def read_arrays(path: AnyPath, names: Collection[str] = ()) -> Arrays | None:
    """What `write_arrays` wrote; None, with a remark where it is damaged, tells to make it again.

    Args:
        path: the file.
        names: what it has to hold.
    """
    try:
        with open_whole(path) as file:  # NumPy leaves a file open that it cannot read
            check_open_seal(file, path)
            with np.load(file, allow_pickle=False) as stored:
                arrays = dict(stored)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        notice(f"{error.fault}; it is made again")
        return None
    except MemometerError:  # of a store: it says nothing of the file
        raise
    except Exception as error:  # one without a seal; NumPy parses its headers as Python's literals
        if memory_is_short(error):
            raise
        notice(f"{path} cannot be read ({error}); it is made again")
        return None
    if missing := set(names) - arrays.keys():
        notice(f"{path} lacks {', '.join(sorted(missing))}; it is made again")
        return None
    return arrays


def map_array(path: AnyPath) -> npt.NDArray[Any]:
    """The array in a ``.npy`` file, mapped and not read; an object comes near for it.

    Raises:
        DamagedError: it is none.
        OSError: it cannot be opened.
    """
    if isinstance(path, StorePath):
        return with_copy(path, map_array)
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # NumPy parses its headers as Python's literals
        if memory_is_short(error):
            raise
        raise DamagedError(f"{path} is no array in NumPy's format: {error}") from error
    return array
