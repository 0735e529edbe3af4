"""Which files of a Hugging Face data set are its rows, told from the names of its files and from its own notes.

Three layouts: what ``save_to_disk`` writes, what the ``datasets`` library keeps in its cache, and a repository of the
hub (a download, a clone or the hub itself), whose ``README.md`` may say which file is of which config and split.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NoReturn

import yaml

from memometer.data.sources.file_splits import split_of
from memometer.data.sources.json_values import parse_json
from memometer.errors import SourceError, first_of, shown

__all__ = ["KINDS", "Rows", "choose_rows"]

KINDS = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".tar": "webdataset",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
}
"""Suffixes of files of rows, the likeliest first."""

PACKED = frozenset({".zip", ".gz", ".zst", ".json"})
"""Suffixes of files that hold rows in a way that is not read here."""

MAX_NOTES = 16 * 2**20
"""Bytes of a README or a note that are read."""

_FRONT = re.compile(r"\s*---[ \t]*\n(.*?)\n---", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Rows:
    """The files of a data set's rows.

    Attributes:
        kind: their format; None where the data set is a folder of images, which is read whole.
        splits: name of a file → its split; "" where nothing says.
        classes: column → names of its numbered classes, by the README.
    """

    kind: str | None
    splits: Mapping[str, str]
    classes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def choose_rows(
    names: Sequence[str],
    read: Callable[[str], bytes],
    *,
    config: str | None = None,
    splits: Sequence[str] = (),
    where: str,
) -> Rows:
    """The files of rows of one config, of all splits or of those that were asked for.

    Args:
        names: of all files of the data set, below it, with slashes.
        read: the beginning of one of them.
        config: which; None takes the only one, or the one called ``default``.
        splits: which; () takes all.
        where: what people call the data set.

    Raises:
        SourceError: no such config or split, several configs and none named, no file of rows, damaged notes.
    """
    found = _saved(names, read, where) or _cached(names, read, where, config=config)
    if found is not None:
        if config is not None and not any(config in PurePosixPath(name).parts for name in found.splits):
            raise SourceError(f"{where} was saved without configs; got --config {config}")
    else:
        found = _repository(names, _front_matter(names, read, where), where, config=config)
    if found.kind is None and not splits:
        return found
    there = list(dict.fromkeys(found.splits.values()))
    for name in splits:
        if name not in there:
            have = f"its splits are {', '.join(filter(None, there))}" if any(there) else "no file of it names a split"
            raise SourceError(f"{where} has no split {shown(name)}: {have}")
    chosen = {name: split for name, split in found.splits.items() if not splits or split in splits}
    return dataclasses.replace(found, splits=chosen)


def _saved(names: Sequence[str], read: Callable[[str], bytes], where: str) -> Rows | None:
    """``Dataset.save_to_disk`` and ``DatasetDict.save_to_disk``; None where it is neither."""
    if "dataset_dict.json" in names:
        parts = _note(read, "dataset_dict.json", where).get("splits")
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise SourceError(f"dataset_dict.json of {where} names no splits; save the data set again")
        folders = {f"{part}/": part for part in parts}
    elif "state.json" in names:
        folders = {"": ""}
    else:
        return None
    found: dict[str, str] = {}
    for folder, split in folders.items():
        if f"{folder}state.json" not in names:
            raise SourceError(f"{where} lacks {folder}state.json, though dataset_dict.json names it; copy all of it")
        state = _note(read, f"{folder}state.json", where)
        if state.get("_indices_data_files"):
            raise SourceError(
                f"{folder}state.json of {where} chooses rows by an index that an old version of datasets wrote; load "
                "the data set and save it again"
            )
        entries = state.get("_data_files")
        listed = entries if isinstance(entries, list) else []
        files = [each.get("filename") for each in listed if isinstance(each, Mapping)]
        known = state.get("_split")
        for name in files:
            if f"{folder}{name}" not in names:
                raise SourceError(f"{where} lacks {folder}{name}, which its state.json names; copy all of it")
            found[f"{folder}{name}"] = split or (known if isinstance(known, str) else "")
    if not found:
        raise SourceError(f"{where} was saved without any rows")
    return Rows("arrow", found)


def _cached(names: Sequence[str], read: Callable[[str], bytes], where: str, *, config: str | None) -> Rows | None:
    """A data set in the cache of ``datasets``: CONFIG/VERSION/HASH with NAME-SPLIT.arrow; None where it is none."""
    arrow = [name for name in names if name.endswith(".arrow") and not PurePosixPath(name).name.startswith("cache-")]
    above = {str(PurePosixPath(name).parent) for name in arrow}
    noted = sorted(above.intersection(str(PurePosixPath(n).parent) for n in names if n.endswith("dataset_info.json")))
    folders = [each for each in noted if config is None or config in PurePosixPath(each).parts or each == "."]
    if not noted:
        return None
    if len(folders) != 1:
        _name_one(where, noted, config)
    note = "dataset_info.json" if folders[0] == "." else f"{folders[0]}/dataset_info.json"
    listed = _note(read, note, where).get("splits")
    splits = sorted(map(str, listed), key=len, reverse=True) if isinstance(listed, Mapping) else []
    found = {}
    for name in arrow:
        if str(PurePosixPath(name).parent) == folders[0]:
            stem = re.sub(r"-\d{5}-of-\d{5}$", "", PurePosixPath(name).stem)
            found[name] = next((split for split in splits if stem == split or stem.endswith(f"-{split}")), "")
    return Rows("arrow", found)


def _repository(names: Sequence[str], card: Mapping[str, Any], where: str, *, config: str | None) -> Rows:
    """A repository of the hub: by the configs of its README, else by the names of its files."""
    known = card.get("configs")
    configs = [each for each in known if isinstance(each, Mapping)] if isinstance(known, list) else []
    configs = [each for each in configs if each.get("data_files") or each.get("data_dir")]
    if configs:
        return _by_card(names, _config(configs, config, where), card, where)
    rows = _of_first_kind(sorted(names))
    if not rows:
        if any(name.endswith(".py") for name in names):
            raise SourceError(
                f"{where} holds no rows but a script that makes them, which memometer never runs; the hub keeps most "
                "such data sets as Parquet too: hf:NAME@refs/convert/parquet"
            )
        return Rows(None, {})
    tops = sorted({name.split("/")[0] for name in rows if name.count("/") >= 2})
    if config is None and len(tops) > 1 and all(name.count("/") >= 2 for name in rows):
        config = "default" if "default" in tops else _name_one(where, tops, None)
    if config is not None:
        inside = [name for name in rows if name.startswith(f"{config}/")]
        rows = inside or _name_one(where, tops, config)
    return Rows(_kind(rows), {name: split_of(name) or "" for name in rows}, _classes(card, config))


def _config(configs: Sequence[Mapping[str, Any]], wanted: str | None, where: str) -> Mapping[str, Any]:
    by_name = {str(each.get("config_name", "default")): each for each in configs}
    if wanted is not None:
        return by_name[wanted] if wanted in by_name else _name_one(where, list(by_name), wanted)
    usual = next((name for name, each in by_name.items() if each.get("default") is True), "default")
    if usual not in by_name and len(by_name) > 1:
        _name_one(where, list(by_name), None)
    return by_name.get(usual, configs[0])


def _by_card(names: Sequence[str], chosen: Mapping[str, Any], card: Mapping[str, Any], where: str) -> Rows:
    folder = chosen.get("data_dir")
    prefix = f"{folder.strip('/')}/" if isinstance(folder, str) and folder.strip("./") else ""
    found: dict[str, str] = {}
    for split, pattern in _patterns(chosen.get("data_files") or "**"):
        expression = re.compile(_expression(prefix + pattern.removeprefix("./")))
        for name in sorted(names):
            if expression.fullmatch(name):
                found.setdefault(name, split or split_of(name) or "")
    rows, config = _of_first_kind(found), chosen.get("config_name", "default")
    if not rows and any(PurePosixPath(name).suffix.lower() in PACKED for name in found):
        raise SourceError(
            f"config {shown(config)} of {where} is of {min(found)} and the like; memometer reads {', '.join(KINDS)} "
            "files of a data set; unpack it, and name the folder without hf-disk:"
        )
    if not rows and not found:
        raise SourceError(
            f"the README of {where} names files for config {shown(config)} that are not there: "
            f"{shown(chosen.get('data_files'))}; download all of it"
        )
    if not rows:
        return Rows(None, found)
    return Rows(_kind(rows), {name: found[name] for name in rows}, _classes(card, config))


def _patterns(files: object) -> Iterable[tuple[str, str]]:
    """(split, pattern) of a README's ``data_files``: a text, a list of them, by split, or a list of split and path."""
    if isinstance(files, str):
        yield "", files
    elif isinstance(files, list):
        for each in files:
            if isinstance(each, Mapping):
                for _, pattern in _patterns(each.get("path")):
                    yield str(each.get("split", "")), pattern
            else:
                yield from _patterns(each)
    elif isinstance(files, Mapping):
        for split, inner in files.items():
            for _, pattern in _patterns(inner):
                yield str(split), pattern


