"""Sweeps: settings of a training recipe × seeds, each trained, audited both ways and judged by its utility."""

from memometer.sweeps.config import SweepConfig, load_sweep_file

__all__ = ["SweepConfig", "load_sweep_file"]
