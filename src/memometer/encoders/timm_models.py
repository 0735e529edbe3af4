"""timm's image models as encoders: published weights, checkpoints, and folders of the hub's layout."""

import difflib
import math
import re
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data import resolve_model_data_config

from memometer.encoders.bounded import bounded, refusing, tensors_in
from memometer.encoders.by_order import renamed_words
from memometer.encoders.devices import choose_device
from memometer.encoders.hub import download_first
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.timm_configs import check_timm_config
from memometer.encoders.trying import try_out
from memometer.encoders.unwrapping import Checkpoint, load_tower, parse_checkpoint
from memometer.encoders.vision import VisionEncoder, guessed_preprocessing
from memometer.errors import ModelError
from memometer.files import hash_bytes
from memometer.validation import meant

__all__ = [
    "classifier_prefixes",
    "create_timm",
    "guessed_timm",
    "hub_weights",
    "load_timm",
    "resolve_timm",
    "timm_preprocess_config",
]

WEIGHT_NAMES = ("model.safetensors", "pytorch_model.bin")
"""Weights in a folder of the hub's layout, the first that is there."""

RESIZE_MODES = {"center": "shortest", "border": "longest", "squash": "squash"}
"""timm's names of open_clip's modes."""


def load_timm(spec: str, *, device: str = "cpu", precision: str = "fp32") -> VisionEncoder:
    """Loads one of timm's models without its classifier: its vectors are the pooled features.

    Args:
        spec: see `memometer.embeddings.load_encoder`.
        device: where it runs.
        precision: ``fp32``, or ``bf16`` for autocast.

    Raises:
        ModelError: the spec names nothing that can be loaded.
        InputError: the device or the precision is not known.
    """
    chosen = choose_device(device)
    name, checkpoint = resolve_timm(spec.removeprefix("timm:"))
    held = checkpoint.path if checkpoint else hub_weights(name)
    tower = create_timm(name, num_classes=0, weights=held)
    with refusing(f"cannot use timm's model '{name}'"):
        preprocess = timm_preprocess_config(tower)
        image_preprocess(preprocess)
        heads = classifier_prefixes(tower)
    weights = checkpoint or create_timm(name, pretrained=True, weights=held).state_dict()
    fitted = load_tower(weights, tower, heads=heads, name=name)
    bare = checkpoint is not None and not name.startswith("local-dir:") and "." not in name
    encoder = VisionEncoder(
        tower,
        config={
            "library": "timm",
            "architecture": tower.pretrained_cfg.get("architecture"),
            "layers": hash_bytes(re.sub(r" at 0x[0-9a-f]+", "", repr(tower)).encode()),
            "global_pool": str(getattr(tower, "global_pool", None)),
        },
        preprocess_config=preprocess,
        spec=spec,
        device=chosen,
        precision=precision,
        dropped=fitted.dropped,
        renamed=fitted.renamed,
        warnings=[
            *([guessed_timm(held, name)] if bare else []),
            *renamed_words(fitted),
        ],
    )
    return try_out(encoder, name=name)


def guessed_timm(checkpoint: object, name: str) -> str:
    """The warning for a checkpoint of a model that is named without the weights whose preprocessing it has."""
    return guessed_preprocessing(f"the checkpoint {checkpoint} stores no preprocessing", f"timm's default for {name}")


def classifier_prefixes(tower: Any) -> list[str]:
    """Prefixes of the tensors that a timm model without its classifier lacks."""
    stated = tower.pretrained_cfg.get("classifier") or ()
    prefixes = {f"{head}." for head in (*([stated] if isinstance(stated, str) else stated), "head_dist")}
    # Some classifiers begin with a norm, which goes with them: head.bn before head.linear.
    whole = {f"{prefix.partition('.')[0]}." for prefix in prefixes}
    held = tuple(tower.state_dict())
    return sorted(prefixes | {prefix for prefix in whole if not any(name.startswith(prefix) for name in held)})


