"""Vocabularies of annotators: the names that are looked for."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError, ModelError
from memometer.files import hash_json, read_words
from memometer.objects.vocabulary import default_vocabulary, load_vocabulary, plain_name

__all__ = ["COCO", "Names", "chosen_labels", "lvis_names", "names_of", "read_names"]

COCO = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant"),
    *("bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard"),
    *("sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle"),
    *("wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli"),
    *("carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet"),
    *("tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink"),
    *("refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
"""The 80 categories of COCO in their order (Lin et al., 2014; CC BY 4.0)."""

NOT_IN_LVIS = (
    *("bus", "car", "cell phone", "couch", "donut", "fire hydrant", "hair drier", "hot dog", "keyboard", "laptop"),
    *("microwave", "mouse", "orange", "potted plant", "remote", "skis", "sports ball", "tie", "train", "tv"),
    "wine glass",
)
"""Those that LVIS v1 does not have, or has by another name."""


@dataclasses.dataclass(frozen=True)
class Names:
    """A vocabulary.

    Attributes:
        names: each once, in the order of the source.
        source: ``coco``, ``lvis`` or the file.
        n_merged: names of the file that repeat another, whatever its case and underscores.
    """

    names: tuple[str, ...]
    source: str
    n_merged: int = 0

    @classmethod
    def of(cls, found: Sequence[str], *, source: str) -> "Names":
        """Of names as they were found: underscores are spaces, and what is there already is counted.

        Raises:
            InputError: a name that is no text to be printed, or none at all.
        """
        names: dict[str, str] = {}
        for name in found:
            spaced = " ".join(name.replace("_", " ").split())
            if not spaced or not spaced.isprintable():
                raise InputError(
                    f"{source} has the name {name[:60]!r}; expected one name a line, of printable characters"
                )
            names.setdefault(plain_name(name), spaced)
        if not names:
            raise InputError(f"{source} holds no name; expected one a line")
        return cls(tuple(names.values()), source, len(found) - len(names))

    def described(self) -> dict[str, Any]:
        """For ``annotation.json``."""
        first = [*self.names[:20], *(["…"] if len(self.names) > 20 else [])]
        return {
            "source": self.source,
            "n": len(self.names),
            "n_merged": self.n_merged,
            "hash": hash_json(list(self.names)),
            "first": first,
        }


def read_names(source: str | Path) -> Names:
    """``coco``, ``lvis``, or the names in a file: one a line, or a line of terms and word forms (see `Vocabulary`).

    Underscores are spaces. Empty lines, and those that begin with ``#``, are skipped; a name that is there already is
    counted and left out.

    Raises:
        InputError: there is no such file, it is no UTF-8, or holds no name.
    """
    if str(source) == "coco":
        return Names(COCO, "coco")
    if str(source) == "lvis":
        return Names(lvis_names(), "lvis")
    path = Path(source)
    if not path.is_file():
        raise InputError(f"there is no vocabulary at {path}; expected lvis, coco, or a file with one name a line")
    lines = [
        line for line in read_words(path, what="vocabulary").splitlines() if line.strip() and not line.startswith("#")
    ]
    found = list(load_vocabulary(path).terms) if any("\t" in line for line in lines) else lines
    return Names.of(found, source=str(source))


def names_of(given: str | Path | Sequence[str] | None) -> Names | None:
    """`read_names`, or names as they are given; None of nothing."""
    if given is None:
        return None
    return read_names(given) if isinstance(given, str | Path) else Names.of(given, source="given")


def lvis_names() -> tuple[str, ...]:
    """The 1,203 categories of LVIS v1 (Gupta, Dollár, Girshick, 2019; CC BY 4.0), ascending."""
    return tuple(term for term in default_vocabulary().terms if term not in NOT_IN_LVIS)


def chosen_labels(
    known: Sequence[str], asked: tuple[str, ...] | None, *, spec: str
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which of the labels of a closed set are wanted, and what is to be said of names that it does not know.

    Args:
        known: (c,) the model's own labels.
        asked: the vocabulary; None wants all.
        spec: of the model.

    Raises:
        ModelError: it knows none of the names.
    """
    if asked is None:
        return np.ones(len(known), bool), []
    wanted = {plain_name(name) for name in asked}
    # A label of ImageNet is a list of synonyms.
    parts = [{plain_name(part) for part in (label, *label.split(","))} for label in known]
    chosen = np.array([bool(wanted & names) for names in parts], bool)
    unknown = sorted(wanted - set().union(*parts))
    if not chosen.any():
        raise ModelError(
            f"{spec} has labels of its own, e.g. {', '.join(known[:3])}, and none of the {len(asked):,} names of the "
            "vocabulary is among them; leave --vocabulary out, or use a detector that takes any names (owlv2)"
        )
    said = [f"{spec} does not know {len(unknown):,} of the {len(wanted):,} names, e.g. {', '.join(unknown[:3])}"]
    return chosen, said if unknown else []
