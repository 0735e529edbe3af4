"""``memometer train-ssl``."""

from typing import Annotated

import typer

from memometer.cli import options

__all__ = ["command"]


def command(
    records: options.TrainRecords,
    out: options.ModelOut,
    role: options.TrainRole = None,
    without: options.Without = None,
    objective: Annotated[str, typer.Option(help="vicreg, simclr, barlow or dino.")] = "vicreg",
    model: Annotated[
        str, typer.Option(help="A preset (tiny, small) or a model name of timm, e.g. resnet18.")
    ] = "small",
    image_size: Annotated[int, typer.Option(help="px, of the square images that enter the model.")] = 64,
    epochs: Annotated[int, typer.Option(help="Passes over the records.")] = 100,
    batch_size: options.StepSize = 128,
    lr: options.LearningRate = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Of AdamW; not on norms and biases.")] = 1e-4,
    warmup: options.Warmup = None,
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
    checkpoint_epochs: options.CheckpointEpochs = "",
    seed: Annotated[int, typer.Option(help="Of the first weights, the order of the records and the views.")] = 0,
    workers: options.DecodingWorkers = None,
    device: options.AnyDevice = "auto",
    precision: options.Precision = "auto",
    overwrite: options.OverwriteModel = False,
    as_json: options.ManifestJson = False,
) -> None:
    """Train an image encoder from scratch without labels.

    A training that was stopped goes on where it was when the same command is run again. On several GPUs:
    accelerate launch -m memometer train-ssl …
    """
    from memometer.cli.show_training import show_training
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
    show_training(result, as_json=as_json)
