"""Exact search against faiss ``IndexFlatIP`` and against the bare float32 matrix product.

    python benchmarks/search.py

Each peer has a process of its own, since faiss brings an OpenMP beside torch's; they hold the same vectors and take
turns. faiss runs twice: as it installs, and with its OpenBLAS told to use AVX-512 or AVX2, since the one in its wheel is
older than recent processors and falls back to SSE3 on them. Ratios are to the faster of the two. Neighbours are compared by their float64 similarities: faiss ranks by float32 products and orders as it likes
those that float32 does not tell apart.
"""

import argparse
import multiprocessing
import os
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import common
import numpy as np


def write_unit_vectors(path: Path, *, seed: int, rows: int, dim: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(path, vectors)


def load_vectors(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Queries and bank, mapped, so that all processes share one copy; copy-on-write, since torch wants no less."""
    return np.load(folder / "queries.npy", mmap_mode="c"), np.load(folder / "bank.npy", mmap_mode="c")


def ours(queries, bank, threads):
    import torch

    from memometer.neighbors import search

    torch.set_num_threads(threads)
    search(queries[:256], bank, 10)  # compiles, and finds out which products are the fastest
    return lambda k: search(queries, bank, k).rows


def faiss_flat(queries, bank, threads):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(bank.shape[1])
    index.add(bank)
    index.search(queries[:256], 10)
    return lambda k: index.search(queries, k)[1]


def product(queries, bank, threads):
    import torch

    torch.set_num_threads(threads)
    left, right = torch.from_numpy(queries), torch.from_numpy(bank)
    scores = torch.empty(len(left), len(right))

    def run(_k):
        torch.mm(left, right.T, out=scores)

    run(0)  # touches the memory of the scores
    return run


PEERS = {
    "memometer": ours,
    "faiss IndexFlatIP": faiss_flat,
    "faiss IndexFlatIP, tuned": faiss_flat,
    "bare float32 product": product,
}


def environment(name: str) -> dict[str, str]:
    """What the peer's process finds in its environment."""
    if not name.endswith("tuned"):
        return {}
    flags = common.processor_flags()
    core = "SkylakeX" if "avx512f" in flags else "Haswell" if "avx2" in flags else None
    return {"OPENBLAS_CORETYPE": core} if core else {}


def serve(connection: Connection, name: str, folder: Path, threads: int) -> None:
    """Runs one peer for every k that comes through the connection; answers with seconds and rows."""
    run = PEERS[name](*load_vectors(folder), threads)
    connection.send("ready")
    while (k := connection.recv()) is not None:
        found = []
        seconds = common.measure(lambda k=k, found=found: found.append(run(k)))
        connection.send((seconds, found[0]))


class Peer:
    """A peer in a process of its own."""

    def __init__(self, name, folder, threads):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, name, folder, threads), daemon=True)
        os.environ.update(environment(name))
        self.process.start()
        for variable in environment(name):
            del os.environ[variable]
        self.connection.recv()
        self.rows = {}

    def run(self, k):
        self.connection.send(k)
        seconds, self.rows[k] = self.connection.recv()
        return seconds

    def close(self):
        self.connection.send(None)
        self.process.join()


def compare(queries, bank, rows, faiss_rows):
    """How many places hold another row than faiss's, and the largest difference of similarity there."""
    where = np.argwhere(rows != faiss_rows)
    gap = 0.0
    for query, place in where:
        pair = bank[[rows[query, place], faiss_rows[query, place]]].astype(np.float64)
        gap = max(gap, abs(float(np.subtract(*(pair @ queries[query].astype(np.float64))))))
    return len(where), gap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=4096)
    parser.add_argument("--bank", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--k", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-write", action="store_true", help="print, and leave RESULTS.md as it is")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_unit_vectors(folder / "queries.npy", seed=1, rows=options.queries, dim=options.dim)
        write_unit_vectors(folder / "bank.npy", seed=2, rows=options.bank, dim=options.dim)
        text = compete(options, folder)
    print(text)
    if not options.no_write:
        common.record_section("Exact search", text, packages=["memometer", "torch", "numba", "numpy", "faiss-cpu"])


def compete(options: argparse.Namespace, folder: Path) -> str:
    """Times the peers and compares their neighbours; gives the text of the section."""
    peers = {name: Peer(name, folder, options.threads) for name in PEERS}
    queries, bank = load_vectors(folder)
    rows, notes = [], []
    for k in options.k:
        runs = {name: (lambda peer=peer, k=k: peer.run(k)) for name, peer in peers.items()}
        timings = common.take_turns(runs, repeats=options.repeats)
        faiss = min(timing.median for name, timing in timings.items() if name.startswith("faiss"))
        floor = timings["bare float32 product"].median
        for name, timing in timings.items():
            ratios = [f"{faiss / timing.median:.2f}", f"{timing.median / floor:.2f}"]
            rows.append([k, name, timing, f"{min(timing.cpu):.2f} s", *ratios])
        differ, gap = compare(queries, bank, peers["memometer"].rows[k], peers["faiss IndexFlatIP"].rows[k])
        if gap > 2 * options.dim * 2.0**-24:
            raise SystemExit(f"k = {k}: memometer and faiss disagree by {gap:.1e} in similarity")
        places = options.queries * k
        note = f"k = {k}: {places - differ:,} of {places:,} neighbours are faiss's, place by place"
        close = f"; in the others the similarities differ by at most {gap:.1e}, which float32 does not tell apart"
        notes.append(note + (close if differ else "") + ".")
    for peer in peers.values():
        peer.close()

    header = ["k", "peer", "wall: median (best to worst)", "processor time, best", "speed / faiss", "time / floor"]
    return (
        f"`benchmarks/search.py`: {options.queries:,} queries × {options.bank:,} × {options.dim}, "
        f"{options.threads} threads, {options.repeats} turns each. "
        "Ratios are of medians: speed to that of the faster faiss, time to the bare product. "
        "faiss is tuned by telling its OpenBLAS the processor's vector instructions (`OPENBLAS_CORETYPE`).\n\n"
        f"{common.table(header, rows)}\n\n" + "\n".join(f"- {note}" for note in notes)
    )


if __name__ == "__main__":
    main()
