"""``memometer train``, and what every training prints when it is done."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from memometer.cli.generated import command_of
from memometer.cli.log import log_all
from memometer.cli.options import TRAINING
from memometer.cli.show import print_json
from memometer.training.config import TrainConfig, TrainingOptions

if TYPE_CHECKING:
    from memometer.training import TrainResult

__all__ = ["command", "training"]


def training(config: type[TrainingOptions], trainer: str) -> Callable[..., None]:
    """The command of a trainer of this name, which takes these options."""

    def run(*, overwrite: bool, as_json: bool, log_to: list[str] | None, **given: Any) -> None:
        train = getattr(import_module("memometer.training"), trainer)
        result = train(config.checked(**given), overwrite=overwrite)
        if result.is_main_process:
            _show(result, as_json=as_json)
            log_all(result.folder, log_to)

    return command_of(config, run, own=TRAINING)


def _show(result: "TrainResult", *, as_json: bool) -> None:
    """What was trained and what names it, or the manifest as JSON."""
    trained = result.manifest
    if as_json:
        print_json(trained)
        return
    typer.echo(
        f"trained on {trained['records']['n']:,} records, {trained['steps']:,} steps in {trained['seconds']:,.0f} s, "
        f"loss {trained['loss']:.3f}"
    )
    stopped = trained.get("early_stop")
    if stopped and stopped["best_epoch"] is not None:
        typer.echo(f"kept epoch {stopped['best_epoch']}, whose held-out loss is the least: {stopped['loss']:.3f}")
    for epoch in trained["config"].get("checkpoint_epochs", ()):
        typer.echo(f"after {epoch:,} epochs: {result.at_epoch(epoch).spec}")
    typer.echo(f"the model: {result.spec}")


command = training(TrainConfig, "train")
