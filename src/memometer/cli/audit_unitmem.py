"""``memometer audit unitmem``."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from memometer.cli import options
from memometer.cli.answers import answers
from memometer.cli.audit_sslmem import layer_names
from memometer.locking import writes

__all__ = ["command"]


@writes("out")
@answers
def command(
    target: Annotated[str, typer.Option(help="The model trained on the records, e.g. open_clip:PATH.")],
    records: Annotated[Path, typer.Option(help="The folder of the records.")],
    out: options.Out,
    role: Annotated[str | None, typer.Option(help="The records of this role alone.")] = None,
    control_role: Annotated[
        str | None, typer.Option(help="Records that the model never saw: what of UnitMem is not memorization.")
    ] = None,
    tower: Annotated[str, typer.Option(help="image, text or both.")] = "image",
    draws: Annotated[int, typer.Option(help="Views of each image; the most captions of a record that count.")] = 10,
    augment: Annotated[str, typer.Option(help="How views are drawn: ssl, clip, crop or none.")] = "ssl",
    statistic: Annotated[
        str, typer.Option(help="What stands for the other records: mean, or median, which keeps activations on disk.")
    ] = "mean",
    by_class: Annotated[bool, typer.Option("--by-class", help="Also ClassMem, over the records' classes.")] = False,
    keep_negative: Annotated[
        bool, typer.Option("--keep-negative", help="Take negative activations as they are; they count as 0 otherwise.")
    ] = False,
    layers: Annotated[
        str | None, typer.Option(help="Modules whose outputs are the units, instead of the known ones: 'name,name'.")
    ] = None,
    store: options.Store = None,
    seed: Annotated[int, typer.Option(help="Seed of the views, the groups and the bootstrap.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    batch_size: options.BatchSize = 64,
    gallery: Annotated[int, typer.Option(help="How many units of each tower the report shows.")] = 30,
    no_images: options.NoImages = False,
    null: options.Null = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Memorization by unit: which units does a single training record excite far more than all others?

    Example:
    memometer audit unitmem --target open_clip:models/a --records records/ --role a --control-role c --tower both
    --out runs/unitmem
    """
    from memometer.audits.unitmem import audit_unitmem
    from memometer.cli.show import show_audit
    from memometer.engines import decoding_workers

    audit = audit_unitmem(
        target=target,
        records=records,
        role=role,
        control_role=control_role,
        tower=cast("Any", tower),
        draws=draws,
        augment=augment,
        statistic=cast("Any", statistic),
        by_class=by_class,
        keep_negative=keep_negative,
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
