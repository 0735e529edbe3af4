"""``memometer audit image-dejavu``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from memometer.cli import options
from memometer.cli.answers import answers
from memometer.locking import writes

__all__ = ["command"]


@writes("out")
@answers
def command(
    target: Annotated[
        str, typer.Option(help="The model trained on the records: ssl:DIR, timm:MODEL, torchvision:MODEL, open_clip:…")
    ],
    reference: Annotated[
        list[str],
        typer.Option(
            help="A model trained alike, but not on the records; or naive-bayes[:K], crop-classifier[:MODEL]. "
            "Repeated, the first leads and the others stand beside it."
        ),
    ],
    records: Annotated[Path, typer.Option(help="The folder of the records under test, with labels and boxes.")],
    public: Annotated[Path, typer.Option(help="The folder of the public set, which no model was trained on.")],
    out: options.Out,
    role: options.Role = None,
    reference_role: Annotated[
        str | None, typer.Option(help="The reference's own training records: tests both ways.")
    ] = None,
    control_role: options.ControlRole = None,
    public_role: options.PublicRole = None,
    fit_role: Annotated[
        str | None, typer.Option(help="The records that naive-bayes and crop-classifier are fitted on.")
    ] = None,
    label: Annotated[
        Literal["given", "largest-box"],
        typer.Option(help="A record's class: its own, or that of its largest box (detection data such as COCO)."),
    ] = "given",
    crop: Annotated[
        Literal["background", "corner"], typer.Option(help="The largest box-free rectangle, or a free corner.")
    ] = "background",
    min_side: Annotated[
        float | None,
        typer.Option(
            help="A background crop's shorter side must exceed so many px, or below 1 such a share of the image's. "
            "Default: 100 px of ImageNet's 375.",
            show_default=False,
        ),
    ] = None,
    fraction: Annotated[float, typer.Option(help="Of a corner crop.")] = 0.3,
    k: Annotated[int, typer.Option(help="Public images per crop.")] = 100,
    features: Annotated[
        Literal["projector", "backbone"], typer.Option(help="Which output of the model is compared.")
    ] = "projector",
    metric: Annotated[Literal["l2", "cosine"], typer.Option(help="How it is compared.")] = "l2",
    store: options.Store = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap, and of a crop classifier.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    batch_size: options.BatchSize = 64,
    gallery: Annotated[int, typer.Option(help="How many memorized records the report shows.")] = 30,
    no_images: options.NoImages = False,
    null: options.Null = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Image-only déjà vu: does a crop without the foreground give the foreground's class away?

    Example:
    memometer audit image-dejavu --target ssl:models/a --reference ssl:models/b --records records/ --role a
    --reference-role b --public records/ --public-role public --out runs/image

    With one model: --reference naive-bayes --fit-role fit --control-role c
    """
    from memometer.audits.image_dejavu import MIN_SIDE, audit_image_dejavu
    from memometer.cli.show import show_audit
    from memometer.engines import decoding_workers

    audit = audit_image_dejavu(
        target=target,
        reference=reference,
        records=records,
        public=public,
        role=role,
        reference_role=reference_role,
        control_role=control_role,
        public_role=public_role,
        fit_role=fit_role,
        label=label,
        crop=crop,
        min_side=MIN_SIDE if min_side is None else min_side,
        fraction=fraction,
        k=k,
        features=features,
        metric=metric,
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
