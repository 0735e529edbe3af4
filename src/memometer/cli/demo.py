"""``memometer demo``."""

from pathlib import Path
from typing import Annotated

import typer

from memometer.locking import writes

__all__ = ["command"]


@writes("out")
def command(
    out: Annotated[Path, typer.Option(help="The folder for records, models and the run.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of scenes, split and training.")] = 0,
    n: Annotated[int, typer.Option(help="Records per training set.")] = 300,
    epochs: Annotated[int, typer.Option(help="Passes over each training set.")] = 12,
    workers: Annotated[int | None, typer.Option(help="Processes that draw scenes; by default one per core.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of a table.")] = False,
) -> None:
    """Train two small CLIP models on built-in scenes, audit them both ways, write the report. Needs no network."""
    from memometer.cli.show import show_run
    from memometer.data import make_scenes, split_records
    from memometer.engines import default_workers
    from memometer.measures.vl_dejavu.audit import audit_vl_dejavu
    from memometer.progress import notice
    from memometer.training import TrainConfig, train

    workers = default_workers() if workers is None else workers
    records = out / "records"
    notice("1/4  drawing scenes: several objects each, captions that name only some of them")
    _claim(out, {"n": n, "seed": seed})
    if not (records / "records.parquet").is_file():
        make_scenes(records, n=4 * n, seed=seed, workers=workers, overwrite=True)
    split_records(records, {"a": n, "b": n, "public": "rest"}, seed=seed)
    for step, role in enumerate("ab", start=2):
        notice(f"{step}/4  training model {role} on the {n:,} records of role {role}")
        train(
            TrainConfig(
                records=records, role=role, model="demo", batch_size=32, epochs=epochs, seed=seed, out=out / role
            )
        )
    notice("4/4  auditing both ways: does a caption reveal the unmentioned objects of its training image?")
    audit = audit_vl_dejavu(
        target=f"open_clip:{out / 'a'}",
        reference=f"open_clip:{out / 'b'}",
        records=records,
        role="a",
        reference_role="b",
        public=records,
        public_role="public",
        out=out / "run",
        seed=seed,
    )
    show_run(audit, as_json=as_json)


def _claim(out: Path, settings: dict[str, int]) -> None:
    """Keeps what this demo is made of, so that a second run goes on or is free, and another demo is told apart."""
    from memometer.errors import InputError
    from memometer.sealing import read_sealed_json, write_sealed_json

    path = out / "demo.json"
    found = read_sealed_json(path) if path.is_file() else settings
    if found != settings:
        raise InputError(f"{out} holds a demo of {found}, not of {settings}; choose another --out")
    write_sealed_json(path, settings)
