"""Requests to stores through fsspec: bounded in time, made again where they fail, counted.

A store that goes on failing, or that does not answer, stops the work with a sentence. Endpoints, keys and anonymous
access are those of fsspec's own configuration (``FSSPEC_S3``, ``~/.config/fsspec``) and of the stores' libraries.
"""

import functools
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from memometer.errors import InputError, JobError
from memometer.memory import memory_is_short
from memometer.progress import notice
from memometer.storage.addresses import EXTRAS, parts_of

__all__ = ["ATTEMPTS", "MISSING", "UnreachableError", "bounded", "open_store", "patiently"]

Result = TypeVar("Result")

ATTEMPTS = 4
FIRST_PAUSE = 0.25
"""Seconds before a request is made again; each time twice as long."""

SECONDS = 60
"""That one request may take in all, beside its bytes."""

PACE = 2**20
"""Bytes a second that a store is given for what is written or read at once."""

S3_CLIENT = {"connect_timeout": 10, "read_timeout": 20, "retries": {"total_max_attempts": 1}}
"""Of botocore; what the user's ``config_kwargs`` say goes before it."""

MISSING = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""What a store's library raises where there is no such object."""

_KEYLESS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "DefaultCredentialsError"}
)


class UnreachableError(JobError):
    """A store that does not answer, or goes on failing."""


_tries = 0


def patiently(path: str, request: Callable[[], Result], *, done: str = "read") -> Result:
    """What a request gives, which is made again where it fails for want of the store.

    Args:
        path: the address, for messages.
        request: may be made any number of times.
        done: what could not be done to the object, in the end.

    Raises:
        FileNotFoundError, FileExistsError, PermissionError: what the store answers; it is not asked again.
        InputError: there are no keys for it.
        UnreachableError: it failed every time.
    """
    global _tries  # noqa: PLW0603 (a count of this process)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return request()
        except (PermissionError, FileExistsError, *MISSING):
            raise
        except Exception as error:  # the stores' libraries raise all kinds
            if memory_is_short(error) or isinstance(error, TypeError | NotImplementedError):
                raise
            if type(error).__name__ in _KEYLESS:
                raise InputError(
                    f"there are no keys for {path}: {_words(error)}; set those of the store, or for a public bucket "
                    "FSSPEC_S3='{\"anon\": true}'"
                ) from None
            if attempt == ATTEMPTS:
                raise UnreachableError(
                    f"{path} could not be {done} in {ATTEMPTS} attempts, the last: {_words(error)}; when the store "
                    "answers again, the same command goes on where it was"
                ) from None
            _tries += 1
            if _tries == 10 ** (len(str(_tries)) - 1):  # 1, 10, 100: a night of work says it a few times
                notice(f"requests made again so far: {_tries:,}, the last for {path}: {_words(error)}")
            time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError  # every attempt returns or raises


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split())[:300] or type(error).__name__


def open_store(path: str) -> tuple[Any, str]:
    """The file system of an address, and the address within it.

    Raises:
        InputError: its library is not installed.
    """
    scheme, inner = parts_of(path)
    return _filesystem(scheme, os.getpid()), inner


@functools.lru_cache(maxsize=8)
def _filesystem(scheme: str, process: int) -> Any:  # noqa: ARG001 (a key: connections do not survive a fork)
    try:
        import fsspec

        options: dict[str, Any] = {"use_listings_cache": False}
        if scheme == "s3":
            own = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
            options["config_kwargs"] = {**S3_CLIENT, **own}
        if (
            scheme == "gs"
        ):  # else it asks by another protocol of what kind a bucket is, for a minute where that is closed
            os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        filesystem = fsspec.filesystem(scheme, **options)
    except (ImportError, ValueError):
        extra = EXTRAS.get(scheme, "fsspec")
        raise InputError(f"addresses in {scheme}:// need a library that is not here: pip install '{extra}'") from None
    if scheme == "s3":
        filesystem.retries = 1  # attempts are counted here
    return filesystem


def bounded(filesystem: Any, *, size: int = 0) -> dict[str, float]:
    """Keywords that bound the time of a request for so many bytes, where the file system knows them."""
    from fsspec.asyn import AsyncFileSystem

    return {"timeout": SECONDS + size / PACE} if isinstance(filesystem, AsyncFileSystem) else {}
