"""Engines against one another: two workers to one, two processes to one with two threads, Ray to processes.

Embedding of JPEGs with open_clip ViT-B-32 at 224 px (random weights), decoding included, in turns; and decoding alone,
with an encoder that does next to nothing. Workers have started and loaded the model before the first turn.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # each engine says how many threads there are

import numpy as np
import open_clip
import torch
from common import record_section, table
from embedding import write_shard
from light import Light

from memometer import import_records, load_encoder, load_records
from memometer.embeddings import embed, embed_images
from memometer.engines import Here, default_workers, using
from memometer.engines.pool import take_share
from memometer.engines.processes import Processes
from memometer.engines.ray_engine import Ray

N, SIZE, ROUNDS = 80, 10, 2
WORKERS = 2


class Kept:
    """An engine that stays open from turn to turn."""

    shared = False

    def __init__(self, engine):
        self.engine, self.run = engine, engine.run

    def close(self):
        pass


@contextlib.contextmanager
def cores(n):
    """This process alone on n cores."""
    take_share(cores=n, decoders=0)
    torch.set_num_threads(n)
    try:
        yield
    finally:
        take_share(cores=None, decoders=None)


def main():
    embed.PIECE_SIZE = SIZE
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        (folder / "shards").mkdir()
        write_shard(folder / "shards" / "00000.tar", N)
        torch.save(open_clip.create_model("ViT-B-32").state_dict(), folder / "weights.pt")
        import_records(folder / "shards", folder / "records", workers=default_workers())
        records = load_records(folder / "records")
        clip = load_encoder(f"open_clip:ViT-B-32@{folder / 'weights.pt'}")
        encoders = {"ViT-B-32": clip, "decoding alone": Light(clip.preprocess)}
        ray = Ray(WORKERS)
        processes = Processes(WORKERS)
        stack.callback(ray.close)
        stack.callback(processes.close)
        engines = {
            "here, one core": (Here(), cores(1)),
            "here, two cores": (Here(), cores(2)),
            "processes, two": (Kept(processes), contextlib.nullcontext()),
            "Ray, two": (Kept(ray), contextlib.nullcontext()),
        }
        seconds = {what: {name: [] for name in engines} for what in encoders}
        vectors = {}
        for turn in range(ROUNDS + 1):
            for what, encoder in encoders.items():
                for name, (engine, limits) in engines.items():
                    again = cores(1 if "one" in name else 2) if name.startswith("here") else limits
                    with again, using(engine):
                        start = time.perf_counter()
                        found = embed_images(
                            records, encoder, store=folder / f"{turn} {what} {name}", batch_size=SIZE, label=name
                        )
                        took = time.perf_counter() - start
                    if turn:  # the first turn starts the workers
                        seconds[what][name].append(took)
                    mine = found.embeddings.raw(slice(None))
                    # Products of two threads are summed in another order than those of one.
                    np.testing.assert_allclose(mine, vectors.setdefault(what, mine), atol=1e-4)
    rows = []
    for what, by_engine in seconds.items():
        best = {name: min(each) for name, each in by_engine.items()}
        for name, each in by_engine.items():
            turns = ", ".join(f"{x:.1f}" for x in each)
            rows.append((what, name, f"{N / best[name]:.1f}", f"{best['here, one core'] / best[name]:.2f}", turns))
    record_section(
        "Engines",
        f"{N} JPEGs of 500 × 375 px from a tar shard, pieces and batches of {SIZE}, best of {ROUNDS} turns, all with the "
        "same vectors to 1e-4 (checked). Command: `python benchmarks/engines.py`. Wanted: two processes at least 1.8 times one "
        "core and not slower than one process on two; Ray at least 0.9 of processes.\n\n"
        + table(("what", "engine", "images/s", "to one core", "seconds, in turns"), rows),
        packages=("memometer", "torch", "ray"),
    )


if __name__ == "__main__":
    main()
