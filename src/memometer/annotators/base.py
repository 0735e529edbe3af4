"""What the rest of memometer asks of an annotator: an image in, labels with scores and boxes out."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.errors import InputError

__all__ = ["Annotator", "Asked", "Found", "Seen"]


@dataclasses.dataclass(frozen=True)
class Seen:
    """One image as a model takes it.

    Attributes:
        inputs: the model's arguments by name, each without the axis of the batch, e.g. ``pixel_values`` (3, h, w).
        size: (height, width) in px of the image as it is stored.
    """

    inputs: dict[str, npt.NDArray[Any]]
    size: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found in one image.

    Attributes:
        labels: (t,) int32, places among the annotator's labels.
        scores: (t,) float32, 0 to 1.
        boxes: (t, 4) float32, left, top, right and bottom in px of the stored image; None of an annotator that gives
            labels to whole images.
    """

    labels: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32] | None = None


@dataclasses.dataclass(frozen=True)
class Asked:
    """What an annotator is asked beside its name; None is its own default.

    Attributes:
        names: the vocabulary; None where none was given.
        threshold: a label counts with a score above it.
        templates: how many prompts make up a name: 1 or 7.
        temperature: of the softmax over similarities.
        probability: ``softmax`` or ``sigmoid`` of a classifier's outputs.
        device: where it runs.
        precision: ``fp32`` or ``bf16``.
    """

    names: tuple[str, ...] | None
    threshold: float
    templates: int | None = None
    temperature: float | None = None
    probability: str | None = None
    device: str = "cpu"
    precision: str = "fp32"

    def vocabulary(self, spec: str) -> tuple[str, ...]:
        """The names to look for.

        Raises:
            InputError: none were given; the message names ``spec``.
        """
        if self.names is None:
            raise InputError(
                f"{spec} finds what it is told to look for; pass --vocabulary lvis, coco or a file of names"
            )
        return self.names


@runtime_checkable
class Annotator(Protocol):
    """A model that labels images.

    Attributes:
        spec: what the user named it by.
        identity: changes whenever the labels would: a hash of weights, preprocessing, vocabulary, prompts, threshold.
        labels: the label of each id.
        weights_hashes: of the model, and of the towers within it that an audit could be of.
        preprocess: one decoded image (any mode) → what the model takes. Runs in worker processes, so it must be
            picklable; raises `memometer.data.images.UnreadableImageError` for an image that it cannot prepare.
        warnings: what had to be guessed, in sentences.
    """

    spec: str
    identity: str
    labels: Sequence[str]
    weights_hashes: Sequence[str]
    preprocess: Callable[[Image.Image], Seen]
    warnings: Sequence[str]

    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """What is in each image, whatever the others are."""
        ...

    def described(self) -> dict[str, Any]:
        """For ``annotation.json``: what decides the labels, as JSON without paths."""
        ...
