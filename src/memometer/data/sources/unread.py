"""Files of annotations that lie beside images and were not read, with the option that reads them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from memometer.data.sniffing import head_of
from memometer.data.sources.class_names import ClassNames
from memometer.data.sources.json_entries import LINES
from memometer.data.sources.other_tools import of_other_tool
from memometer.storage.addresses import within_folder

__all__ = ["unread_remarks", "xml_advice"]

_READ_BY = {
    ".csv": "--format csv reads a table of images",
    ".tsv": "--format tsv reads a table of images",
    ".parquet": "--format parquet reads a table of images",
    ".tar": "--format webdataset reads tar shards",
    **dict.fromkeys(LINES, "--format jsonl reads a list of images"),
    ".arrow": "--format arrow reads a table of images",
}

_NO_LIST = re.compile(r".*_stats|dataset_infos?|dataset_dict|state|config.*|info|sizes|package|settings", re.IGNORECASE)
"""Stems of JSON files that say nothing of single images, as img2dataset and Hugging Face leave them."""

_LISTS = "--format coco reads COCO's annotations, --format jsonl other lists of images"

HEAD_BYTES = 4096
LOOKED_INTO = 32


def unread_remarks(
    others: Mapping[str, Sequence[str]], *, root: str, annotations: str | None, names: ClassNames | None
) -> list[str]:
    """Sentences on files that may say something of the images.

    Args:
        others: paths below the source that were not read, by suffix; of each up to a thousand.
        root: the source.
        annotations: the tree that the user named.
        names: where the names of classes were read from.
    """
    remarks = []
    for suffix, advice in _READ_BY.items():
        if others.get(suffix):
            remarks.append(f"{_count(others[suffix], suffix)}; {advice}")
    if annotations is None and (xmls := others.get(".xml")):
        remarks.append(f"{_count(xmls, '.xml')}; {xml_advice(head_of(within_folder(root, xmls[0]), HEAD_BYTES))}")
    jsons = others.get(".json", ())
    if likely := [path for path in jsons if not _NO_LIST.fullmatch(PurePosixPath(path).stem)]:
        remarks += _of_json(likely, root)
    remarks += [f"{path} is {told}" for path in others.get(".txt", ()) if (told := of_other_tool(Path(path)))]
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


def _of_json(paths: Sequence[str], root: str) -> list[str]:
    """What to do with JSON files, by the tool that wrote them; of many those that are looked into stand for all."""
    by_advice: dict[str, list[str]] = {}
    for place, path in enumerate(paths):
        told = of_other_tool(within_folder(root, path)) if place < LOOKED_INTO else None
        by_advice.setdefault(f"it is {told}" if told else _LISTS, []).append(path)
    return [f"{_count(named, '.json')}; {advice}" for advice, named in by_advice.items()]


def xml_advice(head: bytes) -> str:
    """What to do with an XML file that begins like this."""
    if b"<annotations" in head:
        return "CVAT's own XML is not read: export the task as COCO 1.0"
    return "--annotations FOLDER reads a tree of Pascal VOC files that mirrors the images"


def _count(paths: Sequence[str], suffix: str) -> str:
    n = f"{len(paths):,}" if len(paths) < 1000 else "1,000 or more"
    verb = "was" if len(paths) == 1 else "were"
    shown = paths[0].encode("utf-8", "backslashreplace").decode()
    return f"{n} {suffix} file{'' if len(paths) == 1 else 's'} {verb} not read, e.g. {shown}"
