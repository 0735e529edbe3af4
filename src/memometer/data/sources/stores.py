"""Sources in a store: the objects that an address names, and which of them are read."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from memometer.data.arrow_tables import ARROW_SUFFIXES
from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.json_entries import LINES
from memometer.data.sources.json_kind import json_kind
from memometer.data.sources.options import ReaderOptions
from memometer.errors import InputError, SourceError, first_of
from memometer.storage.reading import list_objects, matching, stored

__all__ = ["check_remote", "expand_remote", "remote_kind"]

KINDS = {
    ".tar": "webdataset",
    ".parquet": "parquet",
    **dict.fromkeys(ARROW_SUFFIXES, "arrow"),
    **dict.fromkeys(LINES, "jsonl"),
    ".csv": "csv",
    ".tsv": "tsv",
}
"""Suffix → format of objects that are read where they are, the likeliest first: img2dataset leaves a Parquet beside
every shard, and lists stand beside the images that they name."""

READ = "tar shards, Parquet, Arrow, JSON, CSV, TSV and folders of images"


def expand_remote(addresses: Sequence[str], *, kind: str | None = None) -> list[str]:
    """The objects that addresses name: themselves, those of a pattern, or of a folder those of the likeliest kind.

    Args:
        addresses: without ranges.
        kind: the format, where the user said it; a folder of images is itself.

    Raises:
        SourceError: there are none, or the store refuses.
    """
    found: list[str] = []
    for address in addresses:
        try:
            if any(mark in address for mark in "*?["):
                found += matching(address)
            else:
                found += _objects(address, kind=kind)
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


def remote_kind(path: str) -> str:
    """The format of an object, or of a folder of images.

    Raises:
        SourceError: it is of no kind that is read from a store.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in KINDS:
        return KINDS[suffix]
    if suffix == ".json":
        return json_kind(path) or "jsonl"
    if any(_is_image(name) for name in list_objects(path) if name != path):
        return "folder"
    raise SourceError(f"{path} is none of {READ}, which are what memometer reads from a store; {_hint(suffix)}")


def check_remote(paths: Sequence[str], options: ReaderOptions, *, kind: str) -> None:
    """Passes where a source is of a format that is read from a store, and nothing there has to be looked for.

    Raises:
        SourceError: it is not.
        InputError: an option names files that would lie beside them.
    """
    if kind == "coco":
        raise SourceError(
            f"{paths[0]} is COCO's JSON, whose images memometer looks for in folders, and not in a store; copy it and "
            "its images here first, or write JSON lines with 'image' and 'caption' beside the images"
        )
    if options.annotations is not None:
        raise InputError(
            "--annotations names a folder on this machine, and these images are in a store; copy them here"
        )


def _objects(address: str, *, kind: str | None) -> list[str]:
    suffix = PurePosixPath(address).suffix.lower()
    if suffix in KINDS or suffix == ".json":
        stored(address)
        return [address]
    inside = list_objects(address)
    if inside in ([], [address]):  # an object of another name
        stored(address)
        return [address]
    if kind != "folder":
        for suffix, found in KINDS.items():
            chosen = [name for name in inside if name.lower().endswith(suffix) and kind in {None, found}]
            if chosen:
                return [name for name in chosen if not _is_cache(name)] or chosen
        if kind in {"jsonl", "karpathy"} and (lists := [name for name in inside if name.lower().endswith(".json")]):
            return lists
    if any(map(_is_image, inside)):
        return [address.rstrip("/")]
    raise SourceError(
        f"{address} holds none of {READ}, which are what memometer reads from a store: {first_of(inside, 3)}"
    )


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def _is_cache(name: str) -> bool:
    """Whether an object is what ``Dataset.map`` keeps beside the rows it was made of."""
    return PurePosixPath(name).name.startswith("cache-")


def _hint(suffix: str) -> str:
    """What to do with an object of no kind that is read."""
    if suffix in {".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".7z"}:
        return "decompress it, for no span of it can be read alone, or copy it here first"
    return "copy it here first"
