"""From what a user writes after ``open_clip:`` to an encoder."""

import dataclasses
import difflib
from pathlib import Path
from typing import Any

import open_clip
from open_clip.pretrained import download_pretrained_from_hf
from open_clip.transform import PreprocessCfg, merge_preprocess_dict

from memometer.encoders.activation import split_options, with_activation
from memometer.encoders.architectures import (
    Architecture,
    architecture_from_file,
    architecture_named,
    build_tokenizer,
)
from memometer.encoders.base import Features
from memometer.encoders.by_order import BY_ORDER, renamed_words
from memometer.encoders.clip_states import read_clip_state
from memometer.encoders.devices import choose_device
from memometer.encoders.fitting import build_with_weights
from memometer.encoders.foreign import explain_transformers
from memometer.encoders.guessing import TrainingLog, architecture_from_shapes, read_training_log
from memometer.encoders.open_clip import OpenClipEncoder
from memometer.encoders.preprocessing import as_json
from memometer.encoders.trained import check_trained_files, check_trained_weights
from memometer.encoders.trying import try_out
from memometer.encoders.vision import guessed_preprocessing
from memometer.errors import ModelError
from memometer.files import read_json

__all__ = ["load_open_clip"]

CONFIG_NAME = "open_clip_config.json"
WEIGHT_NAMES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
)
"""Weights in a folder of open_clip's layout, the first that is there."""


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What makes an encoder.

    Attributes:
        architecture: None where the weights' shapes have to tell.
        weights: a file on disk.
        preprocess: what is known of open_clip's ``preprocess_cfg``; the rest are its defaults.
        warnings: what was guessed.
        log: of the training, where one lies beside the weights.
    """

    architecture: Architecture | None
    weights: Path
    preprocess: dict[str, Any]
    warnings: tuple[str, ...] = ()
    log: TrainingLog | None = None


def load_open_clip(
    spec: str, *, device: str = "cpu", precision: str = "fp32", features: Features = "projector"
) -> OpenClipEncoder:
    """Loads an open_clip model; see `memometer.embeddings.load_encoder`.

    Raises:
        ModelError: the spec names nothing that can be loaded, or has no backbone where that is asked for.
        InputError: the device or the precision is not known.
    """
    chosen = choose_device(device)
    rest, asked = split_options(spec.removeprefix("open_clip:"))
    parts = _resolve(rest)
    read = read_clip_state(parts.weights, part=asked.part, whole=asked.by_order)
    state = read.tensors
    check_trained_weights(parts.weights, state)
    architecture, warnings = parts.architecture, [*parts.warnings, *read.warnings]
    if architecture is None and asked.by_order:
        raise ModelError(
            f"'{spec}' names no architecture whose tensors could be taken by their order; expected "
            f"open_clip:MODEL@{parts.weights}?{BY_ORDER}"
        )
    if architecture is None:
        architecture, warning = architecture_from_shapes(state, path=parts.weights)
        warnings.append(warning)
    architecture, doubts = with_activation(architecture, asked=asked.quickgelu, said=read.quick_gelu, log=parts.log)
    warnings += doubts
    architecture, model, fitted = build_with_weights(architecture, state, path=parts.weights, by_order=asked.by_order)
    preprocess = merge_preprocess_dict(PreprocessCfg(), parts.preprocess)
    preprocess["size"] = getattr(model.visual, "image_size", preprocess["size"])
    encoder = OpenClipEncoder(
        model,
        tokenizer=build_tokenizer(architecture),
        config=architecture.config,
        preprocess_config=as_json(preprocess),
        spec=spec,
        device=chosen,
        precision=precision,
        features=features,
        renamed=fitted.renamed,
        warnings=[*warnings, *renamed_words(fitted)],
    )
    if architecture.origin != "library":
        try_out(encoder, name=architecture.name)
    return encoder


def _resolve(rest: str) -> _Parts:
    path = Path(rest.removeprefix("local-dir:")).expanduser()
    if path.is_dir():
        return _from_folder(path)
    if path.is_file():
        return _from_checkpoint(path, architecture=None)
    if rest.startswith("hf-hub:"):
        return _from_hub(rest)
    name, at, weights = rest.partition("@")
    if not at:
        raise ModelError(_explain_missing(rest))
    architecture = architecture_from_file(Path(name)) if name.endswith(".json") else architecture_named(name)
    checkpoint = Path(weights).expanduser()
    if checkpoint.is_file():
        return _from_checkpoint(checkpoint, architecture=architecture)
    return _from_tag(architecture, weights)


def _from_folder(folder: Path) -> _Parts:
    config_path = folder / CONFIG_NAME
    if not config_path.is_file():
        explain_transformers(folder)
        unfinished = (folder / "state").is_dir()
        hint = (
            "its training has not finished: run the same 'memometer train' again"
            if unfinished
            else (f"expected {CONFIG_NAME} and {WEIGHT_NAMES[0]}; for another checkpoint name its file")
        )
        raise ModelError(f"{folder} holds no model; {hint}")
    check_trained_files(folder)
    architecture = dataclasses.replace(architecture_from_file(config_path), name=str(folder), folder=folder)
    weights = next((folder / name for name in WEIGHT_NAMES if (folder / name).is_file()), None)
    if weights is None:
        raise ModelError(f"{folder} has a {CONFIG_NAME} but no weights; expected {' or '.join(WEIGHT_NAMES)} beside it")
    return _with_stored_preprocess(architecture, weights, config_path)


def _from_hub(rest: str) -> _Parts:
    name = rest.removeprefix("hf-hub:")
    try:
        config_path = Path(download_pretrained_from_hf(name, filename=CONFIG_NAME))
        weights = Path(download_pretrained_from_hf(name))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"cannot download '{name}' from the Hugging Face hub: {error}") from error
    architecture = dataclasses.replace(architecture_from_file(config_path), name=name, origin="hub")
    return _with_stored_preprocess(architecture, weights, config_path)


def _with_stored_preprocess(architecture: Architecture, weights: Path, config_path: Path) -> _Parts:
    preprocess = read_json(config_path).get("preprocess_cfg")
    if preprocess is not None and not isinstance(preprocess, dict):
        raise ModelError(f"{config_path} has a preprocess_cfg of type {type(preprocess).__name__}; expected an object")
    if preprocess:
        return _Parts(architecture, weights, preprocess)
    return _Parts(architecture, weights, {}, (_guessed_preprocessing(f"{config_path} states no preprocess_cfg"),))


def _from_checkpoint(path: Path, *, architecture: Architecture | None) -> _Parts:
    """A checkpoint alone stores no preprocessing; the log of its training does."""
    log = read_training_log(path)
    if log is not None:
        return _Parts(architecture or log.architecture, path, log.preprocess, log=log)
    return _Parts(architecture, path, {}, (_guessed_preprocessing(f"the checkpoint {path} stores no preprocessing"),))


def _from_tag(architecture: Architecture, tag: str) -> _Parts:
    published = open_clip.get_pretrained_cfg(architecture.name, tag)
    if not published:
        tags = open_clip.list_pretrained_tags_by_model(architecture.name)
        near = difflib.get_close_matches(tag, tags, n=3) or tags
        known = f"its tags are {', '.join(near)}" if near else "open_clip publishes no weights for it"
        raise ModelError(f"'{tag}' is neither a file nor a published tag of {architecture.name}; {known}")
    try:
        weights = Path(open_clip.download_pretrained(published))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"cannot download the weights '{tag}' of {architecture.name}: {error}") from error
    quick = bool(published.get("quick_gelu"))
    warnings: tuple[str, ...] = ()
    if quick != bool(architecture.config.get("quick_gelu")):
        other = f"{architecture.name}-quickgelu" if quick else architecture.name.removesuffix("-quickgelu")
        mismatch = (
            f"the weights '{tag}' were trained with{'' if quick else 'out'} QuickGELU, unlike {architecture.name}"
        )
        warnings = (f"{mismatch}: its vectors will be off; use open_clip:{other}@{tag}",)
    return _Parts(architecture, weights, dict(published), warnings)


def _explain_missing(rest: str) -> str:
    """Why ``rest``, which is no path and has no ``@``, names no model."""
    path = Path(rest)
    if path.suffix in (".pt", ".pth", ".bin", ".safetensors", ".json") or rest.startswith((".", "/", "~")):
        return f"no model at {rest}: there is no such file or folder"
    try:
        architecture = architecture_named(rest)
    except ModelError as error:
        return f"no model at {rest}: there is no such file or folder, and {error}"
    tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture.name)) or "none"
    return (
        f"'{rest}' is an architecture without weights; add a checkpoint, open_clip:{rest}@PATH, or one of its "
        f"published tags, open_clip:{rest}@TAG: {tags}"
    )


def _guessed_preprocessing(why: str) -> str:
    defaults = PreprocessCfg()
    default = f"{defaults.resize_mode} side, {defaults.interpolation}, mean and standard deviation of OpenAI's CLIP"
    return guessed_preprocessing(why, f"open_clip's default ({default})")
