"""Whether the folders of images are classes: only where the layout can be nothing else, or where the user says so."""

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

__all__ = ["SYNSET", "class_of", "folder_remarks", "folders_are_classes"]

SYNSET = re.compile(r"n\d{8}")
"""A WordNet id, as ImageNet names its classes."""

_SPLIT = re.compile(
    r"(train|training|val|valid|validation|test|testing|dev|eval|minival|trainval)[-_]?(\d{4})?", re.IGNORECASE
)
_STRUCTURE = re.compile(
    r"images?|imgs?|jpe?g(images|s)?|jpegimages|photos?|pictures?|pics|data|datasets?|raw|originals?|files|crops?"
    r"|frames?|rgb|labels?|annotations?|masks?|\d+",
    re.IGNORECASE,
)
"""Names that tell where files lie or which shard they are of, not what images show."""

_SHARD = re.compile(r"\d{4,}")
"""As img2dataset numbers its folders."""


def class_of(folder: str) -> str | None:
    """The class that a folder of images names, if its images' folders are classes; None where it names none.

    Folders such as ``images`` below the class are passed over, as Tiny ImageNet has them.

    >>> class_of("train/cat"), class_of("train/n01443537/images"), class_of("images"), class_of("7")
    ('cat', 'n01443537', None, '7')
    """
    parts = list(PurePosixPath(folder).parts)
    while len(parts) > 1 and _STRUCTURE.fullmatch(parts[-1]) and not parts[-1].isdigit():
        parts.pop()
    if not parts or parts[-1] == "." or (_STRUCTURE.fullmatch(parts[-1]) and not parts[-1].isdigit()):
        return None
    return parts[-1]


def folders_are_classes(folders: Collection[str], *, root: str) -> bool:
    """Whether the folders that hold images can be nothing but classes.

    They are where all of them are synsets, or lie side by side below ``train``, ``val`` or their like; the source
    itself may be that folder. Numbers are shards as often as classes, so they are left to the user.

    Args:
        folders: paths below the source of all folders that hold an image.
        root: the source.

    >>> folders_are_classes({"train/cat", "train/dog", "val/cat"}, root="/data")
    True
    >>> folders_are_classes({"00000", "00001"}, root="/data"), folders_are_classes({"train", "val"}, root="/data")
    (False, False)
    """
    named = {folder: class_of(folder) for folder in folders if folder not in ("", ".")}
    classes = set(named.values())
    if None in classes or not classes:
        return False
    if all(SYNSET.fullmatch(str(name)) for name in classes):
        return True
    below_split = all(_below_split(folder, str(name), root=root) for folder, name in named.items())
    return below_split and len(classes) > 1


def folder_remarks(folders: Collection[str], *, taken: bool, named: bool) -> list[str]:
    """What people should know of the folders' names.

    Args:
        folders: paths below the source of all folders that hold an image.
        taken: whether they were taken for classes.
        named: whether the user gave names of classes.
    """
    classes = sorted({name for folder in folders if (name := class_of(folder)) is not None})
    examples = ", ".join(classes[:3])
    if taken and not named and classes and all(map(SYNSET.fullmatch, classes)):
        advice = "--class-names LOC_synset_mapping.txt gives them names, which captions and vocabularies know"
        return [f"classes are WordNet ids such as {classes[0]}; {advice}"]
    if taken and classes:
        return [f"the {len(classes):,} folders of images are classes, e.g. {examples}; --label-from none has none"]
    plain = [name for name in classes if not _SPLIT.fullmatch(name) and not _SHARD.fullmatch(name)]
    if not taken and len(plain) > 1:
        lie = f"images lie in {len(classes):,} folders, e.g. {examples}, which were not taken for classes"
        return [f"{lie}; --label-from folder takes them"]
    return []


def _below_split(folder: str, name: str, *, root: str) -> bool:
    if _STRUCTURE.fullmatch(name) or _SPLIT.fullmatch(name):
        return False
    parts = [Path(root).name, *PurePosixPath(folder).parts]
    above = parts[parts.index(name, 1) - 1]
    return _SPLIT.fullmatch(above) is not None
