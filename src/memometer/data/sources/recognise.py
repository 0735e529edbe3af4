"""Tells what kind of source a path is, and opens its reader."""

import dataclasses
import glob
import itertools
import os.path
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from memometer.data.arrow_tables import ARROW_SUFFIXES
from memometer.data.sources.arrow_files import ArrowReader
from memometer.data.sources.base import Reader
from memometer.data.sources.class_names import CLASSNAMES_FILES, YOLO_FILES, find_class_names, load_class_names
from memometer.data.sources.coco import open_coco
from memometer.data.sources.coco_files import annotation_files
from memometer.data.sources.delimited import looks_delimited, open_delimited
from memometer.data.sources.file_splits import splits_of
from memometer.data.sources.folders import FolderReader, has_images
from memometer.data.sources.hub_sources import DataSet, data_set_at, data_set_of_hub, with_splits
from memometer.data.sources.json_entries import LINES
from memometer.data.sources.json_folders import at_top, json_lists, why_not
from memometer.data.sources.json_kind import json_kind
from memometer.data.sources.listing import walk
from memometer.data.sources.lists import open_karpathy, open_list
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.other_tools import of_other_tool
from memometer.data.sources.parquet import ParquetReader
from memometer.data.sources.sidecars import SidecarOptions
from memometer.data.sources.stores import check_remote, expand_remote, remote_kind
from memometer.data.sources.unread import xml_advice
from memometer.data.sources.webdataset import TarReader
from memometer.errors import InputError, SourceError
from memometer.storage.addresses import is_remote

__all__ = ["DATA_SETS", "FORMATS", "expand", "open_source", "place_of"]


def _tars(paths: list[str], options: ReaderOptions) -> Reader:
    shards = tuple(_files(paths, ".tar"))
    sidecars = _sidecar_options(options, CLASSNAMES_FILES, Path(shards[0]).parent)
    return TarReader(shards, sidecars, {} if options.fields.role else splits_of(shards))


def _delimited(paths: list[str], options: ReaderOptions) -> Reader:
    """Of files; of a folder those ending in .csv or .tsv, else its texts that are tables, else lists below it."""
    if len(paths) == 1 and Path(paths[0]).is_dir() and not at_top(Path(paths[0]), ".csv", ".tsv"):
        texts = [path for path in at_top(Path(paths[0]), *_TEXTS) if looks_delimited(Path(path), options)]
        if texts := texts or _below(Path(paths[0]), "csv"):
            return open_delimited(texts, options)
    return open_delimited(_files(paths, ".csv", ".tsv"), options)


def _tsv(paths: list[str], options: ReaderOptions) -> Reader:
    return _delimited(paths, dataclasses.replace(options, separator=options.separator or "\t"))


def _parquet(paths: list[str], options: ReaderOptions) -> Reader:
    lists = _below(Path(paths[0]), "parquet")
    if lists and at_top(Path(paths[0]), ".parquet"):
        lists = []
    return ParquetReader.of(lists or _files(paths, ".parquet"), options)


def _arrow(paths: list[str], options: ReaderOptions) -> Reader:
    files = _files(paths, *ARROW_SUFFIXES)
    if Path(paths[0]).is_dir():  # what Dataset.map keeps beside the rows it was made of
        files = [path for path in files if not Path(path).name.startswith("cache-")] or files
    return ArrowReader.of(files, options)


def _list(paths: list[str], options: ReaderOptions) -> Reader:
    folder = Path(paths[0])
    if not folder.is_dir():
        return open_list(paths, options)
    lines = _below(folder, "jsonl") or _inside(folder, *LINES)
    return open_list(lines or json_lists(folder, options) or _files(paths, ".json"), options)


def _karpathy(paths: list[str], options: ReaderOptions) -> Reader:
    files = _files(paths, ".json")
    return open_karpathy([path for path in files if json_kind(path) == "karpathy"] or files, options)


def _below(folder: Path, kind: str) -> list[str]:
    """Lists that stand beside images, there or in the folders below, as those of Hugging Face's splits."""
    if not folder.is_dir():
        return []
    found = (folder.glob(above + name) for above in ("", "*/", "*/*/") for name in _LISTS[kind])
    return sorted(str(path) for path in itertools.chain.from_iterable(found))


