"""``memometer audit vl-dejavu``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from memometer.cli import options
from memometer.cli.answers import answers
from memometer.errors import InputError
from memometer.locking import writes

__all__ = ["command"]


@writes("out")
@answers
def command(
    target: Annotated[
        str, typer.Option(help="The model trained on the records: open_clip:MODEL, open_clip:PATH or embeddings:DIR.")
    ],
    reference: Annotated[
        list[str],
        typer.Option(
            help="A model trained alike, but not on the records; or a text encoder: text:tfidf, text:MODEL. Repeated, "
            "the first leads and the others stand beside it."
        ),
    ],
    records: Annotated[Path, typer.Option(help="The folder of the records under test.")],
    public: Annotated[Path, typer.Option(help="The folder of the public set, which neither model was trained on.")],
    out: options.Out,
    role: options.Role = None,
    reference_role: Annotated[
        str | None, typer.Option(help="The reference's own training records: tests both ways and balances the gaps.")
    ] = None,
    control_role: options.ControlRole = None,
    public_role: options.PublicRole = None,
    k: Annotated[int, typer.Option(help="Public images per caption.")] = 10,
    sweep: Annotated[str, typer.Option(help="Further k to report, at the cost of one search.")] = "1,10,100",
    search: Annotated[
        Literal["t2i", "t2t"],
        typer.Option(help="t2i looks captions up among public images, t2t among public captions."),
    ] = "t2i",
    caption: Annotated[int, typer.Option(help="The number of the caption that is the query, from 1.")] = 1,
    public_caption: Annotated[
        int, typer.Option(help="The number of the public captions that are searched, from 1.")
    ] = 1,
    vocabulary: Annotated[
        Path | None, typer.Option(help="Terms and word forms that decide which objects a caption names.")
    ] = None,
    store: options.Store = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    batch_size: options.BatchSize = 64,
    gallery: Annotated[int, typer.Option(help="How many of the most memorized records the report shows.")] = 30,
    no_images: options.NoImages = False,
    aucg_histogram: Annotated[
        bool, typer.Option("--aucg-histogram", help="Also integrate AUCG by histogram, as the paper's code does.")
    ] = False,
    null: options.Null = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Déjà vu in a CLIP-like model: does a caption reveal its training image's unmentioned objects?

    Example:
    memometer audit vl-dejavu --target open_clip:models/a --reference open_clip:models/b --records records/ --role a
    --reference-role b --public records/ --public-role public --k 10 --out runs/first

    With one model, and no other one trained: --reference text:tfidf, or text:thenlper/gte-base, and --control-role for
    records that the model never saw.
    """
    from memometer.audits.vl_dejavu import audit_vl_dejavu
    from memometer.cli.show import show_audit
    from memometer.engines import decoding_workers

    audit = audit_vl_dejavu(
        target=target,
        reference=reference,
        records=records,
        public=public,
        role=role,
        reference_role=reference_role,
        control_role=control_role,
        public_role=public_role,
        k=k,
        sweep=_numbers(sweep),
        search=search,
        caption=caption,
        public_caption=public_caption,
        vocabulary=vocabulary,
        out=out,
        store=store,
        seed=seed,
        workers=decoding_workers(workers, device=device),
        device=device,
        batch_size=batch_size,
        gallery=gallery,
        images=not no_images,
        aucg_histogram=aucg_histogram,
        null=null,
        overwrite=overwrite,
    )
    show_audit(audit, out, as_json=as_json)


def _numbers(text: str) -> list[int]:
    """``"1,10,100"`` → [1, 10, 100]."""
    try:
        return [int(word) for word in text.split(",") if word.strip()]
    except ValueError as error:
        raise InputError(f"--sweep {text}; expected whole numbers separated by commas, e.g. 1,10,100") from error
