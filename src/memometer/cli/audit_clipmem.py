"""``memometer audit clipmem``."""

from pathlib import Path
from typing import Annotated

import typer

from memometer.cli import options
from memometer.cli.answers import answers
from memometer.locking import writes

__all__ = ["command"]


@writes("out")
@answers
def command(
    target: Annotated[
        list[str],
        typer.Option(
            help="A model trained on the shared pairs and the candidates: open_clip:MODEL, open_clip:PATH or "
            "embeddings:DIR. Repeat the option for several trainings."
        ),
    ],
    reference: Annotated[
        list[str], typer.Option(help="A model trained alike on the shared and the independent pairs; may be repeated.")
    ],
    records: Annotated[Path, typer.Option(help="The folder of all pairs.")],
    candidates: Annotated[
        str,
        typer.Option("--role", "--candidates", help="The role of the pairs that the targets alone were trained on."),
    ],
    external: Annotated[
        str,
        typer.Option("--control-role", "--external", help="The role of the pairs that no model was trained on."),
    ],
    out: options.Out,
    independent: Annotated[
        str | None,
        typer.Option(
            "--reference-role", "--independent", help="The role of the pairs that the references alone were trained on."
        ),
    ] = None,
    shared: Annotated[
        str | None,
        typer.Option("--shared-role", "--shared", help="The role of the pairs that all models were trained on."),
    ] = None,
    n_aug: Annotated[int, typer.Option(help="Views per image.")] = 5,
    augment: Annotated[str, typer.Option(help="How views are drawn: clip, ssl, crop or none.")] = "clip",
    captions: Annotated[int, typer.Option(help="How many of a record's captions count.")] = 1,
    negatives: Annotated[
        str, typer.Option(help="cross: take off the mean similarity to held-out captions and images; or none.")
    ] = "cross",
    negatives_role: Annotated[
        str | None, typer.Option(help="The role of the held-out pairs; the external ones by default.")
    ] = None,
    store: options.Store = None,
    seed: Annotated[int, typer.Option(help="Seed of the views and of the bootstrap.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    batch_size: options.BatchSize = 64,
    gallery: Annotated[
        int, typer.Option(help="How many of the most, and of the least, memorized candidates the report shows.")
    ] = 15,
    no_images: options.NoImages = False,
    null: options.Null = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Memorized pairs of a CLIP-like model: which does it align better than models that never saw them?

    Example:
    memometer audit clipmem --target open_clip:models/a --reference open_clip:models/b --records records/ --role a
    --reference-role b --control-role public --out runs/clipmem

    The roles are those of the other audits; the paper's names for them, --candidates, --independent, --external and
    --shared, are understood too.
    """
    from memometer.audits.clipmem import audit_clipmem
    from memometer.cli.show import show_audit
    from memometer.engines import decoding_workers

    audit = audit_clipmem(
        targets=target,
        references=reference,
        records=records,
        candidates=candidates,
        external=external,
        independent=independent,
        shared=shared,
        n_aug=n_aug,
        augment=augment,
        captions=captions,
        negatives=negatives,
        negatives_role=negatives_role,
        out=out,
        store=store,
        seed=seed,
        workers=decoding_workers(workers, device=device),
        device=device,
        batch_size=batch_size,
        gallery=gallery,
        images=not no_images,
        null=null,
        overwrite=overwrite,
    )
    show_audit(audit, out, as_json=as_json)