def _expression(pattern: str) -> str:
    """A shell pattern as a regular expression: ``*`` stays within a folder, ``**`` does not."""
    found = ""
    for part in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", pattern, re.DOTALL):
        known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part)
        if known is None and part.startswith("[") and len(part) > 1:
            inner = re.escape(part[1:-1].removeprefix("!")).replace(r"\-", "-")
            known = f"[{'^' if part[1] == '!' else ''}{inner}]"
        found += re.escape(part) if known is None else known
    try:
        re.compile(found)
    except re.error:  # a range that goes backwards
        return re.escape(pattern)
    return found


def _of_first_kind(names: Iterable[str]) -> list[str]:
    """The files of the likeliest kind of rows, without those that the ``datasets`` library keeps beside them."""
    listed = list(names)
    for suffix in KINDS:
        rows = [name for name in listed if name.lower().endswith(suffix)]
        rows = [name for name in rows if not PurePosixPath(name).name.startswith(("cache-", "metadata."))]
        if rows:
            return rows
    return []


def _kind(rows: Sequence[str]) -> str:
    return KINDS[PurePosixPath(rows[0]).suffix.lower()]


def _classes(card: Mapping[str, Any], config: str | None) -> dict[str, tuple[str, ...]]:
    """Names of numbered classes by column, in a README's ``dataset_info``."""
    infos = card.get("dataset_info")
    infos = infos if isinstance(infos, list) else [infos]
    known = [each for each in infos if isinstance(each, Mapping) and each.get("config_name") in {None, config}]
    features = known[0].get("features") if known else None
    found = {}
    for feature in features if isinstance(features, list) else ():
        kind = feature.get("dtype") if isinstance(feature, Mapping) else None
        label = kind.get("class_label") if isinstance(kind, Mapping) else None
        listed = label.get("names") if isinstance(label, Mapping) else None
        names = list(listed.values()) if isinstance(listed, Mapping) else listed
        if isinstance(names, list) and names and isinstance(feature.get("name"), str):
            found[feature["name"]] = tuple(map(str, names))
    return found


