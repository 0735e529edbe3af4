"""Data sets of Hugging Face: ``hf-disk:FOLDER``, and ``hf:OWNER/NAME`` of the hub, downloaded into its cache.

Rows are read as Arrow, Parquet, tar shards or tables by the readers of these; no script of a data set ever runs.
"""

import dataclasses
import glob
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.base import Reader
from memometer.data.sources.file_splits import split_remarks
from memometer.data.sources.hub_layout import KINDS, MAX_NOTES, Rows, choose_rows
from memometer.data.sources.listing import walk
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.table_reader import TableReader
from memometer.data.sources.webdataset import TarReader
from memometer.errors import SourceError
from memometer.memory import memory_is_short

__all__ = ["DataSet", "data_set_at", "data_set_of_hub", "with_splits"]

SECONDS = 20
"""That the hub may take to say what a data set holds."""

_POINTER = b"version https://git-lfs"
_NOTES = ("README.md", "dataset_dict.json", "dataset_info.json", "state.json")


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set's files of rows, here.

    Attributes:
        kind: their format; None where ``paths`` is a folder of images.
        paths: absolute.
        splits: path → split, of all where there are two or more.
        classes: column → names of its numbered classes, where the README has them.
    """

    kind: str | None
    paths: tuple[str, ...]
    splits: dict[str, str]
    classes: dict[str, tuple[str, ...]]


def data_set_at(folder: str, options: ReaderOptions) -> DataSet:
    """A folder of ``save_to_disk``, of the ``datasets`` cache, or of a repository as people download it.

    Raises:
        SourceError: no such folder, or see `choose_rows`.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise SourceError(
            f"there is no folder at {folder}; hf-disk: names one that save_to_disk or 'hf download' wrote"
        )
    names = [f"{within}/{name}" if within else name for within, inside, _ in walk(str(root)) for name in inside]
    rows = choose_rows(names, _reader(root), config=options.config, splits=options.splits, where=str(root))
    return _here(root, rows)


def data_set_of_hub(name: str, options: ReaderOptions) -> DataSet:
    """A data set of the hub: the files of rows of one config are downloaded, or taken from the hub's cache.

    Args:
        name: ``OWNER/NAME``, and perhaps ``@REVISION``.
        options: what the user said of config and splits.

    Raises:
        SourceError: no such data set, no access, no network and not in the cache, or see `choose_rows`.
    """
    repository, _, revision = name.partition("@")
    try:
        from huggingface_hub import HfApi, constants, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise SourceError(f"hf:{name} needs the library of the hub: pip install 'memometer[hf]'") from None

    def snapshot(patterns: Sequence[str] | None, *, local: bool = False) -> Path:
        wanted = None if patterns is None else [glob.escape(each) for each in patterns]
        found = snapshot_download(
            repository,
            repo_type="dataset",
            revision=revision or None,
            allow_patterns=wanted,
            local_files_only=local,
        )
        return Path(found)

    try:
        # Unlike the list of files, this is asked for once.
        listed = HfApi().dataset_info(repository, revision=revision or None, timeout=SECONDS)
        names = [each.rfilename for each in listed.siblings or ()]
    except HFValidationError as error:
        raise SourceError(f"hf:{name} is no name of a data set: {error}; expected hf:OWNER/NAME[@REVISION]") from None
    except HfHubHTTPError as error:
        raise SourceError(f"the hub does not give hf:{name}: {_words(error)}; check the name, or log in") from None
    except Exception as error:  # of the library that the hub's speaks HTTP with, which changes
        if memory_is_short(error):
            raise
        try:
            folder = snapshot(None, local=True)
        except OSError:
            raise SourceError(
                f"hf:{name} is not in the cache at {constants.HF_HUB_CACHE}, and {constants.ENDPOINT} did not answer: "
                f"{_words(error)}; download it where there is a network ('hf download --repo-type dataset "
                f"{repository}'), or name its folder with hf-disk:"
            ) from None
        return data_set_at(str(folder), options)
    try:
        notes = snapshot([each for each in names if PurePosixPath(each).name in _NOTES])
        rows = choose_rows(names, _reader(notes), config=options.config, splits=options.splits, where=f"hf:{name}")
        wanted = list(rows.splits) if rows.kind else _of_images(names)
        return _here(snapshot(wanted), rows)
    except SourceError:
        raise
    except Exception as error:
        if memory_is_short(error):
            raise
        raise SourceError(
            f"hf:{name} cannot be downloaded: {_words(error)}; the same command goes on where it was"
        ) from None


def with_splits(reader: Reader, found: DataSet) -> Reader:
    """A reader of the data set's files whose roles are the data set's splits, and classes those of its README."""
    if isinstance(reader, TableReader):
        own = split_remarks(reader.rows.roles)
        rest = [remark for remark in reader.remarks if remark not in own]
        roles = {} if reader.rows.fields.role else found.splits
        rows = dataclasses.replace(reader.rows, roles=roles, classes={**found.classes, **reader.rows.classes})
        return dataclasses.replace(reader, rows=rows, remarks=(*rest, *split_remarks(roles)))
    if isinstance(reader, TarReader):
        return dataclasses.replace(reader, roles={} if reader.sidecars.fields.role else found.splits)
    return reader


def _here(root: Path, rows: Rows) -> DataSet:
    if rows.kind is None:
        return DataSet(None, (str(root),), {}, {})
    paths = {str(root / name): split for name, split in rows.splits.items()}
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                head = file.read(len(_POINTER))
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror or error}; download it again") from None
        if head == _POINTER:
            raise SourceError(
                f"{path} is a pointer of Git LFS, whose data were not fetched: run 'git lfs pull' in {root}"
            )
    told = set(paths.values())
    splits = paths if len(told) > 1 and "" not in told else {}
    return DataSet(rows.kind, tuple(paths), splits, dict(rows.classes))


def _reader(root: Path) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        try:
            with (root / name).open("rb") as file:
                return file.read(MAX_NOTES)
        except OSError as error:
            raise SourceError(f"{root / name} cannot be read: {error.strerror or error}") from None

    return read


def _of_images(names: Sequence[str]) -> list[str]:
    """The files of a folder of images: these, and the texts and lists beside them."""
    wanted = {*IMAGE_SUFFIXES, *KINDS, ".json", ".txt", ".md"}
    return [name for name in names if PurePosixPath(name).suffix.lower() in wanted]


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
