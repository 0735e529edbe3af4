"""Classifiers of timm as taggers of whole images: the classes above a probability are an image's labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
from PIL import Image
from timm.data import ImageNetInfo, infer_imagenet_subset

from memometer.annotators.base import Asked, Found, Seen
from memometer.annotators.names import chosen_labels
from memometer.encoders.bounded import refusing
from memometer.encoders.by_order import renamed_words
from memometer.encoders.checkpoints import hash_tensors
from memometer.encoders.devices import choose_device
from memometer.encoders.forward import autocast, check_precision, normalised, to_numpy
from memometer.encoders.preprocessing import ImagePreprocess, image_preprocess
from memometer.encoders.timm_models import (
    classifier_prefixes,
    create_timm,
    guessed_timm,
    hub_weights,
    resolve_timm,
    timm_preprocess_config,
)
from memometer.encoders.unwrapping import load_tower
from memometer.errors import ModelError
from memometer.files import hash_json

__all__ = ["PixelPreprocess", "TimmTagger", "class_names", "load_timm_tagger", "of_probabilities"]


class PixelPreprocess:
    """An encoder's preprocessing, for a tagger: pixels, and the size of the image."""

    def __init__(self, preprocess: Any) -> None:
        self._preprocess = preprocess

    def __call__(self, image: Image.Image) -> Seen:
        """One image of any mode → ``pixels`` (3, height, width) uint8."""
        return Seen({"pixels": self._preprocess(image)}, (image.height, image.width))


class TimmTagger:
    """A classifier.

    Attributes:
        spec: what the user named it by.
        labels: (c,) the names of its classes.
        identity: hash of the weights, the preprocessing, the labels that are wanted, and the threshold.
        weights_hashes: of the whole model, and of its tower without the classifier.
        preprocess: as in `Annotator`.
        warnings: what had to be guessed, in sentences.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        spec: str,
        preprocess_config: dict[str, Any],
        labels: Sequence[str],
        labels_from: str,
        weights_hashes: Sequence[str],
        asked: Asked,
        warnings: Sequence[str] = (),
    ) -> None:
        self.spec = spec
        self.labels = tuple(labels)
        self.weights_hashes = tuple(weights_hashes)
        chosen, unknown = chosen_labels(self.labels, asked.names, spec=spec)
        self.warnings = (*warnings, *unknown)
        self._asked, self._chosen = asked, chosen
        self._preprocess_config, self._labels_from = preprocess_config, labels_from
        pixels: ImagePreprocess = image_preprocess(preprocess_config)
        self.preprocess = PixelPreprocess(pixels)
        self._device = choose_device(asked.device)
        self._model = model.to(self._device).eval()
        check_precision(asked.precision)
        self.identity = hash_json([self.described(), self.weights_hashes, self.labels, chosen.tolist()])

    @torch.inference_mode()
    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """The classes of each image above the threshold."""
        pixels = np.stack([image.inputs["pixels"] for image in images])
        batch = normalised(pixels, self._preprocess_config, device=self._device)
        with autocast(self._device, self._asked.precision):
            outputs = self._model(batch).float()
        shares = torch.sigmoid(outputs) if self._probability == "sigmoid" else torch.softmax(outputs, 1)
        return of_probabilities(to_numpy(shares), self._chosen, threshold=self._asked.threshold)

    def described(self) -> dict[str, Any]:
        """See `Annotator`."""
        return {
            "kind": "timm",
            "library": f"timm {timm.__version__}",
            "preprocess": self._preprocess_config,
            "probability": self._probability,
            "labels": self._labels_from,
            "n_labels": int(self._chosen.sum()),
            "threshold": self._asked.threshold,
            "precision": self._asked.precision,
        }

    @property
    def _probability(self) -> str:
        return self._asked.probability or "softmax"


def of_probabilities(
    shares: npt.NDArray[np.float32], chosen: npt.NDArray[np.bool_], *, threshold: float
) -> list[Found]:
    """(n, c) probabilities → for each image its chosen classes above the threshold."""
    found = []
    for row in shares:
        places = np.flatnonzero(chosen & (row > np.float32(threshold)))
        found.append(Found(places.astype(np.int32), row[places].astype(np.float32)))
    return found


def load_timm_tagger(rest: str, asked: Asked) -> TimmTagger:
    """Loads ``timm:NAME``, ``timm:NAME@CHECKPOINT`` (with ``?rename=order``, ``?part=``), or ``timm:FOLDER``.

    Raises:
        ModelError: it names nothing that can be loaded, or its classes have no names.
    """
    name, checkpoint = resolve_timm(rest)
    held = checkpoint.path if checkpoint else hub_weights(name)
    model = create_timm(name, weights=held)
    with refusing(f"cannot use timm's model '{name}'"):
        preprocess_config = timm_preprocess_config(model)
        tower = create_timm(name, num_classes=0, weights=held)
        heads = tuple(classifier_prefixes(tower))
    weights = checkpoint or create_timm(name, pretrained=True, weights=held).state_dict()
    fitted = load_tower(weights, model, heads=(), name=name)
    labels, labels_from = class_names(model, name=name)
    state = model.state_dict()
    kept = {key: tensor for key, tensor in state.items() if not key.startswith(heads)}
    bare = checkpoint is not None and not name.startswith("local-dir:") and "." not in name
    return TimmTagger(
        model,
        spec=f"timm:{rest}",
        preprocess_config=preprocess_config,
        labels=labels,
        labels_from=labels_from,
        weights_hashes=[hash_tensors(state), hash_tensors(kept)],
        asked=asked,
        warnings=[*renamed_words(fitted), *([guessed_timm(held, name)] if bare else [])],
    )


def class_names(model: Any, *, name: str) -> tuple[list[str], str]:
    """The names of a classifier's classes, and where they are from: its config, or timm's lists of ImageNet.

    A name that several classes of ImageNet share stands with its synset behind it: the crane that is a bird, and the
    machine.

    Raises:
        ModelError: neither tells.
    """
    stated = model.pretrained_cfg.get("label_names")
    if (
        isinstance(stated, list | tuple)
        and len(stated) == model.num_classes
        and all(isinstance(each, str) for each in stated)
    ):
        return list(stated), "config"
    subset = infer_imagenet_subset(model)
    if subset is None:
        raise ModelError(
            f"'{name}' has {model.num_classes:,} classes, whose names nobody tells; expected a classifier of ImageNet "
            "(1k, 12k, 21k), or a folder whose config.json has label_names"
        )
    information = ImageNetInfo(subset)
    names = information.label_descriptions()
    synsets = information.label_names()
    shared = {each for each, count in zip(*np.unique(names, return_counts=True), strict=True) if count > 1}
    told = [f"{each} ({synset})" if each in shared else each for each, synset in zip(names, synsets, strict=True)]
    return told, subset
