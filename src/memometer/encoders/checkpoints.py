"""Reading of weights as data: safetensors, or torch files opened so that nothing in them can run."""

import argparse
import hashlib
import pathlib
import pickle
import pickletools
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy._core import multiarray

from memometer.errors import ModelError

__all__ = ["hash_tensors", "named_tensors", "read_checkpoint", "read_state_dict"]

HARMLESS: list[Any] = [
    argparse.Namespace,
    pathlib.PosixPath,
    pathlib.PurePosixPath,
    np.dtype,
    np.ndarray,
    multiarray.scalar,
    (multiarray.scalar, "numpy.core.multiarray.scalar"),  # as NumPy 1 named it
    multiarray._reconstruct,  # noqa: SLF001 (what arrays are pickled by)
    (multiarray._reconstruct, "numpy.core.multiarray._reconstruct"),  # noqa: SLF001 (above)
    *(getattr(np.dtypes, name) for name in np.dtypes.__all__),
]
"""What may stand beside the weights: options, paths and numbers. Making one of them runs nothing."""

PREFIXES = ("module.", "_orig_mod.")
"""What data parallelism and ``torch.compile`` put before every name."""

DAMAGE = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError)
"""What torch raises for files that are no checkpoint, or end early."""


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a checkpoint, on the CPU.

    Reads ``.safetensors``; a state dict saved by torch; and open_clip's training checkpoints, which keep it under
    ``state_dict``. Prefixes of wrappers are taken off the names.

    Raises:
        ModelError: the file is missing or damaged, or holds more than tensors, numbers and strings.
    """
    loaded = read_checkpoint(path)
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    return named_tensors(loaded, path=path)


def read_checkpoint(path: Path) -> object:
    """What the file holds: tensors, numbers, strings, and containers of them.

    Raises:
        ModelError: the file is missing or damaged, or holds other Python objects.
    """
    if not path.is_file():
        raise ModelError(f"no checkpoint at {path}; expected a .safetensors file, or a .pt file saved by open_clip")
    try:
        return _load(path)
    except OSError as error:
        raise ModelError(f"cannot read the checkpoint {path}: {error.strerror or error}") from error
    except (*DAMAGE, safetensors.SafetensorError) as error:
        # torch's own advice, to load again without the safeguard, is not passed on.
        why = _objects_in_the_way(path) or "it is damaged, or holds Python objects, which could run code"
        raise ModelError(
            f"{path} is not a checkpoint that can be loaded safely: {why}; nothing in it was run. Expected tensors "
            "alone: a .safetensors file, or a state dict saved with torch.save"
        ) from error


def named_tensors(loaded: object, *, path: Path) -> dict[str, torch.Tensor]:
    """``loaded`` as a state dict, without the prefixes of wrappers that all its names share.

    Raises:
        ModelError: it is none.
    """
    if not isinstance(loaded, Mapping) or not loaded or not all(map(_is_tensor, loaded.items())):
        raise ModelError(
            f"{path} holds no state dict; expected names with tensors, or a dictionary with them under 'state_dict'"
        )
    state = dict(loaded)
    for prefix in PREFIXES * 2:  # either may be wrapped in the other
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def hash_tensors(state: Mapping[str, torch.Tensor]) -> str:
    """128-bit BLAKE2b of names, types, shapes and bytes as 32 hex digits; the order of the names does not count."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\x1f{tensor.dtype}\x1f{tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _load(path: Path) -> object:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path, device="cpu")
    if tarfile.is_tarfile(path):  # torch before 1.0 wrote these; to read one, it would be unpacked
        raise ValueError("a tar")
    # Many trainings keep their command-line options beside the weights: a Namespace is a mere bag of values.
    with warnings.catch_warnings(), torch.serialization.safe_globals(HARMLESS):
        warnings.simplefilter("ignore")  # of odd pickle protocols, which are refused or read correctly
        # Mapped, a training checkpoint's optimizer state, two thirds of the file, is never read.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _objects_in_the_way(path: Path) -> str:
    """Which objects of a file are refused, and under which key the first one stands; "" where that cannot be told."""
    try:
        with torch.serialization.safe_globals(HARMLESS):
            refused = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        key = _key_before(path, refused[0]) if refused else ""
    except (*DAMAGE, OSError, zipfile.BadZipFile):
        return ""
    if not refused:
        return ""
    place = f" (under '{key}')" if key else ""
    return f"it holds Python objects of {', '.join(refused[:3])}{place}, which could run code"


def _key_before(path: Path, name: str) -> str:
    """The last text before an object's class in a file's pickle: most often the key that the object stands under."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read(next(entry for entry in archive.namelist() if entry.endswith("/data.pkl")))
    texts = [""]
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "GLOBAL" and str(argument).replace(" ", ".") == name:
            return texts[-1]
        if isinstance(argument, str) and opcode.name in {"SHORT_BINUNICODE", "BINUNICODE", "UNICODE"}:
            texts.append(argument)
    return ""


def _is_tensor(entry: tuple[object, object]) -> bool:
    name, value = entry
    return isinstance(name, str) and isinstance(value, torch.Tensor)
