"""torchvision's image classifiers as encoders: published weights and checkpoints."""

import re
from collections.abc import Mapping
from typing import Any

import torch
import torchvision

from memometer.encoders.by_order import renamed_words
from memometer.encoders.devices import choose_device
from memometer.encoders.trying import try_out
from memometer.encoders.unwrapping import load_tower, parse_checkpoint
from memometer.encoders.vision import VisionEncoder, guessed_preprocessing
from memometer.errors import ModelError
from memometer.validation import meant

__all__ = ["drop_classifier", "load_torchvision", "torchvision_preprocess_config"]

HEADS = ("fc", "classifier", "head", "heads")
"""What torchvision calls the last layers of its models."""

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""Classifiers beside the main one, which GoogLeNet and Inception train with."""

OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")
"""Names that the published weights of DenseNet still have."""


def load_torchvision(spec: str, *, device: str = "cpu", precision: str = "fp32") -> VisionEncoder:
    """Loads one of torchvision's classifiers without its last layer: its vectors are what that layer takes.

    Args:
        spec: see `memometer.embeddings.load_encoder`.
        device: where it runs.
        precision: ``fp32``, or ``bf16`` for autocast.

    Raises:
        ModelError: the spec names nothing that can be loaded.
        InputError: the device or the precision is not known.
    """
    chosen = choose_device(device)
    name, at, file = spec.removeprefix("torchvision:").partition("@")
    _check_name(name)
    checkpoint = parse_checkpoint(file) if at else None
    published = _usual_weights(name) if checkpoint else _published_weights(name, file)
    options = _options(name, None if checkpoint else published)
    tower = torchvision.models.get_model(name, weights=None, **options).eval()
    prefix = drop_classifier(tower)
    state = checkpoint or {OLD_DENSENET.sub(r"\1\2", key): tensor for key, tensor in _download(published).items()}
    fitted = load_tower(state, tower, heads=[prefix, *AUXILIARY], name=name)
    preprocess = torchvision_preprocess_config(published)
    why = f"the checkpoint {checkpoint and checkpoint.path} stores no preprocessing"
    encoder = VisionEncoder(
        tower,
        config={"library": "torchvision", "architecture": name, "options": options},
        preprocess_config=preprocess,
        spec=spec,
        device=chosen,
        precision=precision,
        dropped=fitted.dropped,
        renamed=fitted.renamed,
        warnings=[
            *([guessed_preprocessing(why, f"torchvision's for {published}")] if checkpoint else []),
            *renamed_words(fitted),
        ],
    )
    return try_out(encoder, name=name)


def drop_classifier(model: torch.nn.Module) -> str:
    """Replaces the last layer with weights of a classifier by the identity, in place.

    Returns:
        The prefix of that layer's tensors, e.g. ``fc.`` or ``classifier.6.``.
    """
    name = next(head for head in HEADS if hasattr(model, head))
    head: torch.nn.Module = getattr(model, name)
    if not isinstance(head, torch.nn.Sequential):
        setattr(model, name, torch.nn.Identity())
        return f"{name}."
    last = [key for key, layer in head.named_children() if next(layer.parameters(), None) is not None][-1]
    setattr(head, last, torch.nn.Identity())
    return f"{name}.{last}."


def torchvision_preprocess_config(weights: Any) -> dict[str, Any]:
    """The evaluation transform of published weights, for `memometer.encoders.preprocessing.image_preprocess`."""
    transform = weights.transforms()
    (crop,), (resize,) = transform.crop_size, transform.resize_size
    return {
        "size": [crop, crop],
        "mode": "RGB",
        "mean": list(transform.mean),
        "std": list(transform.std),
        "interpolation": transform.interpolation.value,
        "resize_mode": "shortest",
        "resize_to": [resize, resize],
        "fill_color": 0,
        "rgb_first": True,
    }


def _check_name(name: str) -> None:
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        hint = meant(name, known, otherwise=f"there are {', '.join(known)}")
        raise ModelError(f"torchvision has no classifier '{name}'; {hint}")


def _published_weights(name: str, tag: str) -> Any:
    """The published weights called ``tag``; torchvision's choice where it is empty."""
    known = torchvision.models.get_model_weights(name)
    if not tag:
        return known.DEFAULT
    if tag not in known.__members__:
        raise ModelError(
            f"'{tag}' is neither a checkpoint nor published weights of {name}; expected a path, or "
            f"{' or '.join(weights.name for weights in known)}"
        )
    return known[tag]


def _usual_weights(name: str) -> Any:
    """The published weights whose transform a training of one's own most likely used too."""
    known = list(torchvision.models.get_model_weights(name))
    plain = [weights for weights in known if weights.name == "IMAGENET1K_V1"]
    small = [weights for weights in known if weights.transforms().crop_size == [224]]
    return (plain + small + known)[0]


def _options(name: str, published: Any) -> dict[str, Any]:
    """What torchvision must be told besides the name; ``published`` is None for a checkpoint."""
    if name in ("googlenet", "inception_v3"):
        # torchvision turns its normalisation into that of the first published weights inside the model.
        return {"aux_logits": False, "init_weights": False, "transform_input": published is not None}
    if name.startswith("vit_") and published is not None:
        return {"image_size": published.meta["min_size"][0]}
    return {}


def _download(weights: Any) -> Mapping[str, torch.Tensor]:
    try:
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)  # type: ignore[no-any-return]
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"cannot download torchvision's weights {weights}: {error}") from error
