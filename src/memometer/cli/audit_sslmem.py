"""``memometer audit sslmem``."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from memometer.cli import options
from memometer.cli.answers import answers
from memometer.locking import writes

__all__ = ["command", "layer_names"]


@writes("out")
@answers
def command(
    target: Annotated[str, typer.Option(help="The model trained on the records, e.g. open_clip:PATH.")],
    reference: Annotated[str, typer.Option(help="A model of the same architecture, trained alike but not on them.")],
    records: Annotated[Path, typer.Option(help="The folder of the records under test.")],
    out: options.Out,
    role: options.Role = None,
    reference_role: Annotated[
        str | None, typer.Option(help="The reference's own training records: tests both ways and balances the scores.")
    ] = None,
    tower: Annotated[str, typer.Option(help="image, text, or both: which tower memorizes more.")] = "image",
    draws: Annotated[int, typer.Option(help="Views of each image; the most captions of a record that count.")] = 5,
    augment: Annotated[str, typer.Option(help="How views are drawn: ssl, clip or crop.")] = "ssl",
    pool: Annotated[str, typer.Option(help="mean over a layer's tokens, or cls: the class token.")] = "mean",
    layers: Annotated[
        str | None, typer.Option(help="Modules to compare instead of the tower's blocks: 'name,name'.")
    ] = None,
    store: options.Store = None,
    seed: Annotated[int, typer.Option(help="Seed of the views and of the bootstrap.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    batch_size: options.BatchSize = 64,
    gallery: Annotated[
        int, typer.Option(help="How many of the most memorized records of each tower the report shows.")
    ] = 30,
    no_images: options.NoImages = False,
    null: options.Null = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Memorization by layer of one tower: does a model hold the views of its records closer together?

    Example:
    memometer audit sslmem --target open_clip:models/a --reference open_clip:models/b --records records/ --role a
    --reference-role b --tower both --out runs/sslmem
    """
    from memometer.audits.sslmem import audit_sslmem
    from memometer.cli.show import show_audit
    from memometer.engines import decoding_workers

    audit = audit_sslmem(
        target=target,
        reference=reference,
        records=records,
        role=role,
        reference_role=reference_role,
        tower=cast("Any", tower),
        draws=draws,
        augment=augment,
        pool=cast("Any", pool),
        layers=layer_names(layers),
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


def layer_names(text: str | None) -> list[str] | None:
    """``"a, b"`` → ``["a", "b"]``."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
