"""What an audit was made of: the command, versions, and hashes of weights and data."""

import datetime as dt
import hashlib
import importlib.metadata
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from memometer import __version__
from memometer.data.records import Records

__all__ = ["describe_model", "describe_records", "describe_software", "timestamp"]

PACKAGES = ("torch", "open_clip_torch", "numpy", "pyarrow", "pillow", "numba")


def timestamp() -> str:
    """Now, in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def describe_software() -> dict[str, Any]:
    """Versions, platform, and the command line that is running."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "memometer": __version__,
        "commit": _commit(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
    }


def describe_model(encoder: object, spec: str) -> dict[str, Any]:
    """A model's name, identity, weights and preprocessing, with what had to be guessed about it."""
    return {
        "spec": spec,
        "identity": getattr(encoder, "identity", ""),
        "weights_hash": getattr(encoder, "weights_hash", None),
        "preprocess": getattr(encoder, "preprocess_config", None),
        "warnings": list(getattr(encoder, "warnings", ())),
    }


def describe_records(records: Records, role: str | None) -> dict[str, Any]:
    """Where records came from, how many, and a hash of their ids, captions, objects and images."""
    digest = hashlib.blake2b(digest_size=16)
    columns = ["record_id", "image_hash", "image_path", "image_offset", "image_row", "captions", "objects", "scores"]
    for batch in records.table.select(columns).combine_chunks().to_batches(max_chunksize=65_536):
        digest.update(repr(batch.to_pydict()).encode())
    return {"path": str(records.folder), "role": role, "n": len(records), "hash": digest.hexdigest()}


def _commit() -> str | None:
    """The commit of the checkout that memometer runs from; None for an installed release."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(  # noqa: S603 (fixed words)
            ["git", "-C", str(folder), "rev-parse", "HEAD"],  # noqa: S607 (the user's own git)
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    inside = (folder.parents[2] / ".git").exists()
    return done.stdout.strip() if done.returncode == 0 and inside else None
