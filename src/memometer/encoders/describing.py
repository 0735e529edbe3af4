"""One model in words: licence, architecture, towers, preprocessing, and where its files are."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from memometer.encoders.base import has_tower, image_tower, text_tower

__all__ = ["count_parameters", "describe_encoder", "model_files", "stated_license"]

CARDS = ("README.md", "readme.md")
LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE")
MAX_CARD = 2**20
"""Characters of a model card that are looked at."""


def describe_encoder(encoder: Any, spec: str) -> dict[str, Any]:
    """What a loaded model is, as JSON.

    Args:
        encoder: loaded.
        spec: what the user named it by.
    """
    files = model_files(encoder, spec)
    config = getattr(encoder, "config", None) or {}
    return {
        "spec": spec,
        "license": stated_license(encoder, files),
        "architecture": config.get("class") or config.get("architecture") or type(_model(encoder) or encoder).__name__,
        "parameters": count_parameters(encoder),
        "towers": _dimensions(encoder),
        "features": getattr(encoder, "features", None),
        "preprocess": getattr(encoder, "preprocess_config", None),
        "prompt": getattr(encoder, "prompt", None),
        "code": getattr(encoder, "code", None),
        "files": [str(path) for path in files],
        "identity": str(getattr(encoder, "identity", "")),
        "warnings": list(getattr(encoder, "warnings", ())),
    }


def _dimensions(encoder: Any) -> dict[str, int | None]:
    """Tower → how many numbers its vectors have; None where that shows only once it is used."""
    found: dict[str, int | None] = {}
    if has_tower(encoder, "image"):
        found["image"] = None
        if hasattr(encoder, "preprocess"):
            tower = image_tower(encoder)
            found["image"] = tower.encode_images(np.stack([tower.preprocess(Image.new("RGB", (64, 64)))])).shape[1]
    if has_tower(encoder, "text"):
        found["text"] = text_tower(encoder).encode_texts(["a photo"]).shape[1]
    return found


def count_parameters(encoder: Any) -> int | None:
    """Of the module behind an encoder; None where there is none."""
    model = _model(encoder)
    return None if model is None else sum(each.numel() for each in model.parameters())


def _model(encoder: Any) -> Any:
    """The module behind an encoder; None where there is none."""
    return getattr(encoder, "_model", None) or getattr(encoder, "_module", None)


def model_files(encoder: Any, spec: str) -> list[Path]:
    """Where a model's files are: what it says itself, else the paths in its name."""
    told = getattr(encoder, "files", None)
    if told:
        return [Path(each) for each in told]
    rest = spec.partition(":")[2].removeprefix("local-dir:")
    pieces = [Path(piece).expanduser() for piece in re.split("[@?]", rest) if piece]
    return [path.absolute() for path in dict.fromkeys(pieces) if path.exists()]


def stated_license(encoder: Any, files: Sequence[Path]) -> str | None:
    """What a model's publisher says; None where nobody does."""
    published = getattr(_model(encoder), "pretrained_cfg", None)
    if not files and isinstance(published, dict):  # weights that timm publishes under a plain name
        return published.get("license")
    folders = list(dict.fromkeys(path if path.is_dir() else path.parent for path in files))
    for folder in folders:
        for path in (folder / name for name in CARDS):
            if path.is_file():
                stated = _of_card(path.read_text(encoding="utf-8", errors="replace")[:MAX_CARD])
                if stated:
                    return stated
        for path in (folder / name for name in LICENCES):
            if path.is_file():
                lines = path.read_text(encoding="utf-8", errors="replace")[:MAX_CARD].split("\n")
                return next((line.strip()[:80] for line in lines if line.strip()), None)
    return None


def _of_card(text: str) -> str | None:
    """The licence in the YAML at the head of a model card."""
    head = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", text, re.DOTALL)
    try:
        stated = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError:
        return None
    if not isinstance(stated, dict) or not isinstance(stated.get("license"), str):
        return None
    name = stated.get("license_name")
    return str(name if isinstance(name, str) and stated["license"] == "other" else stated["license"])[:80]
