"""Annotators whose code is not memometer's: a function that the user names, and what installed packages offer.

A package offers one by an entry point of the group ``memometer.annotators``, whose name is the word before the colon
and whose object is a function of what the user wrote, and of those options that it takes::

    [project.entry-points."memometer.annotators"]
    mine = "my_package.models:annotator"   # mine:small → annotator("mine:small", names=(…), device="cpu")

Both run code, as the user asked by naming them; ``annotation.json`` says so.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from memometer.annotators.base import Asked, Found, Seen
from memometer.annotators.names import chosen_labels
from memometer.encoders.bounded import refusing
from memometer.encoders.offered import ANNOTATORS, code_ran, offered_function, own_function, taken_by
from memometer.errors import InputError, ModelError
from memometer.files import hash_json

__all__ = ["OwnAnnotator", "load_offered_annotator", "load_python_annotator"]


class OwnAnnotator:
    """An annotator as its own code gives it, under the name that the user asked for.

    Of its labels those count that are in the vocabulary, where its function did not take one, and that have a score
    above the threshold.

    Attributes:
        spec: what the user named it by.
        code: the function that gave it.
        labels: its own.
        identity: hash of its own identity, its code's name, its labels, and what it was asked.
        weights_hashes: its own; () where it names none.
        preprocess: its own.
        warnings: its own, and that code ran.
    """

    def __init__(self, annotator: Any, *, spec: str, code: str, given: dict[str, Any], asked: Asked) -> None:
        self._annotator, self._threshold = annotator, asked.threshold
        self.spec, self.code = spec, code
        self.labels: Sequence[str] = tuple(map(str, annotator.labels))
        self.weights_hashes: Sequence[str] = tuple(getattr(annotator, "weights_hashes", ()))
        self.preprocess: Callable[..., Seen] = annotator.preprocess
        wanted = None if "names" in given else asked.names
        self._chosen, unknown = chosen_labels(self.labels, wanted, spec=spec)
        self.warnings: Sequence[str] = (*getattr(annotator, "warnings", ()), *unknown, code_ran(code))
        self._given = {name: value for name, value in given.items() if name != "device"}
        self.identity = hash_json(
            [code, annotator.identity, self.labels, self._chosen.tolist(), self._given, self._threshold]
        )

    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """What its code finds, above the threshold.

        Raises:
            ModelError: that is no list of `Found`, one an image, of its own labels.
        """
        every = self._annotator.annotate(images)
        if not isinstance(every, list) or len(every) != len(images):
            raise ModelError(
                f"{self.code} found {type(every).__name__} in {len(images)} images; expected a Found of each"
            )
        return [self._checked(found) for found in every]

    def described(self) -> dict[str, Any]:
        """See `Annotator`."""
        own: dict[str, Any] = getattr(self._annotator, "described", dict)()
        return {"kind": "python", **own, "code": self.code, "threshold": self._threshold}

    def _checked(self, found: Found) -> Found:
        labels, scores = np.asarray(found.labels, np.int32), np.asarray(found.scores, np.float32)
        boxes = None if found.boxes is None else np.asarray(found.boxes, np.float32)
        fits = (
            labels.ndim == 1 and scores.shape == labels.shape and (boxes is None or boxes.shape == (*labels.shape, 4))
        )
        if not fits or ((labels < 0) | (labels >= len(self.labels))).any():
            raise ModelError(
                f"{self.code} found labels {labels.tolist()[:3]} of {len(self.labels)}, with scores of shape "
                f"{scores.shape} and boxes of {None if boxes is None else boxes.shape}; expected (t,) places among its "
                "labels, (t,) scores, and (t, 4) boxes or None"
            )
        kept = self._chosen[labels] & (scores > np.float32(self._threshold))
        return Found(labels[kept], scores[kept], None if boxes is None else boxes[kept])


def load_python_annotator(rest: str, asked: Asked) -> OwnAnnotator:
    """Calls ``python:package.module:function``, which returns an annotator; see `memometer.annotators.base`.

    The folder that the command runs in is looked into last. Of what is asked the function gets what it takes.

    Raises:
        ModelError: there is no such function, it fails, or what it returns is no annotator.
        InputError: an option that it does not take.
    """
    spec = f"python:{rest}"
    function, code = own_function(spec)
    return _called(function, spec=spec, code=code, asked=asked)


def load_offered_annotator(spec: str, asked: Asked) -> OwnAnnotator:
    """The annotator that an installed package offers by the word before the colon.

    Raises:
        ModelError: the function fails, or what it returns is no annotator.
        InputError: an option that it does not take.
    """
    function, code = offered_function(ANNOTATORS, spec)
    return _called(function, spec, spec=spec, code=code, asked=asked)


def _called(function: Callable[..., Any], *positional: str, spec: str, code: str, asked: Asked) -> OwnAnnotator:
    options = {field.name: getattr(asked, field.name) for field in dataclasses.fields(asked)}
    with refusing(f"{code} gave no annotator for '{spec}'"):
        given = taken_by(function, options)
    for name in ("templates", "temperature", "probability"):
        if options[name] is not None and name not in given:
            raise InputError(f"{spec} takes no --{name}: leave it out")
    with refusing(f"{code} gave no annotator for '{spec}'"):
        annotator = function(*positional, **given)
    lacks = [name for name in ("annotate", "preprocess") if not callable(getattr(annotator, name, None))]
    lacks += [name for name in ("labels", "identity") if not hasattr(annotator, name)]
    if lacks:
        raise ModelError(
            f"{code} gave {type(annotator).__name__} for '{spec}', without {' and '.join(lacks)}; expected an "
            "annotator: 'labels', a text 'identity', 'preprocess' and 'annotate'"
        )
    return OwnAnnotator(annotator, spec=spec, code=code, given=given, asked=asked)
