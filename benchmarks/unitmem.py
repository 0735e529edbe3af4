"""UnitMem of records × 10 views, from image files to finished sums, against the bare forward passes on ready tensors.

The two take turns, some records at a time, in batches of the same size. Processor time is what is compared where the
machine is shared: it counts the work of all threads, whatever else runs. The wall clock stands beside it.
"""

import argparse
import dataclasses
import functools
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import torch
from common import Timing, measure, record_section, table
from PIL import Image

from memometer import load_records, make_scenes
from memometer.activations import ViewPlan, open_tower
from memometer.data.augmentation import AUGMENTATIONS
from memometer.encoders.architectures import build_model
from memometer.encoders.open_clip import OpenClipEncoder
from memometer.measures.unitmem.scoring import measure_units, score_units
from memometer.training.models import find_architecture, preprocess_config

DRAWS = 10
PEERS = ("bare", "unitmem")


@dataclasses.dataclass(frozen=True)
class Case:
    """One model and how its views are drawn.

    Attributes:
        records: in all.
        rounds: into which they are cut; the peers take turns in each.
        image_px: side of the stored images.
    """

    model: str
    augment: str
    records: int
    rounds: int
    image_px: int
    batch_size: int


def encoder(name):
    """Random weights: the speed does not depend on them."""
    architecture = find_architecture(name)
    model = build_model(architecture)
    size = model.visual.image_size
    side = size[0] if isinstance(size, tuple) else size
    return OpenClipEncoder(
        model,
        tokenizer=open_clip.SimpleTokenizer(),
        config=architecture.config,
        preprocess_config=preprocess_config(side),
        weights_hash="random",
        spec=name,
        device=torch.device("cpu"),
    )


def run(case, folder):
    """Seconds of the bare passes and of UnitMem, and how many units were scored."""
    if not (folder / "records.parquet").exists():
        make_scenes(folder, n=case.records, size=case.image_px)
    records = load_records(folder)
    model = encoder(case.model)
    reader = open_tower(model, "image", read="units", rectify=True)
    plan = ViewPlan(AUGMENTATIONS[case.augment], draws=DRAWS, seed=0, batch_size=case.batch_size)
    shape = (plan.records_per_batch * DRAWS, *model.preprocess(_gray()).shape)
    ready = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    size = case.records // case.rounds
    parts = [records.take(list(range(turn * size, (turn + 1) * size))) for turn in range(case.rounds)]

    def bare(part):
        for start in range(0, len(part), plan.records_per_batch):
            model.encode_images(ready[: min(plan.records_per_batch, len(part) - start) * DRAWS])

    def unitmem(part):
        nobody = np.full(len(part), -1, np.int64)
        options = {"group_of": nobody, "n_groups": 0, "keep": False, "label": "UnitMem"}
        with tempfile.TemporaryDirectory() as store:
            score_units(measure_units(part, reader, plan, store=Path(store), **options), statistic="mean")

    model.encode_images(ready)
    turns = [[measure(functools.partial(function, part)) for function in (bare, unitmem)] for part in parts]
    return {
        name: Timing(*zip(*seconds, strict=True)) for name, seconds in zip(PEERS, zip(*turns, strict=True), strict=True)
    }, sum(reader.widths)


def _gray():
    return Image.new("RGB", (64, 64), (128, 128, 128))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=10_000, help="for the small model")
    parser.add_argument("--sample", type=int, default=48, help="for ViT-B-32")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cases = (
        Case("small", "ssl", options.records, 20, 64, 320),
        Case("small", "crop", options.records // 10, 5, 64, 320),
        Case("ViT-B-32", "ssl", options.sample, 6, 224, 40),
    )
    rows = []
    for case in cases:
        with tempfile.TemporaryDirectory() as scratch:
            times, units = run(case, Path(scratch) / "records")
        views = case.records * DRAWS
        cpu, wall = ({name: sum(getattr(time, kind)) for name, time in times.items()} for kind in ("cpu", "wall"))
        rows.append(
            (
                f"{case.model}, '{case.augment}' views of {case.image_px} px images",
                f"{case.records:,} × {DRAWS}",
                f"{units:,}",
                *(f"{1e3 * cpu[name] / views:.2f}" for name in PEERS),
                f"{cpu['unitmem'] / cpu['bare']:.2f}",
                f"{wall['unitmem'] / wall['bare']:.2f}",
            )
        )
    header = (
        "model and views",
        "records × views",
        "units",
        "bare, ms per view",
        "UnitMem, ms per view",
        "ratio",
        "ratio, wall",
    )
    record_section(
        "UnitMem",
        f"From tars of JPEGs to the UnitMem of every unit, against the bare forward passes on ready tensors in batches "
        f"of the same size, {options.threads} torch thread(s), in turns. Times and the first ratio are processor time "
        "of all threads, since the machine was shared. Command: `python benchmarks/unitmem.py`.\n\n"
        f"{table(header, rows)}\n\n"
        "Wanted: a ratio of at most 1.2. Of what comes on top of the passes, decoding and drawing cost the same whatever "
        "the model: some 0.06 ms per 'ssl' view at 48 px (timed by themselves), 1.0 ms at 224 px, of which resampling is "
        "half at 48 px and most at 224 px. Hooks and sums cost some 0.05 ms with the small model. Beside a GPU, "
        "worker processes draw the views while the model runs.",
    )


if __name__ == "__main__":
    main()
