"""W&B: a run in the project ``memometer``, or in that of WANDB_PROJECT; offline unless WANDB_MODE says otherwise."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from memometer.loggers.entry import Entry
from memometer.loggers.logging import Done

if TYPE_CHECKING:
    import wandb

__all__ = ["log"]


def log(entry: Entry, at: str | None) -> Done:
    """The options as config, the numbers as summary, the curves as history, and the text as notes."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it tells its makers what goes wrong
    import wandb

    place, run_id = Path(at or "."), entry.key[:16]
    mode = os.environ.get("WANDB_MODE") or "offline"
    if mode == "offline":
        for found in sorted(place.glob(f"wandb/offline-run-*-{run_id}")):
            return Done(str(found), new=False, look=_look(found))
    place.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "memometer"),
        dir=str(place),
        id=run_id,
        name=entry.name,
        job_type=entry.kind,
        config=entry.config,
        notes=entry.text,
        mode=mode,  # type: ignore[arg-type]  # what the environment says, wandb checks
        resume="allow",
        reinit="create_new",
        # What is logged is the run: not this machine, its code, packages and terminal.
        settings=wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        ),
    )
    with run:
        _write(run, entry)
    if mode == "offline":
        folder = Path(run.dir).parent
        return Done(str(folder), new=True, look=_look(folder))
    return Done(str(run.url or mode), new=True, look="look at it there")


def _write(run: "wandb.Run", entry: Entry) -> None:
    rows: dict[int, dict[str, float]] = {}
    for name, curve in entry.curves.items():
        for step, value in zip(curve.steps, curve.values, strict=True):
            rows.setdefault(step, {})[f"training/{name}"] = value
    for step in sorted(rows):
        run.log(rows[step], step=step)
    run.summary.update(entry.numbers)


def _look(folder: Path) -> str:
    return f"look at it with: wandb leet {folder}, send it on with: wandb sync {folder}"
