"""Folders that a training of memometer wrote: what is loaded from them is what was trained."""

from collections.abc import Mapping
from pathlib import Path

import torch

from memometer.encoders.checkpoints import hash_tensors
from memometer.sealing import check_files, damaged, read_sealed_json

__all__ = ["check_trained_files", "check_trained_weights"]

ADVICE = "restore it from a copy, or train again; if you changed it on purpose, move manifest.json away"


def check_trained_files(folder: Path) -> None:
    """Passes where the files beside the weights are those that the training wrote, or no training of ours wrote any.

    Raises:
        DamagedError: one is not, or the manifest cannot be read.
    """
    files = _manifest(folder).get("files")
    if files is not None:
        check_files(folder, files, advice=ADVICE)


def check_trained_weights(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    """Passes where weights are those that the manifest beside them names, or it names none.

    Args:
        path: of the weights.
        state: what they hold.

    Raises:
        DamagedError: they are others.
    """
    manifest = _manifest(path.parent)
    model = manifest.get("model")
    noted = model.get("weights_hash") if isinstance(model, dict) and path.suffix == ".safetensors" else None
    if noted is not None and hash_tensors(state) != noted:
        raise damaged(path, "its weights are not those that were trained", advice=ADVICE)


def _manifest(folder: Path) -> dict[str, object]:
    """What a training of ours wrote beside its weights."""
    path = folder / "manifest.json"
    manifest = read_sealed_json(path, advice=ADVICE) if path.is_file() else {}
    return manifest if manifest.get("kind") == "training" else {}
