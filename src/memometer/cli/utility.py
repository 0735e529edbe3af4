"""``memometer utility``."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from memometer.cli import options
from memometer.locking import writes

__all__ = ["command"]


@writes("out")
def command(
    model: Annotated[str, typer.Option(help="The model: open_clip:PATH, timm:NAME, embeddings:DIR, …")],
    records: Annotated[Path, typer.Option(help="The folder of the records under test.")],
    role: Annotated[
        str | None, typer.Option(help="Test the records of this role alone: some that the model was not trained on.")
    ] = None,
    retrieval: Annotated[
        bool, typer.Option("--retrieval", help="Image ↔ text retrieval: recall@1, 5 and 10, both ways.")
    ] = False,
    zero_shot: Annotated[
        Path | None,
        typer.Option(help="Zero-shot classification by the classes in this file, one per line.", show_default=False),
    ] = None,
    templates: Annotated[
        Path | None,
        typer.Option(help="Prompt templates, one per line with {}. Default: 'a photo of a {}.'", show_default=False),
    ] = None,
    linear_probe: Annotated[
        bool, typer.Option("--linear-probe", help="Logistic regression on frozen image features.")
    ] = False,
    probe_records: Annotated[
        Path | None, typer.Option(help="The folder of the probe's training records; --records by default.")
    ] = None,
    probe_role: Annotated[str | None, typer.Option(help="Their role; none of them may be under test.")] = None,
    features: Annotated[
        str, typer.Option(help="What is probed: projector, or backbone, the features before the last projection.")
    ] = "projector",
    labels: Annotated[
        str, typer.Option(help="What an image shows: label, objects, or auto: its label, else its objects.")
    ] = "auto",
    captions: Annotated[int, typer.Option(help="The most captions of an image that count in retrieval.")] = 5,
    micro: Annotated[
        bool, typer.Option("--micro", help="Also micro average precision, where images have several objects.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The run folder to write. Default: none.", show_default=False)
    ] = None,
    store: options.Store = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap and of the probe's held-out records.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    batch_size: options.BatchSize = 64,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """What a model is good for: zero-shot classification, a linear probe, image ↔ text retrieval.

    Example:
    memometer utility --model open_clip:models/a --records records/ --role public --retrieval --zero-shot classes.txt
    --linear-probe --probe-role probe --out runs/utility
    """
    from memometer.cli.show import show_audit
    from memometer.engines import decoding_workers
    from memometer.utility import measure_utility

    utility = measure_utility(
        model=model,
        records=records,
        role=role,
        retrieval=retrieval,
        zero_shot=zero_shot,
        templates=templates,
        linear_probe=linear_probe,
        probe_records=probe_records,
        probe_role=probe_role,
        features=cast("Any", features),
        labels=cast("Any", labels),
        captions=captions,
        micro=micro,
        out=out,
        store=store,
        seed=seed,
        workers=decoding_workers(workers, device=device),
        device=device,
        batch_size=batch_size,
        overwrite=overwrite,
    )
    show_audit(utility, out, as_json=as_json)
