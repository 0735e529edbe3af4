"""Architectures of open_clip: found by name or file, built without weights."""

import copy
import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.tokenizer import HFTokenizer

from memometer.encoders.bounded import bounded, refusing
from memometer.encoders.config_types import check_model_config
from memometer.encoders.untrusted import Origin, check_text_tower, hub_files, tokenizer_options
from memometer.errors import ModelError, shown
from memometer.validation import meant

__all__ = [
    "Architecture",
    "Tokenizer",
    "architecture_from_file",
    "architecture_named",
    "build_model",
    "build_tokenizer",
]

Tokenizer = Callable[[Sequence[str]], torch.Tensor]
"""n strings → (n, context_length) int64."""


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One architecture, not yet built.

    Attributes:
        name: for messages and for naming it again.
        config: open_clip's model config: ``embed_dim``, ``vision_cfg``, ``text_cfg`` and more.
        origin: where the config is from, which decides what it may ask for (see `memometer.encoders.untrusted`).
        folder: of the model, where its tokenizer may lie; None where it has none.
    """

    name: str
    config: dict[str, Any]
    origin: Origin = "file"
    folder: Path | None = None


def architecture_named(name: str) -> Architecture:
    """One of open_clip's own architectures, e.g. ``ViT-B-32``; a slash counts as a dash, as in open_clip.

    Raises:
        ModelError: no such name; proposes near ones.
    """
    dashed = name.replace("/", "-")
    config = open_clip.get_model_config(dashed) if dashed in open_clip.list_models() else None
    if config is None:
        lists = "python -c 'import open_clip; print(open_clip.list_models())' lists them"
        hint = meant(dashed, open_clip.list_models(), otherwise=lists)
        raise ModelError(f"open_clip has no model {shown(name)}; {hint}")
    return Architecture(name=dashed, config=config, origin="library")


def architecture_from_file(path: Path) -> Architecture:
    """An architecture from a JSON file: a model config, or an ``open_clip_config.json`` that holds one.

    Raises:
        ModelError: the file is missing or is no such config.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read the model config {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the model config {path} is not JSON: {error}") from error
    config = content.get("model_cfg", content) if isinstance(content, dict) else content
    missing = [
        key for key in ("embed_dim", "vision_cfg", "text_cfg") if not isinstance(config, dict) or key not in config
    ]
    if missing:
        raise ModelError(f"{path} is no open_clip model config: it lacks {', '.join(missing)}")
    check_model_config(config, name=str(path))
    return Architecture(name=path.stem, config=config)


def build_model(architecture: Architecture, *, weights: Mapping[str, torch.Tensor] | None = None) -> torch.nn.Module:
    """The model on the default device, float32, with fresh weights drawn from torch's random state.

    Args:
        architecture: what is built.
        weights: that it will get, which bound its size; None for none.

    Raises:
        ModelError: the config has unknown keys or values, asks for more than the weights fill, or needs a package that
            is not installed.
    """
    config = copy.deepcopy(architecture.config)
    hf_text = bool(config["text_cfg"].get("hf_model_name"))
    custom_text = config.pop("custom_text", False) or hf_text
    if hf_text:
        config["text_cfg"]["hf_model_pretrained"] = False
        config["text_cfg"]["hf_model_name"] = str(_hub_files(architecture, "hf_model_name", "config.json"))
    if config["vision_cfg"].get("timm_model_name"):
        config["vision_cfg"]["timm_model_pretrained"] = False
    kind = open_clip.CLIP
    if custom_text:
        kind = open_clip.CoCa if "multimodal_cfg" in config else open_clip.CustomTextCLIP
    hint = "; its text tower needs 'pip install transformers'" if hf_text else ""
    doing = f"cannot build the model '{architecture.name}'"
    numbers = None if weights is None else sum(tensor.numel() for tensor in weights.values())
    tensors = None if weights is None else len(weights)
    with refusing(doing, hint=hint), bounded(name=architecture.name, numbers=numbers, tensors=tensors):
        return kind(**config)  # type: ignore[no-any-return]


def build_tokenizer(architecture: Architecture) -> Tokenizer:
    """The tokenizer that belongs to an architecture.

    Raises:
        ModelError: it needs a package or files that are not there.
    """
    text = architecture.config["text_cfg"]
    length = text.get("context_length") or open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH
    hint = "; tokenizers from Hugging Face need 'pip install transformers', and the network once"
    with refusing(f"cannot load the tokenizer of '{architecture.name}'", hint=hint):
        special = text.keys() & {"hf_tokenizer_name", "tokenizer_kwargs"} or "siglip" in architecture.name.lower()
        if architecture.origin == "library" and special:
            return open_clip.get_tokenizer(architecture.name, context_length=length)  # type: ignore[no-any-return]
        options = tokenizer_options(architecture.config, name=architecture.name)
        if not text.get("hf_tokenizer_name"):
            return _open_clips_own(length, json.dumps(options, sort_keys=True))
        return HFTokenizer(  # type: ignore[no-any-return]
            str(_hub_files(architecture, "hf_tokenizer_name", "tokenizer_config.json")),
            context_length=length,
            tokenizer_mode=text.get("tokenizer_mode"),
            local_files_only=True,
            trust_remote_code=False,
            **options,
        )


@functools.lru_cache(maxsize=4)
def _open_clips_own(length: int, options: str) -> Tokenizer:
    """Made once: reading its merges takes a quarter of a second, and an audit has several models."""
    return open_clip.SimpleTokenizer(context_length=length, **json.loads(options))  # type: ignore[no-any-return]


def _hub_files(architecture: Architecture, key: str, wanted: str) -> Path:
    """Where the files are that the config names under ``key``."""
    beside = architecture.folder if key == "hf_tokenizer_name" else None
    folder = hub_files(architecture.config["text_cfg"][key], origin=architecture.origin, beside=beside, wanted=wanted)
    if key == "hf_model_name":
        check_text_tower(folder)
    return folder
