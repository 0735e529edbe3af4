"""Which files of a folder are COCO annotations, and which of them describe the same images."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.json_kind import holds_keys, json_kind

__all__ = ["CocoSplit", "annotation_files", "annotation_lists", "find_splits", "partners", "split_names"]

MAX_LISTS = 32
"""Of a folder with more JSON files, most likely those of single images, only those of telling names are tried."""

_TELLING = re.compile(r"captions|instances|annotations|coco|lvis|labels", re.IGNORECASE)
_NAME = re.compile(r"(captions|instances)(?:_(.*))?", re.IGNORECASE)
_OTHER = re.compile(r"(person_keypoints|keypoints|panoptic|stuff|densepose|image_info)_", re.IGNORECASE)
_NAMELESS = frozenset({"_annotations.coco", "annotations", "_annotations", "labels", "result", "coco", "dataset"})


@dataclasses.dataclass(frozen=True)
class CocoSplit:
    """Annotation files of the same images.

    Attributes:
        name: what ``--split`` takes.
        files: the captions' file first, where there are two.
        usual: whether captions or instances are what it is for; keypoints and the like are read where nothing else is.
    """

    name: str
    files: tuple[Path, ...]
    usual: bool = True

    @property
    def has_captions(self) -> bool:
        """Whether one of the files says by its name or by a key that it has captions."""
        by_name = any(path.stem.lower().startswith("captions") for path in self.files)
        return by_name or any(holds_keys(path, {"caption"}) for path in self.files)


def annotation_files(root: Path) -> list[Path]:
    """COCO's annotations below a folder: in ``annotations/``, in itself, or in the folders in it; by path."""
    inner = _folders(root)
    for folders in ([root / "annotations"], [root], inner, [folder / "annotations" for folder in inner]):
        found = [path for folder in folders for path in annotation_lists(folder)]
        if found:
            return found
    return []


def find_splits(files: Iterable[Path]) -> list[CocoSplit]:
    """The files that describe the same images, together; the order is that of the files."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in files:
        groups.setdefault((path.parent, _split_name(path)), []).append(path)
    usual = [group for group, paths in groups.items() if any(_NAME.fullmatch(path.stem) for path in paths)]
    usual = usual or [group for group, paths in groups.items() if not _OTHER.match(paths[0].stem)]
    splits = []
    for (folder, name), paths in groups.items():
        ordered = sorted(paths, key=lambda path: not path.stem.lower().startswith("captions"))
        splits.append(CocoSplit(name, tuple(ordered), usual=not usual or (folder, name) in usual))
    return splits


def partners(path: Path) -> list[Path]:
    """A file that was named by itself, and the one beside it that has the captions or instances of its images."""
    name = _NAME.fullmatch(path.stem)
    if name is None:
        return [path]
    split = "" if name[2] is None else f"_{name[2]}"
    both = [path.with_name(f"{kind}{split}.json") for kind in ("captions", "instances")]
    return [each for each in both if each == path or each.is_file()]


def _split_name(path: Path) -> str:
    """``train2017`` of ``instances_train2017.json``; the folder's name where the file's says nothing."""
    name = _NAME.fullmatch(path.stem)
    stem = (name[2] or "") if name else path.stem
    return path.parent.name if not stem or stem.lower() in _NAMELESS else stem


def _folders(root: Path) -> list[Path]:
    """The folders in a folder; none where they are more than splits would be: a thousand classes are slow to list."""
    found = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return found if len(found) <= MAX_LISTS else []


def annotation_lists(folder: Path) -> list[Path]:
    """The JSON files of a folder that are COCO's by content."""
    if not folder.is_dir():
        return []
    names = {entry.name for entry in folder.iterdir()}
    texts = sorted(name for name in names if name.lower().endswith(".json") and not name.startswith("."))
    if len(texts) > MAX_LISTS:
        texts = [name for name in texts if _TELLING.search(name)]
    alone = (name for name in texts if names.isdisjoint(name[: -len(".json")] + suffix for suffix in IMAGE_SUFFIXES))
    return [folder / name for name in alone if _is_coco(folder / name)]


def _is_coco(path: Path) -> bool:
    """By content; where COCO's own names stand in COCO's own place, also a file that is damaged."""
    if path.parent.name == "annotations" and path.stem.startswith(("captions_", "instances_")):
        return path.is_file()
    try:
        return path.is_file() and json_kind(path) == "coco"
    except OSError:
        return False


def split_names(splits: Sequence[CocoSplit]) -> str:
    """For people."""
    return ", ".join(split.name for split in splits)