def timm_preprocess_config(model: torch.nn.Module) -> dict[str, Any]:
    """timm's evaluation transform of a model, as `memometer.encoders.preprocessing.image_preprocess` takes it."""
    data = resolve_model_data_config(model)
    channels, *size = data["input_size"]
    if channels != 3 or data["crop_mode"] not in RESIZE_MODES:
        mode = str(data["crop_mode"])[:80]
        raise ModelError(
            f"timm's model takes {channels} channels and a {mode} crop; expected 3 channels and a "
            f"{' or '.join(RESIZE_MODES)} crop"
        )
    return {
        "size": size,
        "mode": "RGB",
        "mean": list(data["mean"]),
        "std": list(data["std"]),
        "interpolation": data["interpolation"],
        "resize_mode": RESIZE_MODES[data["crop_mode"]],
        "resize_to": [math.floor(side / data["crop_pct"]) for side in size],
        "fill_color": [round(255 * value) for value in data["mean"]] if data["crop_mode"] == "border" else 0,
        "rgb_first": True,
    }


def resolve_timm(rest: str) -> tuple[str, Checkpoint | None]:
    """What timm calls the model, and its weights; None where timm publishes them."""
    folder = Path(rest.removeprefix("local-dir:")).expanduser()
    if folder.is_dir():
        weights = next((folder / name for name in WEIGHT_NAMES if (folder / name).is_file()), None)
        if weights is None or not (folder / "config.json").is_file():
            raise ModelError(f"{folder} holds no timm model; expected config.json and {' or '.join(WEIGHT_NAMES)}")
        check_timm_config(folder)
        return f"local-dir:{folder}", Checkpoint(weights)
    if rest.startswith("hf-hub:"):
        return rest, None
    name, at, file = rest.partition("@")
    _check_name(name)
    if not at:
        _check_published(name)
        return name, None
    checkpoint = parse_checkpoint(file)
    if checkpoint is None:
        raise ModelError(f"no checkpoint at {file}; expected timm:{name}@PATH, or timm:{name} for published weights")
    return name, checkpoint


def hub_weights(name: str) -> Path | None:
    """The weights of a repository whose config passes the checks of a folder's; None of a name that is none."""
    if not name.startswith("hf-hub:"):
        return None
    repository, _, revision = name.removeprefix("hf-hub:").partition("@")
    with refusing(f"cannot download timm's model '{name}'"):
        config = download_first(repository, ["config.json"], revision=revision or None)
        check_timm_config(config.parent)
        return download_first(repository, WEIGHT_NAMES, revision=revision or None)


def _check_name(name: str) -> None:
    base = name.partition(".")[0]
    if not timm.is_model(base):
        lists = "python -c 'import timm; print(timm.list_models())' lists them"
        hint = meant(base, timm.list_models(), otherwise=lists)
        raise ModelError(f"timm has no model '{base or name}', and there is no such folder; {hint}")


def _check_published(name: str) -> None:
    base, _, tag = name.partition(".")
    published = timm.list_pretrained([base, f"{base}.*"])
    if not published:
        raise ModelError(f"timm publishes no weights for {base}; add a checkpoint: timm:{base}@PATH")
    if tag and name not in published:
        near = difflib.get_close_matches(name, published, n=3) or published
        raise ModelError(f"timm publishes no weights '{tag}' for {base}; there are {', '.join(near)}")


def create_timm(
    name: str, *, pretrained: bool = False, num_classes: int | None = None, weights: Path | None = None
) -> Any:
    """A model of timm's, with its own classifier unless ``num_classes`` says otherwise.

    Args:
        name: as timm takes it.
        pretrained: with the weights that timm publishes.
        num_classes: 0 for no classifier.
        weights: which it will get; they bound its size.

    Raises:
        ModelError: timm has no such model, or cannot build it.
    """
    doing = "download the weights of" if pretrained else "build"
    numbers = weights.stat().st_size if weights else None  # a number has a byte at least
    tensors = tensors_in(weights) if weights else None
    with refusing(f"cannot {doing} timm's model '{name}'"), bounded(name=name, numbers=numbers, tensors=tensors):
        return timm.create_model(name, pretrained=pretrained, num_classes=num_classes).eval()
