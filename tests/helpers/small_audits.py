"""One small audit of each measure in a folder of its own: what it finds is of no account, how it is told is."""

from crop_world import knowing
from crop_world import options as of_crops
from pair_worlds import PairWorld
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

TOWERS = {"role": "a", "tower": "both", "replicates": 100, "gallery": 3, "draws": 2}
BOTH_WAYS = {
    "vl-dejavu": {},
    "clipmem": {},
    "sslmem": {"reference_role": "b"},
    "unitmem": {"control_role": "b"},
    "image-dejavu": {"reference_role": "b"},
}


def small_audit(measure, place, *, change=lambda _: None, n=90, plant=0.6, **more):
    """An audit of one direction, or of both with the options of `BOTH_WAYS`; ``change`` is called with the records."""
    if measure == "vl-dejavu":
        world = VectorWorld(place, n=n, plant=plant)
        change(place / "records")
        return audit_vl_dejavu(**{**world.options, "k": 4, "gallery": 3, "images": False, **more})
    if measure == "clipmem":
        world = PairWorld(place, known=0.4, n=n)
        change(place / "records")
        return audit_clipmem(**{**world.options, **more})
    if measure == "image-dejavu":
        make_scenes(place, n=260, size=40, kind="foreground")
        split_records(place, "a=90,b=90,public=rest")
        change(place)
        models = {"target": knowing(place, "a"), "reference": knowing(place, "b", seed=1)}
        return audit_image_dejavu(**models, **of_crops(place, **more))
    records = records_folder(place, n=2 * n)
    change(records)
    if measure == "sslmem":
        return audit_sslmem(target=encoder(1), reference=encoder(9), records=records, **TOWERS, **more)
    return audit_unitmem(target=encoder(1), records=records, **TOWERS, **more)
