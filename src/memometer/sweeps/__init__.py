"""Sweeps: settings of a training recipe × seeds, each trained, audited both ways and judged by its utility."""

from memometer.sweeps.config import SweepConfig, load_sweep_file
from memometer.sweeps.sweep import Sweep, load_sweep, run_sweep

__all__ = ["Sweep", "SweepConfig", "load_sweep", "load_sweep_file", "run_sweep"]
