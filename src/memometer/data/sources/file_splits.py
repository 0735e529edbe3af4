"""The splits that names of files and folders tell, as Hugging Face's data sets have them; they become roles."""

import os.path
import re
from collections.abc import Mapping, Sequence

from memometer.errors import first_of

__all__ = ["split_of", "split_remarks", "splits_of"]

_WORD = re.compile(
    r"(?<=[-._ 0-9/])(train|training|trainval|val|valid|validation|minival|dev|test|testing|eval)"
    r"(?=[-._ 0-9/]|$)",
    re.IGNORECASE,
)
_SHARD = re.compile(r"(.+?)-\d{5}-of-\d{5}")
"""``restval-00000-of-00003.parquet``, as Hugging Face names the files of any split."""

MAX_SHOWN = 6


def splits_of(paths: Sequence[str]) -> dict[str, str]:
    """The split of every path, where each tells one and they are not all the same; else nothing.

    What all paths begin with tells nothing.

    >>> splits_of(["/d/train-00000-of-00001.parquet", "/d/test-00000-of-00001.parquet"]).values()
    dict_values(['train', 'test'])
    >>> splits_of(["/d/train/0.tar", "/d/train/1.tar"]), splits_of(["/d/train.csv", "/d/labels.csv"])
    ({}, {})
    """
    if len(paths) < 2:
        return {}
    whole = {path: f"/{path.lstrip('/')}" for path in paths}
    start = len(os.path.commonpath(list(whole.values())))
    told = {path: match[1] for path in paths if (match := _WORD.search(whole[path], start))}
    shards = {path: match[1] for path in paths if (match := _SHARD.match(os.path.basename(path)))}  # noqa: PTH119 (many paths)
    if told and len(shards) == len(paths):
        told = {**shards, **told}
    return told if len(told) == len(paths) and len(set(told.values())) > 1 else {}


def split_of(name: str) -> str | None:
    """The split that the name of one file tells, as those of a data set's repository do.

    >>> split_of("data/train-00000-of-00002.parquet"), split_of("default/test/0000.parquet"), split_of("all.parquet")
    ('train', 'test', None)
    """
    shard = _SHARD.match(os.path.basename(name))  # noqa: PTH119 (many names)
    word = _WORD.search(f"/{name}")
    return word[1] if word else shard[1] if shard else None


def split_remarks(roles: Mapping[str, str]) -> list[str]:
    """A sentence on splits that became roles; none where there are none."""
    names = list(dict.fromkeys(roles.values()))
    listed = first_of(names, MAX_SHOWN)
    return [f"roles are the splits that files or folders are named by: {listed}"] if names else []
