"""Folders of images by class: the class is what an image shows."""

from pathlib import Path

from memometer.annotators.label_files.base import FileLabels, LabelColumns, LabelRows
from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.class_folders import class_of
from memometer.data.sources.class_names import CLASSNAMES_FILES, find_class_names
from memometer.errors import SourceError

__all__ = ["SYNSETS", "is_image", "read_folders"]

SYNSETS = ("LOC_synset_mapping.txt", *CLASSNAMES_FILES)
"""Where names of classes are that folders give by synset or number, in the folder or beside it."""


def read_folders(path: Path, _: LabelColumns) -> FileLabels:
    """The class of each image below ``path`` as its label, without a box: ``cat`` of ``train/cat/1.jpg``.

    Folders such as ``images`` below the class are passed over. No image is opened.

    Raises:
        SourceError: it is no folder, or none of its images lies in a folder of a class.
    """
    if not path.is_dir():
        raise SourceError(f"{path} is no folder; expected one with a folder of images per class")
    names, rows = find_class_names([path, path.parent], SYNSETS), LabelRows()
    n_named = 0
    for file in sorted(path.rglob("*")):
        if not file.is_file() or not is_image(file):
            continue
        inside = file.relative_to(path)
        label = class_of(str(inside.parent))
        if label is None:
            rows.skip("image that lies in no folder of a class")
            continue
        rows.add(str(inside), label if names is None else names.of(label))
        n_named += 1
    if not n_named:
        raise SourceError(f"{path} has no folder of images per class; expected {path / 'CLASS' / 'NAME.jpg'}")
    return rows.done()


def is_image(path: Path) -> bool:
    """Whether a file is one of an image, by its name."""
    return path.suffix.lower() in IMAGE_SUFFIXES
