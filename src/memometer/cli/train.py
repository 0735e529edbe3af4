"""``memometer train``."""

from pathlib import Path
from typing import Annotated

import typer

from memometer.cli import options

__all__ = ["command"]


def command(
    records: options.TrainRecords,
    out: options.ModelOut,
    role: options.TrainRole = None,
    without: options.Without = None,
    model: Annotated[
        str, typer.Option(help="A preset (tiny, small), a model name of open_clip, or a model config in JSON.")
    ] = "small",
    epochs: Annotated[int, typer.Option(help="Passes over the records.")] = 40,
    batch_size: options.StepSize = 128,
    lr: options.LearningRate = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Of AdamW; not on norms, biases and the logit scale.")] = 0.1,
    warmup: options.Warmup = None,
    logit_scale_max: Annotated[float, typer.Option(help="Clamp of the logit scale, the inverse temperature.")] = 100.0,
    min_crop: Annotated[float, typer.Option(help="Least share of an image's area that a random crop keeps.")] = 0.9,
    text_mask: Annotated[
        float, typer.Option(help="Share of a caption's tokens that is dropped, anew each epoch, e.g. 0.3.")
    ] = 0.0,
    caption_sampling: Annotated[
        bool, typer.Option("--caption-sampling", help="Draw one of a record's captions each epoch.")
    ] = False,
    text_noise: Annotated[
        float, typer.Option(help="Deviation of Gaussian noise on the text embedding, e.g. 0.15.")
    ] = 0.0,
    text_noise_at: Annotated[
        str, typer.Option(help="Add the noise to the 'normalised' embedding, or to the 'raw' one.")
    ] = "normalised",
    loss: Annotated[str, typer.Option(help="clip, or siglip.")] = "clip",
    label_smoothing: Annotated[float, typer.Option(help="Of the loss clip, e.g. 0.1.")] = 0.0,
    flip: Annotated[float, typer.Option(help="Probability that an image is mirrored.")] = 0.0,
    color_jitter: Annotated[
        float, typer.Option(help="Greatest relative change of brightness, contrast and saturation, e.g. 0.4.")
    ] = 0.0,
    image_variants: Annotated[
        Path | None,
        typer.Option(help="Parquet of record_id and path: further images of records; one of all is drawn each epoch."),
    ] = None,
    deduplicate: Annotated[
        bool, typer.Option("--deduplicate", help="Train on one record of those that show the same picture.")
    ] = False,
    early_stop: Annotated[
        str | None, typer.Option(help="Role of held-out pairs; the epoch with their least loss becomes the model.")
    ] = None,
    checkpoint_epochs: options.CheckpointEpochs = "",
    seed: Annotated[int, typer.Option(help="Of the first weights, the order of the records and the crops.")] = 0,
    workers: options.DecodingWorkers = None,
    device: options.AnyDevice = "auto",
    precision: options.Precision = "auto",
    overwrite: options.OverwriteModel = False,
    as_json: options.ManifestJson = False,
) -> None:
    """Train a CLIP model from scratch.

    A training that was stopped goes on where it was when the same command is run again. On several GPUs:
    accelerate launch -m memometer train …
    """
    from memometer.cli.show_training import show_training
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
        text_mask=text_mask,
        caption_sampling=caption_sampling,
        text_noise=text_noise,
        text_noise_at=text_noise_at,
        loss=loss,
        label_smoothing=label_smoothing,
        flip=flip,
        color_jitter=color_jitter,
        image_variants=image_variants,
        deduplicate=deduplicate,
        early_stop=early_stop,
        checkpoint_epochs=checkpoint_epochs,
        seed=seed,
        workers=workers,
        device=device,
        precision=precision,
    )
    result = train(config, overwrite=overwrite)
    show_training(result, as_json=as_json)
