"""``memometer train-ssl``."""

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
    objective: Annotated[str, typer.Option(help="vicreg, simclr, barlow or dino.")] = "vicreg",
    model: Annotated[
        str, typer.Option(help="A preset (tiny, small) or a model name of timm, e.g. resnet18.")
    ] = "small",
    image_size: Annotated[int, typer.Option(help="px, of the square images that enter the model.")] = 64,
    epochs: Annotated[int, typer.Option(help="Passes over the records.")] = 100,
    batch_size: Annotated[int, typer.Option(help="Records per step, over all processes together.")] = 128,
    lr: Annotated[float, typer.Option(help="Learning rate after the warm-up; a cosine takes it down.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Of AdamW; not on norms and biases.")] = 1e-4,
    warmup: Annotated[
        int | None, typer.Option(help="Steps of warm-up. Default: a tenth of all, at most 2,000.", show_default=False)
    ] = None,
    projector_width: Annotated[
        int | None,
        typer.Option(
            help="Of the projector's layers. Default: the paper's, scaled to the backbone.", show_default=False
        ),
    ] = None,
    augmentation: Annotated[str, typer.Option(help="What makes a view: ssl, crop, clip or none.")] = "ssl",
    min_crop: Annotated[
        float | None,
        typer.Option(
            help="Least share of an image's area that a view keeps. Default: the augmentation's.", show_default=False
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Of simclr.")] = 0.1,
    prototypes: Annotated[int, typer.Option(help="Of dino.")] = 1024,
    teacher_temperature: Annotated[float, typer.Option(help="Of dino.")] = 0.04,
    teacher_momentum: Annotated[float, typer.Option(help="Of dino, at the start; it rises to 1.")] = 0.996,
    checkpoint_epochs: Annotated[
        str, typer.Option(help="Also keep the model as it is after these epochs, e.g. 5,20,80.", show_default=False)
    ] = "",
    seed: Annotated[int, typer.Option(help="Of the first weights, the order of the records and the views.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that decode. Default: none on a CPU, up to 8 beside a GPU.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, bf16, or auto: bf16 where a GPU has it.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another model in the folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model's manifest as JSON.")] = False,
) -> None:
    """Train an image encoder from scratch without labels.

    A training that was stopped goes on where it was when the same command is run again. On several GPUs:
    accelerate launch -m memometer train-ssl …
    """
    import json

    from memometer.training import SslConfig, train_ssl

    config = SslConfig.checked(
        records=records,
        role=role,
        without=without,
        out=out,
        objective=objective,
        model=model,
        image_size=image_size,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        warmup=warmup,
        projector_width=projector_width,
        augmentation=augmentation,
        min_crop=min_crop,
        temperature=temperature,
        prototypes=prototypes,
        teacher_temperature=teacher_temperature,
        teacher_momentum=teacher_momentum,
        checkpoint_epochs=checkpoint_epochs,
        seed=seed,
        workers=workers,
        device=device,
        precision=precision,
    )
    result = train_ssl(config, overwrite=overwrite)
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
    for epoch in config.checkpoint_epochs:
        typer.echo(f"after {epoch:,} epochs: {result.at_epoch(epoch).spec}")
    typer.echo(f"the model: {result.spec}")