def _front_matter(names: Sequence[str], read: Callable[[str], bytes], where: str) -> Mapping[str, Any]:
    """The YAML at the top of the README; nothing where there is none."""
    if "README.md" not in names:
        return {}
    text = read("README.md").decode("utf-8-sig", "replace").replace("\r\n", "\n")
    match = _FRONT.match(text)
    front = match[1] if match else ""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(front, Loader=yaml.SafeLoader)):
            raise SourceError(f"the README of {where} begins with YAML that refers to its own parts; write these out")
        content = yaml.safe_load(front)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split())[:200]
        raise SourceError(f"the README of {where} begins with YAML that cannot be read: {words}") from None
    return content if isinstance(content, Mapping) else {}


def _note(read: Callable[[str], bytes], name: str, where: str) -> Mapping[str, Any]:
    try:
        content = parse_json(read(name))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name} of {where} cannot be read as JSON: {error}; save or download it again") from None
    if not isinstance(content, Mapping):
        raise SourceError(
            f"{name} of {where} holds {type(content).__name__}; expected an object, as datasets writes it"
        )
    return content


def _name_one(where: str, there: Sequence[str], wanted: str | None) -> NoReturn:
    listed = first_of(there, 8)
    if wanted is not None:
        have = f"its configs are {listed}" if there else "it has no configs"
        raise SourceError(f"{where} has no config {shown(wanted)}: {have}")
    raise SourceError(f"{where} has several configs: {listed}; name one with --config NAME")
