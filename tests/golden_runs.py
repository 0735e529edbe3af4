"""One small audit of each kind, whose numbers are kept in ``tests/golden``.

``python tests/golden_runs.py FOLDER`` writes their run folders: those of two versions, made on one machine, are the
same bytes but for ``manifest.json``, which holds times. With ``--keep`` it rewrites ``tests/golden``: on purpose only.
"""

import contextlib
import json
import sys
from pathlib import Path

from crop_world import knowing
from crop_world import options as of_crops
from pair_worlds import PairWorld
from test_audits_vl_dejavu_one_model import TextWorld
from tower_world import encoder, records_folder
from worlds import VectorWorld

from memometer import (
    audit_clipmem,
    audit_image_dejavu,
    audit_sslmem,
    audit_unitmem,
    audit_vl_dejavu,
    make_scenes,
    split_records,
)

KEPT = Path(__file__).parent / "golden"
RUN = Path("run")


def vl_dejavu():
    world = VectorWorld(Path("world"), seed=1, plant=0.5)
    return audit_vl_dejavu(**world.options, k=3, sweep=(1, 7), out=RUN)


def vl_dejavu_one_model():
    world = TextWorld(Path("world"), seed=2, plant=0.5)
    return audit_vl_dejavu(**world.one_model, k=5, out=RUN)


def image_dejavu():
    scenes = Path("scenes")
    make_scenes(scenes, n=200, size=40, kind="foreground")
    split_records(scenes, "a=50,b=50,public=rest")
    models = {"target": knowing(scenes, "a"), "reference": knowing(scenes, "b", seed=1)}
    return audit_image_dejavu(**models, reference_role="b", **of_crops(scenes), out=RUN)


def clipmem():
    world = PairWorld(Path("world"), known=0.5, quality=1.0, n=24, miscaptioned=4, dim=32)
    return audit_clipmem(**world.options, out=RUN, gallery=3)


def sslmem():
    records = records_folder(Path("records"), n=42)
    models = {"target": encoder(1), "reference": encoder(2)}
    return audit_sslmem(
        **models, records=records, role="a", reference_role="b", tower="both", draws=2, replicates=50, out=RUN
    )


def unitmem():
    records = records_folder(Path("records"), n=130)
    return audit_unitmem(
        target=encoder(1), records=records, role="a", control_role="b", draws=1, replicates=50, out=RUN
    )


KINDS = (vl_dejavu, vl_dejavu_one_model, image_dejavu, clipmem, sslmem, unitmem)


def made(kind, folder):
    """What an audit in ``folder`` gives, as JSON has it: its key, config, summary, and the rows of its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):  # the key holds the paths as they were given
        audit = kind()
    tables = {"samples": audit.samples, "gallery": audit.gallery, "rejects": audit.rejects, **audit.tables}
    rows = {name: table.to_pylist() for name, table in tables.items()}
    found = {"key": audit.manifest["key"], "config": audit.config, "summary": audit.summary, "tables": rows}
    return json.loads(json.dumps(found, default=lambda picture: f"{type(picture).__name__} of a picture"))


if __name__ == "__main__":
    for each in KINDS:
        what = made(each, Path(sys.argv[1]) / each.__name__)
        if "--keep" in sys.argv:
            KEPT.mkdir(exist_ok=True)
            text = json.dumps(what, ensure_ascii=False, separators=(",", ":"))
            (KEPT / f"{each.__name__}.json").write_text(f"{text}\n")
