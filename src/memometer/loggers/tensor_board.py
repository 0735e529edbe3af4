"""TensorBoard: a folder of events for each run, with torch's writer."""

import os
import shutil
import tempfile
from pathlib import Path

from memometer.loggers.entry import Entry
from memometer.loggers.logging import Done

__all__ = ["log"]


def log(entry: Entry, at: str | None) -> Done:
    """Scalars, curves, the options as hyperparameters, and the text, in ``AT/NAME-KEY``."""
    from torch.utils.tensorboard import SummaryWriter

    place = Path(at or "tensorboard")
    target = place / f"{entry.name}-{entry.key[:8]}"
    look = f"look at it with: tensorboard --logdir {place}"
    if target.is_dir():
        return Done(str(target), new=False, look=look)
    place.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".memometer-", dir=place))
    try:
        with SummaryWriter(str(partial)) as writer:
            for name, curve in entry.curves.items():
                for step, value in zip(curve.steps, curve.values, strict=True):
                    writer.add_scalar(f"training/{name}", value, step, walltime=entry.finished)
            # Into the same folder: by default it makes one more run of it.
            writer.add_hparams(entry.config, entry.numbers, run_name=".", global_step=0)
            writer.add_text("memometer", entry.text, 0, walltime=entry.finished)
        partial.chmod(0o777 & ~_umask())
        partial.replace(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Done(str(target), new=True, look=look)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
