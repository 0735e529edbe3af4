"""What a folder of images holds: its samples in order, and everything else, counted."""

import dataclasses
import functools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from memometer.data.sniffing import HEAD_BYTES, head_of
from memometer.data.sources.masks import MASK, is_mask_folder, look_like_masks, photo_of
from memometer.data.sources.pairing import Pairing, pair_files
from memometer.data.sources.yolo import label_path
from memometer.storage.addresses import is_remote, within_folder
from memometer.storage.reading import list_objects

__all__ = ["Found", "Listing", "walk"]


@dataclasses.dataclass(frozen=True)
class Found:
    """Images of one stem in one folder, and the files beside them.

    Attributes:
        folder: below the source; "" for the source itself.
        stem: the images' name without suffix.
        images: names.
        sidecars: names by suffix.
    """

    folder: str
    stem: str
    images: list[str]
    sidecars: dict[str, str]

    def path(self, name: str) -> str:
        """The path of one of the files below the source."""
        return f"{self.folder}/{name}" if self.folder else name


class Listing:
    """Walks a folder and remembers what it passed by.

    Attributes:
        aside: files that are no part of a sample, by kind.
        orphans: texts below the source that no image is named like, as paths.
        others: up to a few paths of other files, by suffix.
    """

    def __init__(self, root: str, *, read: str | None = None) -> None:
        """Of a folder; ``read`` is a file in it that was read before."""
        self.aside: Counter[str] = Counter()
        self.orphans: set[str] = set()
        self.others: dict[str, list[str]] = {}
        self._root = root
        self._read = read
        self._claimed: set[str] = set()
        self._photos: set[str] | None = None
        self._of_masks: dict[str, bool] = {}
        self._objects: frozenset[str] | None = None

    def samples(self) -> Iterator[Found]:
        """The samples in the order of their names; masks are counted and left out."""
        for folder, pairing, names in self._folders():
            self._count(folder, pairing, names)
            self._holds_masks(folder, names)
            stems = {sample.stem for sample in pairing.samples}
            for sample in pairing.samples:
                if self._is_mask(folder, sample.stem, beside=stems):
                    self.aside[MASK] += len(sample.images) + len(sample.sidecars)
                    continue
                sidecars = {suffix: names[place] for suffix, place in sample.sidecars.items()}
                yield Found(folder, sample.stem, [names[place] for place in sample.images], sidecars)

    def image_folders(self) -> set[str]:
        """Paths below the source of the folders that hold an image, those of masks left out."""
        found = self._folders()
        return {folder for folder, pairing, names in found if pairing.samples and not self._holds_masks(folder, names)}

    def claim_labels(self, image: str) -> str | None:
        """The path of an image's text in YOLO's tree ``labels``, which is no orphan then; None where there is none."""
        path = label_path(within_folder(self._root, image))
        if path is None or not self._is_file(path):
            return None
        self._claimed.add(path.removeprefix(f"{self._root.rstrip('/')}/"))
        return path

    def count_orphans(self) -> None:
        """Counts the texts that are of no image, once all images are known."""
        for path in sorted(self.orphans - self._claimed):
            self.aside[f"{os.path.splitext(path)[1].lower()} of no image"] += 1  # noqa: PTH122 (bytes that are not UTF-8)
            self._remember(path)

    def _folders(self) -> Iterator[tuple[str, Pairing, list[str]]]:
        for folder, names, n_hidden in walk(self._root):
            if n_hidden:
                self.aside["hidden folder"] = n_hidden
            if self._read is not None and Path(self._read).parent == Path(self._root, folder):
                names = [name for name in names if name != Path(self._read).name]  # noqa: PLW2901 (one list)
            yield folder, pair_files(names, head=functools.partial(self._head, folder, names)), names

    def _head(self, folder: str, names: list[str], place: int) -> bytes:
        return head_of(within_folder(self._root, folder, names[place]), HEAD_BYTES)

    def _count(self, folder: str, pairing: Pairing, names: list[str]) -> None:
        self.aside.update(pairing.aside.values())
        for place in pairing.aside:
            self._remember(f"{folder}/{names[place]}" if folder else names[place])
        for places in pairing.orphans.values():
            self.orphans.update(f"{folder}/{names[place]}" if folder else names[place] for place in places)

    def _remember(self, path: str) -> None:
        known = self.others.setdefault(os.path.splitext(path)[1].lower(), [])  # noqa: PTH122 (above)
        if len(known) < 1000:
            known.append(path)

    def _is_file(self, path: str) -> bool:
        if not is_remote(self._root):
            return Path(path).is_file()
        if self._objects is None:
            self._objects = frozenset(list_objects(self._root))
        return path in self._objects

    def _is_mask(self, folder: str, stem: str, *, beside: set[str]) -> bool:
        """Whether images are masks: their names say so, and the photographs are there."""
        own = photo_of(stem)
        if own is not None and own in beside:
            return True
        return bool(self._stems() & {stem, own}) if self._of_masks[folder] else False

    def _holds_masks(self, folder: str, names: Sequence[str]) -> bool:
        """Whether a folder's name and its first images are those of masks."""
        if folder not in self._of_masks:
            files = [within_folder(self._root, folder, name) for name in names]
            self._of_masks[folder] = is_mask_folder(folder) and look_like_masks(files)
        return self._of_masks[folder]

    def _stems(self) -> set[str]:
        """Stems of the images outside folders of masks; asked for where there are such folders alone."""
        if self._photos is None:
            found = self._folders()
            bare = (pairing.samples for folder, pairing, names in found if not self._holds_masks(folder, names))
            self._photos = {sample.stem for samples in bare for sample in samples}
        return self._photos


def walk(root: str) -> Iterator[tuple[str, list[str], int]]:
    """Folders from ``root`` down, by name: path below it, names of files, and hidden folders passed over so far."""
    if is_remote(root):
        yield from _walk_store(root)
        return
    n_hidden = 0
    for folder, below, names in os.walk(root):
        hidden = [name for name in below if name.startswith(".") or name == "__MACOSX"]
        n_hidden += len(hidden)
        below[:] = sorted((name for name in below if name not in hidden), key=os.fsencode)
        yield folder[len(root) :].strip("/"), sorted(names, key=os.fsencode), n_hidden


def _walk_store(root: str) -> Iterator[tuple[str, list[str], int]]:
    """The same of the objects below an address."""
    inside: dict[str, list[str]] = {}
    hidden: set[str] = set()
    for path in list_objects(root):
        *parts, name = path.removeprefix(root).strip("/").split("/")
        place = next((n for n, part in enumerate(parts) if part.startswith(".") or part == "__MACOSX"), None)
        if place is None:
            inside.setdefault("/".join(parts), []).append(name)
        else:
            hidden.add("/".join(parts[: place + 1]))
    for folder in sorted(inside, key=lambda folder: os.fsencode(folder).split(b"/")):
        yield folder, sorted(inside[folder], key=os.fsencode), len(hidden)
