"""How every kernel is compiled: by numba, kept on disk where that is possible, and never stopped by that disk.

An installation may be read-only, its user without a home, the disk full, a kept kernel damaged: each costs the seconds
of one compilation, no more, and none runs other code than was compiled.
"""

import contextlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numba
from numba.core import caching

from memometer.files import hash_bytes

__all__ = ["compiled"]

SEAL = len(hash_bytes(b""))
"""Bytes of the hash at the end of a kept file."""


def compiled(
    *,
    parallel: bool = False,
    nogil: bool = True,
    error_model: Literal["python", "numpy"] = "python",
    inline: Literal["never", "always"] = "never",
) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` with a disk cache that gives way where it cannot be written or read.

    Numba's own ``cache=True`` raises at import where no folder can be written, and at the first call where the disk is
    full; a kept kernel that is damaged would run. It sees no changes across files: what a kernel calls belongs into its
    own file.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        kernel = numba.njit(parallel=parallel, nogil=nogil, error_model=error_model, inline=inline)(function)
        with contextlib.suppress(RuntimeError, OSError):  # the function lies in no file, or that file cannot be seen
            kernel._cache = _KernelCache(function)  # noqa: SLF001 (what enable_caching sets; it takes no other class)
        return kernel

    return decorate


class _Installed(caching.InTreeCacheLocator):  # type: ignore[misc]  # numba has no types
    """Kernels that lie beside the code: read where they are, though nothing can be added."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "_Installed | None":
        return cls(py_func, py_file) if Path(py_file).exists() else None


class _KernelPlace(caching.CompileResultCacheImpl):  # type: ignore[misc]  # numba has no types
    _locator_classes: ClassVar[list[type]] = [
        caching.UserProvidedCacheLocator,
        caching.InTreeCacheLocator,
        # Without a home, the user's cache would be a folder named `~` wherever the command runs.
        *([] if os.path.expanduser("~") == "~" else [caching.UserWideCacheLocator]),  # noqa: PTH111 (Path.home raises)
        _Installed,
    ]


class _KernelFiles(caching.IndexDataCacheFile):  # type: ignore[misc]  # numba has no types
    """Numba's two kinds of files, an index and machine code, each with its hash behind the pickle."""

    def _dump(self, obj: Any) -> bytes:
        data: bytes = super()._dump(obj)
        return data + hash_bytes(data).encode()

    def _load_index(self) -> Any:
        try:
            with Path(self._index_path).open("rb") as file:
                pickle.load(file)  # noqa: S301 (the version of numba, before the index)
                return super()._load_index() if _whole(file.read()) else {}
        except Exception:  # noqa: BLE001 (a damaged pickle raises anything)
            return {}

    def _load_data(self, name: str) -> Any:
        if not _whole(Path(self._data_path(name)).read_bytes()):
            raise OSError(f"{name} is damaged")
        return super()._load_data(name)


def _whole(data: bytes) -> bool:
    return data[-SEAL:] == hash_bytes(data[:-SEAL]).encode()


class _KernelCache(caching.FunctionCache):  # type: ignore[misc]  # numba has no types
    _impl_class = _KernelPlace

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _KernelFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 (whatever is wrong with what is kept, it can be compiled)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)