def _folder(paths: list[str], options: ReaderOptions) -> Reader:
    annotations = None if options.annotations is None else _absolute(str(options.annotations))
    if annotations is not None and not Path(annotations).is_dir():
        raise SourceError(f"there is no folder of annotations at {annotations}: {_nearest(Path(annotations))}")
    if len(paths) != 1 or not (is_remote(paths[0]) or Path(paths[0]).is_dir()):
        raise SourceError(f"the format folder is read from one folder; got {', '.join(paths[:3])}")
    root = paths[0]
    return FolderReader(
        (root,),
        _sidecar_options(options, YOLO_FILES, Path(root)),
        options.caption_template,
        annotations=annotations,
        captions_required=options.captions_required,
        label_from=options.label_from,
    )


def _sidecar_options(options: ReaderOptions, names: Sequence[str], folder: Path) -> SidecarOptions:
    """How sidecars are read; names of classes are looked for in a folder and the two above it."""
    given = None if options.class_names is None else load_class_names(options.class_names)
    found = given or find_class_names([folder, folder / "labels", *folder.parents[:2]], names)
    return SidecarOptions(options.fields, options.text, found, renamed=given is not None)


FORMATS: dict[str, Callable[[list[str], ReaderOptions], Reader]] = {
    "webdataset": _tars,
    "csv": _delimited,
    "tsv": _tsv,
    "parquet": _parquet,
    "arrow": _arrow,
    "jsonl": _list,
    "karpathy": _karpathy,
    "coco": open_coco,
    "folder": _folder,
}
"""What ``--format`` takes, in the order in which a folder is tried."""

DATA_SETS: dict[str, Callable[[str, ReaderOptions], DataSet]] = {"hf": data_set_of_hub, "hf-disk": data_set_at}
"""What stands before the colon of sources that are data sets: the files of their rows are of one of the formats."""

_SUFFIXES = {
    ".tar": "webdataset",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    **dict.fromkeys(LINES, "jsonl"),
    **dict.fromkeys(ARROW_SUFFIXES, "arrow"),
}

_TEXTS = (".txt", ".token")
"""Suffixes of texts that may be tables."""

_LISTS = {
    "jsonl": ("metadata.jsonl",),
    "csv": ("metadata.csv", "captions.csv", "captions.txt", "results.csv", "results_*.token", "Flickr8k.token.txt"),
    "parquet": ("metadata.parquet",),
}
"""Names of lists of images that lie beside them: Hugging Face's, Flickr8k's and Flickr30k's."""


def open_source(source: str | Path, options: ReaderOptions = ReaderOptions()) -> Reader:  # noqa: B008 (frozen)
    """The reader for a source.

    Args:
        source: a file, a folder, a glob (``shards/*.tar``) or a range (``shards/{00000..00008}.tar``); its format may
            stand before it (``karpathy:dataset_coco.json``). ``hf:OWNER/NAME`` and ``hf-disk:FOLDER`` are data sets.
        options: what the user said about it.

    Raises:
        SourceError: no such file, an unknown format, or a source that cannot be read as asked.
        InputError: an option that has no meaning for this kind of source.
    """
    prefix, place = _split_prefix(str(source))
    if prefix is not None and options.format not in {None, prefix}:
        raise InputError(f"{source} names its format itself; leave --format {options.format} out")
    if prefix in DATA_SETS:
        return _open_data_set(DATA_SETS[prefix](place, options), options, source=str(source))
    options = dataclasses.replace(options, format=prefix or options.format)
    if options.format is not None and options.format not in FORMATS:
        raise SourceError(f"unknown format '{options.format}'; memometer reads {', '.join(FORMATS)}")
    options.check()
    options = options.with_uid()
    paths = expand(place, kind=options.format)
    kind = options.format or _recognise(paths, options)
    if is_remote(place):
        check_remote(paths, options, kind=kind)
    options.check_meaning(kind, source=source)
    try:
        return FORMATS[kind](paths, options)
    except SourceError as error:
        if options.format is not None or "--format" in str(error):
            raise
        raise SourceError(f"{error} (read as {kind}; --format names another)") from error


