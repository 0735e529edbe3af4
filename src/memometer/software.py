"""What a result was made with: the command, the versions, the machine's platform."""

import datetime as dt
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from memometer import __version__

__all__ = ["describe_software", "timestamp", "versions_of"]

PACKAGES = (
    *("torch", "torchvision", "open_clip_torch", "timm", "transformers", "sentence-transformers", "accelerate"),
    *("numpy", "pyarrow", "pillow", "numba", "scikit-learn"),
)


def timestamp() -> str:
    """Now, in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def describe_software() -> dict[str, Any]:
    """Versions, platform, and the command line that is running."""
    return {
        "memometer": __version__,
        "commit": _commit(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions_of(PACKAGES),
    }


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The version of each package that is installed; of others it says that they are not."""
    import importlib.metadata  # here: whoever only asks for the time does not wait for it

    versions = {}
    for name in packages:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


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
    inside = (folder.parents[1] / ".git").exists()
    return done.stdout.strip() if done.returncode == 0 and inside else None
