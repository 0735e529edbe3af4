"""What trainings keep of themselves: the state that a stopped one goes on from, and the key that says whose it is."""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from memometer.errors import DamagedError
from memometer.files import clear_leftovers
from memometer.progress import notice
from memometer.sealing import check_seal, read_sealed_json, sealed_path

__all__ = ["key_in", "load_state", "read_manifest", "save_state"]

State = TypeVar("State")

AGAIN = "restore it from a copy, or train again with --overwrite"


def save_state(path: Path, state: Any) -> None:
    """Keeps a dataclass of tensors, numbers, strings and containers of them, whole or not at all."""
    import torch

    with sealed_path(path) as temporary:
        torch.save({field.name: getattr(state, field.name) for field in dataclasses.fields(state)}, temporary)


def load_state(path: Path, kind: type[State]) -> State | None:
    """What `save_state` kept, on the CPU; None before the first, and, with a remark, where it is damaged."""
    import torch

    clear_leftovers(path.parent)
    if not path.is_file():
        return None
    try:
        check_seal(path)
        return kind(**torch.load(path, map_location="cpu", weights_only=True))
    except DamagedError as error:
        notice(f"{error.fault}; training from the start")
    except Exception as error:  # noqa: BLE001 (a state of an earlier version, without a seal: torch raises anything)
        notice(f"{path} cannot be read ({str(error).splitlines()[0]}); training from the start")
    return None


def read_manifest(path: Path) -> dict[str, Any]:
    """A training's manifest, as it was before the hashes of the files beside it were added.

    Raises:
        DamagedError: it is not what was written.
    """
    manifest = read_sealed_json(path, advice=AGAIN)
    manifest.pop("files", None)
    return manifest


def key_in(path: Path, *, overwrite: bool) -> str | None:
    """The key in a file that says whose a folder is; None where the file is damaged and may be replaced.

    Raises:
        DamagedError: it is damaged, and ``overwrite`` is not set.
    """
    try:
        key = read_manifest(path).get("key")
    except DamagedError:
        if overwrite:
            return None
        raise
    return None if key is None else str(key)