def place_of(source: str) -> str:
    """Where a source is, without the format that may stand before it; what is elsewhere stays as it is."""
    prefix, place = _split_prefix(source)
    return source if prefix == "hf" else place


def _split_prefix(source: str) -> tuple[str | None, str]:
    """The format, or the kind of data set, that stands before a source, and the rest."""
    prefix, colon, place = source.partition(":")
    known = colon and place and not place.startswith("//") and prefix in {*FORMATS, *DATA_SETS}
    return (prefix, place) if known and not Path(source).exists() else (None, source)


def _open_data_set(found: DataSet, options: ReaderOptions, *, source: str) -> Reader:
    options = dataclasses.replace(options, splits=(), config=None)
    options.check()
    options = options.with_uid()
    if found.kind is None:
        return open_source(found.paths[0], options)
    options.check_meaning(found.kind, source=source)
    return with_splits(FORMATS[found.kind](list(found.paths), options), found)


def expand(source: str, *, kind: str | None = None) -> list[str]:
    """The absolute paths that a source names: itself, or the files of a glob or range, in order.

    Args:
        source: as the user named it.
        kind: the format, where the user said it.

    Raises:
        SourceError: nothing there (names what is missing), or a path that is not UTF-8.
    """
    try:
        source.encode()
    except UnicodeEncodeError:
        raise SourceError(f"the path {source!a} is not UTF-8, so no table can hold it; rename the folder") from None
    if is_remote(source):
        return expand_remote(_braces(source), kind=kind)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", source):
        raise SourceError(
            f"{source} is an address of a kind that memometer does not read; it reads files, s3://, gs:// and hf://: "
            "fetch others first, e.g. with img2dataset, and name the folder"
        )
    if Path(source).exists():
        return [_absolute(source)]
    named = [_absolute(name) for name in _braces(source)]
    found = [sorted(glob.glob(name)) if re.search(r"[*?\[]", name) else [name] for name in named]  # noqa: PTH207 (absolute patterns)
    paths = list(itertools.chain.from_iterable(found))
    missing = [path for path in paths if not Path(path).exists()]
    if missing and len(paths) > 1:
        raise SourceError(f"{len(missing)} of the {len(paths)} files of {source} are missing, e.g. {missing[0]}")
    if missing or not paths:
        raise SourceError(f"there is nothing at {source}: {_nearest(Path(_absolute(source)))}")
    return paths


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (keeps links and patterns as they are, takes out `..`)


def _braces(source: str) -> list[str]:
    """Shell ranges and lists: ``{00000..00008}`` keeps its zeros, ``{a,b}`` takes each."""
    match = re.search(r"\{([^{}]*)\}", source)
    if match is None:
        return [source]
    span = re.fullmatch(r"(\d+)\.\.(\d+)", match[1])
    if span:
        first, last = int(span[1]), int(span[2])
        if not 0 <= last - first < 1_000_000:
            raise SourceError(f"the range {match[0]} in {source} is empty or too long; expected {{first..last}}")
        inner = [str(number).zfill(len(span[1])) for number in range(first, last + 1)]
    elif "," in match[1]:
        inner = match[1].split(",")
    else:
        return [source]
    head, tail = source[: match.start()], source[match.end() :]
    return [head + middle + rest for middle in inner for rest in _braces(tail)]


def _nearest(path: Path) -> str:
    """A sentence on the deepest folder of a wrong path that exists."""
    for parent in path.parents:
        if parent.is_dir():
            return f"{parent} exists and holds {_contents(parent)}; check the path"
    return "check the path"


