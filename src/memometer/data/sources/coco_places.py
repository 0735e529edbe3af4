"""The folders in which the images of a COCO split may lie."""

import re
from collections.abc import Iterable
from pathlib import Path

from memometer.data.sources.coco_files import CocoSplit
from memometer.data.sources.coco_join import JoinedImage
from memometer.data.sources.finding import ImageFolders
from memometer.errors import SourceError

__all__ = ["folders_of"]


def folders_of(split: CocoSplit, images: Iterable[JoinedImage], *, images_in: tuple[str, ...]) -> ImageFolders:
    """The usual folders of a split, after those that the user named.

    Raises:
        SourceError: none of its images is in any of them.
    """
    named = [image for image in images if image.fault is None]
    candidates = _candidates(split, images_in)
    folders = ImageFolders.of(candidates, (image.parts for image in named))
    if named and not any(folders.find(image.parts) for image in named):
        tried = ", ".join(str(folder) for folder in candidates[:6])
        raise SourceError(
            f"{split.files[0]} has no images: {named[0].name} and the others are in none of {tried}; "
            "pass their folder with --images FOLDER, or choose other splits with --split"
        )
    return folders


def _candidates(split: CocoSplit, images_in: tuple[str, ...]) -> list[Path]:
    """The folders in which a split's images may be, the likeliest first."""
    here = split.files[0].parent
    above = here.parent if here.name.lower() in {"annotations", "labels", "annotation"} else here
    if above != here and above.name.lower().startswith("annotations"):
        above = above.parent  # annotations_trainval2017/annotations, as the archive has it
    if images_in:
        given = [Path(folder) for folder in images_in]
        return [inner for folder in given for inner in (folder / split.name, *_namesakes(folder, split.name), folder)]
    folders = [above / split.name, above / "images" / split.name, above / split.name / "images"]
    folders += [*_namesakes(above, split.name), *_namesakes(above / "images", split.name)]
    return [*folders, above / "images", above / "data", above / "JPEGImages", here, above]


def _namesakes(folder: Path, split: str) -> list[Path]:
    """Folders that the split's name names among other things: ``train2017`` of ``lvis_v1_train``, ``val`` of others."""
    words = [re.sub(r"\d+$", "", word) for word in re.split(r"[^a-z0-9]+", split.lower()) if not word.isdigit()]
    if not folder.is_dir():
        return []
    inner = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    return [entry for entry in inner if re.sub(r"\d+$", "", entry.name.lower()) in words]
