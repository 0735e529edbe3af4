"""Sweeps: settings of a training recipe × seeds, each trained, audited both ways and judged by its utility."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memometer.sweeps.config import SweepConfig, load_sweep_file
    from memometer.sweeps.sweep import Sweep, load_sweep, run_sweep

__all__ = ["Sweep", "SweepConfig", "load_sweep", "load_sweep_file", "run_sweep"]

_HOMES = {
    "Sweep": "memometer.sweeps.sweep",
    "SweepConfig": "memometer.sweeps.config",
    "load_sweep": "memometer.sweeps.sweep",
    "load_sweep_file": "memometer.sweeps.config",
    "run_sweep": "memometer.sweeps.sweep",
}


def __getattr__(name: str) -> Any:
    """Imports a name on its first use, so that showing a result does not load what computes it."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
