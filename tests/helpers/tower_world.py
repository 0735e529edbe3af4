"""Tiny models and records for the audits of single towers, and their numbers by brute force."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from model_factory import TEXT, clip_encoder, tiny_architecture, write_records

from memometer.activations import open_tower
from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.images import open_image
from memometer.data.records import load_records
from memometer.encoders.architectures import build_model
from memometer.encoders.views import draw_views
from memometer.seeds import rng_for

VISION = {"image_size": 32, "patch_size": 16, "width": 32, "head_width": 16}


def encoder(seed, *, layers=2, change=None):
    """A tiny CLIP with fresh weights that make its activations differ from record to record.

    Args:
        seed: of the weights.
        layers: blocks of each tower.
        change: called with the model, to plant something in it.
    """
    torch.manual_seed(seed)
    architecture = tiny_architecture(vision_cfg={**VISION, "layers": layers}, text_cfg={**TEXT, "layers": layers})
    model = build_model(architecture).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "mlp.c_fc" in name or "token_embedding" in name or "conv1" in name:
                weights.mul_(8)
        if change is not None:
            change(model)
    return clip_encoder(
        model, architecture, weights_hash=f"seed {seed}, {layers} layers, {change}", spec=f"tiny {seed}"
    )


def records_folder(folder, *, n=14, roles=("a", "b")):
    """Records with a picture and two captions each."""
    return write_records(folder, n=n, roles=roles)


def change_column(folder, name, change):
    """Replaces the values of a column of the records by what ``change`` makes of their list."""
    path = Path(folder) / "records.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index(name)
    values = change(table[name].to_pylist())
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(values, table[name].type)), path)


class KilledError(Exception):
    """Stands for a kill."""


class StopsAfter:
    """An encoder that is killed at one of its forward passes over records; the probe is none."""

    def __init__(self, inner, *, images):
        self._inner = inner
        self._left = images + 1

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def encode_images(self, pixels):
        self._left -= 1
        if self._left < 0:
            raise KilledError
        return self._inner.encode_images(pixels)


class Counts:
    """An encoder that counts the views it is given."""

    def __init__(self, inner):
        self._inner = inner
        self.views = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def encode_images(self, pixels):
        self.views += len(pixels)
        return self._inner.encode_images(pixels)


def views_by_hand(model, folder, role, *, tower, read, draws, seed=0, augment="ssl", rectify=False):
    """(record id → list over layers of (views, width)): each view by itself, in a plain loop."""
    records = load_records(folder, role=role)
    reader = open_tower(model, tower, read=read, rectify=rectify)
    result = {}
    for row, ref in enumerate(records.image_refs()):
        name = records.record_ids[row].as_py()
        if tower == "image":
            options = {"preprocess": model.preprocess, "augmentation": AUGMENTATIONS[augment]}
            image, rng = open_image(ref), rng_for(seed, "views", name)
            parts = [reader.images(draw_views(image, **options, draws=1, rng=rng)) for _ in range(draws)]
        else:
            texts = list(dict.fromkeys(records.column("captions")[row].as_py()))[:draws]
            parts = [reader.texts([text]) for text in texts]
        result[name] = [np.concatenate(layer) for layer in zip(*parts, strict=True)]
    return result
