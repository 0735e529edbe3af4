"""The weights in a TorchScript archive, such as OpenAI published CLIP in: read as data, nothing is compiled or run.

The archive is a zip with a pickle of the module tree, whose classes are the archive's own, and a file per tensor. Here
the pickle is read by an unpickler that knows a dozen harmless names and refuses every other one; the archive's own
classes become plain boxes of attributes.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from memometer.errors import ModelError

__all__ = ["is_torchscript", "read_torchscript"]

DTYPES = {
    "HalfStorage": torch.float16,
    "FloatStorage": torch.float32,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

MAX_DEPTH = 64
QUICK_GELU = b"1.702"
"""QuickGELU is x · sigmoid(1.702 x); no other layer of CLIP has this number."""


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive: a zip with a pickle of constants beside the one of data."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    return {"constants.pkl", "data.pkl"} <= names


def read_torchscript(path: Path) -> tuple[dict[str, torch.Tensor], bool]:
    """The tensors of an archive, on the CPU, and whether its code has QuickGELU's constant.

    Tensors are named by the path of attributes that leads to them; half precision becomes float32.

    Raises:
        ModelError: it is damaged, or its pickle names anything but tensors and the archive's own classes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = next(name for name in archive.namelist() if name.endswith("/data.pkl")).removesuffix("data.pkl")
            module = _Unpickler(archive, root).load()
            code = (name for name in archive.namelist() if name.startswith(f"{root}code/") and name.endswith(".py"))
            quick = any(QUICK_GELU in archive.read(name) for name in code)
    except (zipfile.BadZipFile, *_DAMAGE) as error:
        raise ModelError(f"{path} is a TorchScript archive that cannot be read as data: {error}") from error
    tensors: dict[str, torch.Tensor] = {}
    _collect(module, "", tensors, depth=0)
    if not tensors:
        raise ModelError(f"{path} is a TorchScript archive without tensors")
    return tensors, quick


_DAMAGE = (pickle.UnpicklingError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)


class _Box:
    """An object of one of the archive's classes: its attributes and nothing else."""

    def __init__(self, *_: object) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.attributes = {str(name): value for name, value in state.items()}


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}data.pkl")))
        self._archive, self._root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        """The few things that the pickle of an archive is made of.

        Raises:
            UnpicklingError: anything else.
        """
        if module == "__torch__" or module.startswith("__torch__."):
            return _Box
        known = _KNOWN.get((module, name))
        if known is None and module == "torch" and name in DTYPES:
            return DTYPES[name]
        if known is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which could run code; nothing in it was run")
        return known

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """A tensor's storage, from its own file in the archive."""
        kind, dtype, key, _, size = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not str(key).isalnum():
            raise pickle.UnpicklingError("it holds a storage of an unknown kind")
        data = bytearray(self._archive.read(f"{self._root}data/{key}"))
        return torch.frombuffer(data, dtype=dtype, count=int(size)) if size else torch.empty(0, dtype=dtype)


def _rebuild(storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Any:
    """A tensor from its storage; strides that leave it are an error of torch's."""
    return torch.as_strided(storage, size, stride, offset)


def _first(value: object, *_: object) -> object:
    return value


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch.jit._pickle", "restore_type_tag"): _first,
    **{("torch.jit._pickle", f"build_{kind}list"): _first for kind in ("int", "double", "bool", "tensor")},
}


def _collect(value: object, path: str, found: dict[str, torch.Tensor], *, depth: int) -> None:
    """Tensors by the attributes that lead to them, as names of a state dict."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, torch.Tensor):
        found[path] = value.float() if value.dtype in {torch.float16, torch.bfloat16} else value.clone()
    elif isinstance(value, _Box):
        for name, inner in value.attributes.items():
            _collect(inner, f"{path}.{name}" if path else name, found, depth=depth + 1)
