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
    checkpoint_epochs: Annotated[
        str, typer.Option(help="Also keep the model as it is after these epochs, e.g. 5,20,80.", show_default=False)
    ] = "",
    seed: Annotated[int, typer.Option(help="Of the first weights, the order of the records and the crops.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that decode. Default: none on a CPU, up to 16 beside a GPU.", show_default=False),
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
    if stopped := trained.get("early_stop"):
        typer.echo(f"kept epoch {stopped['best_epoch']}, whose held-out loss is the least: {stopped['loss']:.3f}")
    typer.echo(f"the model: {result.spec}")
