"""Files of annotations that lie beside images and were not read, with the option that reads them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from memometer.data.sources.class_names import ClassNames

__all__ = ["unread_remarks"]

_READ_BY = {
    ".csv": "--format csv reads a table of images",
    ".tsv": "--format tsv reads a table of images",
    ".parquet": "--format parquet reads a table of images",
    ".tar": "--format webdataset reads tar shards",
    ".jsonl": "--format jsonl reads a list of images",
    ".arrow": "--format arrow reads a table of images",
    ".xml": "--annotations FOLDER reads a tree of Pascal VOC files that mirrors the images",
}

_ANNOTATIONS = re.compile("coco|annot|instance|caption|label|lvis|train|val|test", re.IGNORECASE)
"""In names of JSON files that say something of images."""


def unread_remarks(
    others: Mapping[str, Sequence[str]], *, annotations: str | None, names: ClassNames | None
) -> list[str]:
    """Sentences on files that may say something of the images.

    Args:
        others: paths below the source that were not read, by suffix; of each up to a thousand.
        annotations: the tree that the user named.
        names: where the names of classes were read from.
    """
    remarks = []
    for suffix, advice in _READ_BY.items():
        if others.get(suffix) and not (suffix == ".xml" and annotations is not None):
            remarks.append(f"{_count(others[suffix], suffix)}; {advice}")
    jsons = others.get(".json", ())
    if likely := [path for path in jsons if _ANNOTATIONS.search(PurePosixPath(path).name)]:
        remarks.append(f"{_count(likely, '.json')}; --format coco reads COCO's annotations")
    yamls = [path for suffix in (".yaml", ".yml") for path in others.get(suffix, ())]
    yamls = [path for path in yamls if names is None or PurePosixPath(path).name != Path(names.path).name]
    if yamls:
        remarks.append(f"{_count(yamls, '.yaml')}; --class-names FILE reads names of classes")
    labels = [path for path in others.get(".txt", ()) if "labels" in PurePosixPath(path).parts]
    if labels:
        remarks.append(
            f"{_count(labels, '.txt')}; YOLO's labels are read where labels/ mirrors images/, as images/train/1.jpg "
            "and labels/train/1.txt"
        )
    return remarks


def _count(paths: Sequence[str], suffix: str) -> str:
    n = f"{len(paths):,}" if len(paths) < 1000 else "1,000 or more"
    verb = "was" if len(paths) == 1 else "were"
    shown = paths[0].encode("utf-8", "backslashreplace").decode()
    return f"{n} {suffix} file{'' if len(paths) == 1 else 's'} {verb} not read, e.g. {shown}"
