"""Sources in a store: the objects that an address names, and which of them are read."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from memometer.data.remote import list_objects, matching, stored
from memometer.data.sources.options import ReaderOptions
from memometer.errors import InputError, SourceError

__all__ = ["check_remote", "expand_remote"]

SUFFIXES = (".tar", ".parquet", ".csv", ".tsv")
"""Objects that are read where they are, the likeliest first: img2dataset leaves a Parquet beside every shard."""


def expand_remote(addresses: Sequence[str]) -> list[str]:
    """The objects that addresses name: themselves, those of a pattern, or of a folder those of the likeliest kind.

    Raises:
        SourceError: there are none, or the store refuses.
    """
    found: list[str] = []
    for address in addresses:
        try:
            found += matching(address) if any(mark in address for mark in "*?[") else _objects(address)
        except PermissionError as error:
            raise SourceError(
                f"the store refuses {address}: {error}; give the keys of an account that may read it, or for a public "
                "bucket FSSPEC_S3='{\"anon\": true}'"
            ) from None
        except FileNotFoundError:
            raise SourceError(f"there is nothing at {address}; check the bucket and the path") from None
    if not found:
        raise SourceError(f"there is nothing at {addresses[0]}; check the bucket and the path")
    return found


def check_remote(paths: Sequence[str], options: ReaderOptions) -> None:
    """Passes where the objects are of kinds that are read from a store, and nothing there has to be looked for.

    Raises:
        SourceError: they are not.
        InputError: an option names files that would lie beside them.
    """
    other = next((path for path in paths if PurePosixPath(path).suffix.lower() not in SUFFIXES), None)
    if other is not None and options.format not in {"webdataset", "parquet", "csv", "tsv"}:
        raise SourceError(
            f"{other} is none of {', '.join(SUFFIXES)}, which are what memometer reads from a store; copy it here first"
        )
    if options.annotations is not None:
        raise InputError("--annotations is for image folders, which are not read from a store")


def _objects(address: str) -> list[str]:
    if PurePosixPath(address).suffix.lower() in SUFFIXES:
        stored(address)
        return [address]
    inside = list_objects(address)
    if inside in ([], [address]):  # an object of another name
        stored(address)
        return [address]
    for suffix in SUFFIXES:
        if chosen := [name for name in inside if name.lower().endswith(suffix)]:
            return chosen
    listed = ", ".join(inside[:3]) + (", …" if len(inside) > 3 else "")
    raise SourceError(
        f"{address} holds no {' or '.join(SUFFIXES)}, which are what memometer reads from a store: {listed}"
    )
