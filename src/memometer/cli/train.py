"""``memometer train``."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    records: Annotated[Path, typer.Option(help="Folder of the records to train on.")],
    out: Annotated[Path, typer.Option(help="Folder of the model to write.")],
    role: Annotated[
        str | None, typer.Option(help="Train on the records of this role, or of several: shared,candidates.")
    ] = None,
    without: Annotated[
        Path | None, typer.Option(help="Leave out the records in this file, as 'memometer remove' writes it.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A preset (tiny, small), a model name of open_clip, or a model config in JSON.")
    ] = "small",
    epochs: Annotated[int, typer.Option(help="Passes over the records.")] = 40,
    batch_size: Annotated[int, typer.Option(help="Records per step, over all processes together.")] = 128,
    lr: Annotated[float, typer.Option(help="Learning rate after the warm-up; a cosine takes it down.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Of AdamW; not on norms, biases and the logit scale.")] = 0.1,
    warmup: Annotated[
        int | None, typer.Option(help="Steps of warm-up. Default: a tenth of all, at most 2,000.", show_default=False)
    ] = None,
    logit_scale_max: Annotated[float, typer.Option(help="Clamp of the logit scale, the inverse temperature.")] = 100.0,
    min_crop: Annotated[float, typer.Option(help="Least share of an image's area that a random crop keeps.")] = 0.9,
    checkpoint_epochs: Annotated[
        str, typer.Option(help="Also keep the model as it is after these epochs, e.g. 5,20,80.", show_default=False)
    ] = "",
    seed: Annotated[int, typer.Option(help="Of the first weights, the order of the records and the crops.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that decode. Default: none on a CPU, up to 8 beside a GPU.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, bf16, or auto: bf16 where a GPU has it.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another model in the folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model's manifest as JSON.")] = False,
) -> None:
    """Train a CLIP model from scratch.

    A training that was stopped goes on where it was when the same command is run again. On several GPUs:
    accelerate launch -m memometer train …
    """
    import json

    from memometer.training import TrainConfig, train

    config = TrainConfig.checked(
        records=records,
        role=role,
        without=without,
        out=out,
        model=model,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        warmup=warmup,
        logit_scale_max=logit_scale_max,
        min_crop=min_crop,
        checkpoint_epochs=checkpoint_epochs,
        seed=seed,
        workers=workers,
        device=device,
        precision=precision,
    )
    result = train(config, overwrite=overwrite)
    if not result.is_main_process:
        return
    if as_json:
        typer.echo(json.dumps(result.manifest, indent=2, ensure_ascii=False))
        return
    trained = result.manifest
    typer.echo(
        f"trained on {trained['records']['n']:,} records, {trained['steps']:,} steps in {trained['seconds']:,.0f} s, "
        f"loss {trained['loss']:.3f}"
    )
    typer.echo(f"the model: {result.spec}")
