"""The images of a COCO split: the folders they may lie in, and what else lies there."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from memometer.data.sources.coco_files import CocoSplit
from memometer.data.sources.coco_join import JoinedImage
from memometer.data.sources.finding import ImageFolders
from memometer.errors import SourceError

__all__ = ["SplitImages"]


@dataclasses.dataclass(frozen=True)
class SplitImages:
    """Finds the images of one split.

    Attributes:
        split: its name.
        folders: where they are looked for.
    """

    split: str
    folders: ImageFolders

    @classmethod
    def of(cls, split: CocoSplit, images: Iterable[JoinedImage], *, images_in: tuple[str, ...]) -> "SplitImages":
        """The usual folders of a split, after those that the user named.

        Raises:
            SourceError: none of its images is in any of them.
        """
        named = [image for image in images if image.fault is None]
        candidates = _candidates(split, images_in)
        places = cls(split.name, ImageFolders.of(candidates, (image.parts for image in named)))
        if named and not any(places.find(image.parts) for image in named):
            tried = ", ".join(str(folder) for folder in candidates[:6])
            raise SourceError(
                f"{split.files[0]} has no images: {named[0].name} and the others are in none of {tried}; "
                "pass their folder with --images FOLDER, or choose other splits with --split"
            )
        return places

    def find(self, parts: tuple[str, ...]) -> Path | None:
        """Where an image is; None where it is not there."""
        return self.folders.find(parts)

    def within(self, parts: tuple[str, ...], path: Path | None) -> str:
        """What tells the image from one of the same name: its folder."""
        return "/".join((self.split, *parts[:-1]) if path is None else path.parent.parts[1:])


def _candidates(split: CocoSplit, images_in: tuple[str, ...]) -> list[Path]:
    """The folders in which a split's images may be, the likeliest first."""
    here = split.files[0].parent
    above = here.parent if here.name.lower() in {"annotations", "labels", "annotation"} else here
    names = [split.name, *(["train2017", "val2017"] if split.name.startswith("lvis") else [])]
    folders = [Path(folder, *inner) for folder in images_in for inner in [(name,) for name in names] + [()]]
    if images_in:
        return folders
    for name in names:
        folders += [above / name, above / "images" / name, above / name / "images"]
    folders += [above / "images", above / "data", above / "JPEGImages", here, above]
    return [*folders, *(above.parent / name for name in names), above.parent / "images"]
