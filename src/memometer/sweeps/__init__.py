"""Sweeps: settings of a training recipe × seeds, each trained, audited both ways and judged by its utility."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.sweeps.config import SweepConfig, load_sweep_file
    from memometer.sweeps.sweep import Sweep, load_sweep, run_sweep

__all__ = ["Sweep", "SweepConfig", "load_sweep", "load_sweep_file", "run_sweep"]

# So that showing a result does not load what computes it.
__getattr__ = on_first_use(__name__)
