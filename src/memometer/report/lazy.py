"""What charts need, imported when the first is drawn: what prints a run's numbers does not wait for it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["alt", "pc"]

if TYPE_CHECKING:
    import altair as alt
    import pyarrow.compute as pc
else:

    class _Module:
        def __init__(self, name: str) -> None:
            self.name = name

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(self.name), name)

    alt = _Module("altair")
    pc = _Module("pyarrow.compute")
