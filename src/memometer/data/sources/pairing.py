"""Which files of one folder make a sample: an image and the texts that are named like it."""

import dataclasses
import os.path
import unicodedata
from collections.abc import Callable, Sequence

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sniffing import is_image
from memometer.data.sources.sidecars import SIDECAR_SUFFIXES

__all__ = ["Pairing", "Sample", "pair_files"]

FURTHER_IMAGE = "further image of a sample"
FURTHER_TEXT = "further text of a sample"
HIDDEN = "hidden file"


@dataclasses.dataclass
class Sample:
    """Images of one stem, and what lies beside them.

    Attributes:
        stem: their name without suffix.
        images: places among the names of the folder.
        sidecars: suffix → place.
    """

    stem: str
    images: list[int]
    sidecars: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Pairing:
    """What the files of one folder are; every place among their names stands in one of the three.

    Attributes:
        samples: in the order of their first images.
        orphans: stem → places of texts that no image is named like.
        aside: place → what kind of file it is.
    """

    samples: list[Sample]
    orphans: dict[str, list[int]]
    aside: dict[int, str]


def pair_files(
    names: Sequence[str], *, head: Callable[[int], bytes] = lambda _: b"", one_per_key: bool = False
) -> Pairing:
    """Pairs images with texts by the longest name that they share, whatever dots it has.

    ``a.b.txt`` and ``a.b.jpg.txt`` go with ``a.b.jpg``; ``a.txt`` goes with it too where it has no text of its own.
    Letters with accents are the same however they are composed.

    Args:
        names: distinct base names of one folder.
        head: the first bytes of a file; asked for where a name has no suffix.
        one_per_key: whether ``x.seg.png`` is a further image of ``x.jpg``, as in WebDataset, and no sample of its own.

    >>> pairing = pair_files(["a.1.jpg", "a.1.txt", "a.2.jpg", "a.2.txt", "b.idx", "c.txt"])
    >>> [(sample.stem, sample.sidecars) for sample in pairing.samples], pairing.orphans, pairing.aside
    ([('a.1', {'.txt': 1}), ('a.2', {'.txt': 3})], {'c': [5]}, {4: '.idx'})
    """
    written, names = names, [_composed(name) for name in names]
    images: dict[str, dict[str, list[int]]] = {}  # key → stem → places
    texts: dict[str, list[int]] = {}
    found = Pairing([], {}, {})
    for place, name in enumerate(names):
        stem, suffix = _split(name)
        if name.startswith("."):
            found.aside[place] = HIDDEN
        elif suffix in IMAGE_SUFFIXES or (not suffix and is_image(head(place))):
            images.setdefault(_key(name), {}).setdefault(stem, []).append(place)
        elif suffix in SIDECAR_SUFFIXES:
            texts.setdefault(_key(name), []).append(place)
        else:
            found.aside[place] = suffix or "no suffix"
    for key, of_stem in images.items():
        _pair_key(names, key, of_stem, texts.pop(key, []), found=found, one_per_key=one_per_key)
    for places in texts.values():
        for place in places:
            found.orphans.setdefault(_split(names[place])[0], []).append(place)
    for sample in found.samples:
        sample.stem = _split(written[sample.images[0]])[0]
    found.samples.sort(key=lambda sample: sample.images[0])
    return found


def _pair_key(
    names: Sequence[str],
    key: str,
    images: dict[str, list[int]],
    texts: list[int],
    *,
    found: Pairing,
    one_per_key: bool,
) -> None:
    """Samples of the images that share a name up to its first dot."""
    owned = {_split(names[place])[0] for place in texts}
    samples: dict[str, Sample] = {}
    for stem, places in images.items():
        if one_per_key and key in images and stem != key and stem not in owned:
            found.aside |= dict.fromkeys(places, FURTHER_IMAGE)
        else:
            samples[stem] = Sample(stem, places)
    found.samples += samples.values()
    whole = {names[place]: sample for sample in samples.values() for place in sample.images}
    shared = []
    for place in texts:
        stem, suffix = _split(names[place])
        sample = samples.get(stem) or whole.get(stem)
        if sample is None:
            shared.append(place)
        elif sample.sidecars.setdefault(suffix, place) != place:
            found.aside[place] = FURTHER_TEXT
    for place in shared:
        stem, suffix = _split(names[place])
        below = [sample for name, sample in samples.items() if name.startswith(f"{stem}.")]
        if not below and any(stem.startswith(f"{name}.") for name in samples):
            found.aside[place] = names[place][len(key) :].lower()  # x.caption.txt beside x.jpg is of another kind
        elif not below:
            found.orphans.setdefault(stem, []).append(place)
        elif not [sample for sample in below if sample.sidecars.setdefault(suffix, place) == place]:
            found.aside[place] = FURTHER_TEXT


def _composed(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _split(name: str) -> tuple[str, str]:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 (not every name is a path that pathlib takes)
    return stem, suffix.lower()


def _key(name: str) -> str:
    """A name up to its first dot: what WebDataset pairs by."""
    return name.partition(".")[0]