def _contents(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") if names else "nothing"


def _recognise(paths: list[str], options: ReaderOptions) -> str:
    if len(paths) == 1 and Path(paths[0]).is_dir():
        return _recognise_folder(Path(paths[0]), options)
    kinds = {remote_kind(path) if is_remote(path) else _kind(Path(path)) for path in paths}
    if len(kinds) > 1:
        raise SourceError(f"a source is of one format; got {', '.join(sorted(kinds))}, e.g. {paths[0]} and {paths[-1]}")
    return kinds.pop()


def _kind(path: Path) -> str:
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is not None:
        return kind
    if path.is_file():
        if path.suffix.lower() == ".json" and (known := json_kind(path)):
            return known
        if told := of_other_tool(path):
            raise SourceError(f"{path} is {told}")
        if path.suffix.lower() == ".json":
            return "jsonl"
        if path.suffix.lower() in {*_TEXTS, ""} and looks_delimited(path, ReaderOptions()):
            return "csv"
        with path.open("rb") as file:
            head = file.read(512)
        if head.startswith(b"PAR1"):
            return "parquet"
        if head[257:262] == b"ustar":
            return "webdataset"
        if path.suffix.lower() == ".xml":
            raise SourceError(f"{path} is no source by itself: {xml_advice(head)}")
    raise SourceError(
        f"cannot tell the format of {path}: memometer reads tar shards, CSV, TSV, Parquet, Arrow, JSON lines, COCO, "
        f"image folders; {_hint(path)}"
    )


def _hint(path: Path) -> str:
    """What helps with a file of no kind that is read."""
    if path.name.lower().endswith((".tar.gz", ".tgz")):
        return "decompress it to a plain .tar"
    if path.suffix.lower() in {".gz", ".bz2", ".xz", ".zst", ".zip", ".7z"}:
        return "decompress it first"
    if path.suffix.lower() in {".xlsx", ".xls", ".ods"}:
        return "save the table as CSV first"
    return "name its kind with --format"


def _recognise_folder(folder: Path, options: ReaderOptions) -> str:
    if annotation_files(folder):
        return "coco"
    if any(json_kind(Path(path)) == "karpathy" for path in at_top(folder, ".json")):
        return "karpathy"
    if _below(folder, "jsonl"):
        return "jsonl"
    pictured = has_images(str(folder))
    tables = (kind for suffix, kind in _SUFFIXES.items() if at_top(folder, suffix))
    kind = next((kind for kind in tables if not (pictured and _is_other_table(folder, kind, options))), None)
    if kind is None and any(looks_delimited(Path(path), options) for path in at_top(folder, *_TEXTS)):
        kind = "csv"
    if kind is None and pictured:
        lists = (each for each in ("csv", "parquet") if _below(folder, each))
        kind = next((each for each in lists if not _is_other_table(folder, each, options)), None)
    if kind is None and json_lists(folder, options):
        kind = "jsonl"
    if kind is None and pictured:
        kind = "folder"
    kind = kind or next((kind for suffix, kind in _SUFFIXES.items() if _inside(folder, suffix)), None)
    if kind is None:
        raise SourceError(
            f"found no records in {folder}, which holds {_contents(folder)}; expected tar shards, CSV, TSV or Parquet "
            f"tables, JSON lines, COCO's annotations/captions_*.json, or images{why_not(folder)}"
        )
    return kind


def _is_other_table(folder: Path, kind: str, options: ReaderOptions) -> bool:
    """Whether a folder's tables name no images, as the metadata that img2dataset leaves beside its images."""
    if kind == "webdataset":
        return False
    try:
        FORMATS[kind]([str(folder)], dataclasses.replace(options, captions="optional"))
    except SourceError:
        return True
    return False


def _inside(folder: Path, *suffixes: str) -> list[str]:
    """The files of a folder with one of the suffixes, by name; where it has none, those of the folders below it."""
    if inside := at_top(folder, *suffixes):
        return inside
    below = (Path(folder, within, name) for within, names, _ in walk(str(folder)) for name in names)
    found = (path for path in below if path.suffix.lower() in suffixes and not path.name.startswith("."))
    return [str(path) for path in found if not (path.parent / "import.json").is_file()]  # an import's own tables


def _files(paths: list[str], *suffixes: str) -> list[str]:
    """The files themselves, or those of a folder with the right suffix, by name."""
    files: list[str] = []
    for path in paths:
        if not Path(path).is_dir():
            files.append(path)
            continue
        inside = _inside(Path(path), *suffixes)
        if not inside:
            raise SourceError(f"{path} holds no {' or '.join(suffixes)} file; it holds {_contents(Path(path))}")
        files += inside
    return files
