"""Images per second of the whole pipeline from tars, against the bare forward pass on ready tensors.

open_clip ViT-B-32 at 224 px (random weights: the speed does not depend on them), JPEGs of about 500 × 375 px in tar
shards, both on all cores. The two are interleaved, and each is the best of its rounds, since machines are noisy.
"""

import io
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import open_clip
import torch
from common import record_section
from photographs import JPEG_QUALITY, photograph

from memometer import import_records, load_encoder, load_records
from memometer.embeddings import embed_images
from memometer.engines import default_workers

N, ROUNDS, BATCH = 256, 2, 64


def write_shard(path, n):
    """Photograph-like JPEGs and captions."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w") as tar:
        for row in range(n):
            buffer = io.BytesIO()
            photograph(rng).save(buffer, "JPEG", quality=JPEG_QUALITY)
            for name, data in ((f"{row:05d}.jpg", buffer.getvalue()), (f"{row:05d}.txt", b"a picture")):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "shards").mkdir()
        write_shard(folder / "shards" / "00000.tar", N)
        torch.save(open_clip.create_model("ViT-B-32").state_dict(), folder / "weights.pt")
        encoder = load_encoder(f"open_clip:ViT-B-32@{folder / 'weights.pt'}")
        import_records(folder / "shards", folder / "records", workers=default_workers())
        records = load_records(folder / "records")
        ready = np.random.default_rng(0).integers(0, 256, (BATCH, 3, 224, 224), dtype=np.uint8)
        encoder.encode_images(ready)
        bare, whole = [], []
        for turn in range(ROUNDS):
            start = time.perf_counter()
            for _ in range(N // BATCH):
                encoder.encode_images(ready)
            bare.append(N / (time.perf_counter() - start))
            start = time.perf_counter()
            embed_images(records, encoder, store=folder / str(turn), batch_size=BATCH)
            whole.append(N / (time.perf_counter() - start))
    record_section(
        "Embedding",
        f"open_clip ViT-B-32, 224 px, batches of {BATCH}, {N} JPEGs of 500 × 375 px from a tar shard, best of {ROUNDS} "
        "interleaved rounds. Command: `python benchmarks/embedding.py`.\n\n"
        "| what | images/s | ratio |\n|---|---|---|\n"
        f"| bare forward pass on ready tensors | {max(bare):.1f} | 1 |\n"
        f"| the whole pipeline: read, decode, resize, forward, store | {max(whole):.1f} | {max(whole) / max(bare):.2f} |\n\n"
        f"Rounds: bare {', '.join(f'{x:.1f}' for x in bare)}; pipeline {', '.join(f'{x:.1f}' for x in whole)} decoding "
        "in the same process, the default on a CPU. Wanted: a ratio of at least 0.90.",
    )


if __name__ == "__main__":
    main()
