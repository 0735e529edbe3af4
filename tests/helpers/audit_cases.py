"""One small audit of each kind, for what holds of all of them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crop_world import knowing
from crop_world import options as of_crops
from pair_worlds import PairWorld
from tower_world import encoder, records_folder
from worlds import TextWorld, VectorWorld

from memometer import (
    audit_clipmem,
    audit_image_dejavu,
    audit_sslmem,
    audit_unitmem,
    audit_vl_dejavu,
    make_scenes,
    split_records,
)


@dataclasses.dataclass(frozen=True)
class AuditCase:
    """An audit and a world for it.

    Attributes:
        name: of the case.
        audit: the public function.
        world: makes records and models in a folder; gives the function's options.
        change: an option that makes it another audit.
        pictures: whether the report can show images.
    """

    name: str
    audit: Callable[..., Any]
    world: Callable[[Path], dict[str, Any]]
    change: dict[str, Any]
    pictures: bool


def _vl_dejavu(folder):
    return {**VectorWorld(folder / "world", seed=1, plant=0.5).options, "k": 3, "sweep": (1, 7)}


def _vl_dejavu_one_model(folder):
    return {**TextWorld(folder / "world", seed=2, plant=0.5).one_model, "k": 5}


def _image_dejavu(folder):
    scenes = folder / "scenes"
    make_scenes(scenes, n=200, size=40, kind="foreground")
    split_records(scenes, "a=50,b=50,public=rest")
    models = {"target": knowing(scenes, "a"), "reference": knowing(scenes, "b", seed=1)}
    return {**models, "reference_role": "b", **of_crops(scenes)}


def _clipmem(folder):
    world = PairWorld(folder / "world", known=0.5, quality=1.0, n=24, miscaptioned=4, dim=32)
    return {**world.options, "gallery": 3}


def _sslmem(folder):
    records = records_folder(folder / "records", n=42)
    options = {"role": "a", "reference_role": "b", "tower": "both", "draws": 2, "replicates": 50}
    return {"target": encoder(1), "reference": encoder(2), "records": records, **options}


def _unitmem(folder):
    records = records_folder(folder / "records", n=130)
    options = {"role": "a", "control_role": "b", "draws": 1, "replicates": 50}
    return {"target": encoder(1), "records": records, **options}


CASES = (
    AuditCase("vl_dejavu", audit_vl_dejavu, _vl_dejavu, {"k": 4}, pictures=False),
    AuditCase("vl_dejavu_one_model", audit_vl_dejavu, _vl_dejavu_one_model, {"k": 4}, pictures=False),
    AuditCase("image_dejavu", audit_image_dejavu, _image_dejavu, {"k": 5}, pictures=True),
    AuditCase("clipmem", audit_clipmem, _clipmem, {"captions": 2}, pictures=False),
    AuditCase("sslmem", audit_sslmem, _sslmem, {"seed": 1}, pictures=True),
    AuditCase("unitmem", audit_unitmem, _unitmem, {"seed": 1}, pictures=True),
)
