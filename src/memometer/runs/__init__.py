"""Runs: what a command leaves in a folder, and what shows it again."""

from memometer.runs.run import NOTHING, Run

__all__ = ["NOTHING", "Run"]
