"""What every training prints when it is done."""

import json

import typer

from memometer.training import TrainResult

__all__ = ["show_training"]


def show_training(result: TrainResult, *, as_json: bool) -> None:
    """Prints what was trained and what names it, or the manifest as JSON; from the main process alone."""
    if not result.is_main_process:
        return
    trained = result.manifest
    if as_json:
        typer.echo(json.dumps(trained, indent=2, ensure_ascii=False))
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
