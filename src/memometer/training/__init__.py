"""The trainer, its presets and checkpoints."""
