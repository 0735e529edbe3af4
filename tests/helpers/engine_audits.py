"""Audits whose stages are several pieces each, for the engines: what they leave on disk is compared to the byte."""

from pathlib import Path

from crop_world import knowing
from crop_world import options as of_crops
from file_digests import file_digests
from tower_world import encoder, records_folder

from memometer import audit_image_dejavu, audit_sslmem, audit_vl_dejavu, make_scenes, pieces, split_records
from memometer.embeddings import embed
from memometer.measures.image_dejavu import vectors
from memometer.measures.sslmem import scoring
from memometer.measures.vl_dejavu import scoring as vl_scoring
from memometer.neighbors import kept

MEASURES = ("vl-dejavu", "image-dejavu", "sslmem")


def small_pieces(monkeypatch, size):
    """Cuts all stages to pieces of so many records."""
    for module in (pieces, embed, vectors, scoring):
        monkeypatch.setattr(module, "PIECE_SIZE", size)
    for module, name in ((kept, "LEAST_LOT"), (kept, "MOST_LOT"), (vl_scoring, "LOT")):
        monkeypatch.setattr(module, name, size)


def world(measure, folder):
    """Records on disk for an audit."""
    folder = Path(folder)
    if measure == "sslmem":
        records_folder(folder, n=24)
    elif measure == "image-dejavu":
        make_scenes(folder, n=60, size=40, kind="foreground")
        split_records(folder, "a=20,b=20,public=rest")
    else:
        make_scenes(folder, n=60, size=32)
        split_records(folder, "a=20,b=20,public=rest")


def audited(measure, folder, **more):
    """The audit of a `world`; ``more`` says where and how it runs."""
    if measure == "sslmem":
        tower = {"role": "a", "reference_role": "b", "tower": "both", "replicates": 20, "gallery": 3, "draws": 2}
        return audit_sslmem(target=encoder(1), reference=encoder(9), records=folder, batch_size=4, **tower, **more)
    if measure == "image-dejavu":
        models = {"target": knowing(folder, "a"), "reference": knowing(folder, "b", seed=1)}
        return audit_image_dejavu(**models, **of_crops(folder, reference_role="b", batch_size=4, **more))
    sides = {"records": folder, "role": "a", "reference_role": "b", "public": folder, "public_role": "public"}
    small = {"k": 4, "replicates": 20, "gallery": 3, "batch_size": 4}
    return audit_vl_dejavu(target=encoder(1), reference=encoder(9), **sides, **small, **more)


def left_behind(folder):
    """What is on disk of a run or a store, but for what says when and by whom it was made, and what kills left half."""
    told = ("manifest.json", "shards/")
    found = file_digests(folder).items()
    return {name: digest for name, digest in found if not name.startswith(told) and not name.endswith(".tmp")}
