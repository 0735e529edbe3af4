"""Tiny models and records for tests of encoders and training; the vocabulary alone keeps open_clip's size."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from memometer.data.records import RECORD_SCHEMA
from memometer.encoders.architectures import Architecture, build_tokenizer
from memometer.encoders.open_clip import OpenClipEncoder
from memometer.training.models import preprocess_config

VISION = {"image_size": 32, "patch_size": 16, "width": 32, "layers": 1, "head_width": 16}
TEXT = {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}


def tiny_architecture(**changes):
    """A model of 1.6 million parameters, nearly all of them token embeddings."""
    config = {"embed_dim": 16, "vision_cfg": dict(VISION), "text_cfg": dict(TEXT), **changes}
    return Architecture(name="tiny", config=config)


def clip_encoder(model, architecture, **options):
    """A model of an architecture as an encoder."""
    return OpenClipEncoder(
        model,
        tokenizer=build_tokenizer(architecture),
        config=architecture.config,
        preprocess_config=preprocess_config(32),
        device=torch.device("cpu"),
        **{"weights_hash": "0", "spec": "tiny", **options},
    )


def noise_image(seed, *, mode="RGB", size=(40, 36)):
    """A picture of smooth noise, of any mode."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 4), dtype=np.uint8), "RGBA" if mode == "RGBA" else None)
    return coarse.convert("RGB").resize(size).convert(mode) if mode != "RGBA" else coarse.resize(size)


def write_records(folder, *, n, roles=("a",)):
    """``n`` records with a picture file and two captions each; roles are dealt out in turn."""
    (folder / "images").mkdir(parents=True)
    words = ["dog", "cat", "horse", "boat", "tree", "kite", "lamp", "drum", "frog", "rose"]
    rows = []
    for index in range(n):
        path = folder / "images" / f"{index:04d}.png"
        noise_image(index).save(path)
        first, second = words[index % 10], words[index // 10 % 10]
        captions = [f"a {first} beside a {second}", f"picture {index} of a {second}"]
        row = {"record_id": f"r{index:04d}", "image_path": f"images/{path.name}", "captions": captions}
        rows.append({**row, "objects": [first, second], "role": roles[index % len(roles)]})
    pq.write_table(pa.Table.from_pylist(rows, schema=RECORD_SCHEMA), folder / "records.parquet")
    return folder


def rewritten(records, folder, change):
    """A copy of records whose rows ``change`` alters in place; their pictures stay where they are."""
    table = pq.read_table(records / "records.parquet")
    rows = table.to_pylist()
    for row in rows:
        row["image_path"] = str(records / row["image_path"])
    change(rows)
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / "records.parquet")
    return folder
