"""Public names that are imported on their first use, so that a package loads no more than what is asked of it."""

import functools
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["on_first_use"]


def on_first_use(package: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package, whose names are those that it imports for type checkers.

    Args:
        package: its name.
    """

    def imported(name: str) -> Any:
        if name.startswith("__") or name not in _homes(package):
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(_homes(package)[name]), name)

    return imported


@functools.cache
def _homes(package: str) -> dict[str, str]:
    """Name → its module, as the source has them under ``if TYPE_CHECKING``."""
    import ast

    spec = sys.modules[package].__spec__
    source = spec.loader.get_source(package)  # type: ignore[union-attr]
    blocks = [each for each in ast.parse(source).body if isinstance(each, ast.If)]
    imports = [each for block in blocks for each in block.body if isinstance(each, ast.ImportFrom)]
    return {alias.name: str(each.module) for each in imports for alias in each.names}
