"""Exact search against faiss ``IndexFlatIP`` and against the bare float32 product: few queries and many, k small and large.

    python benchmarks/search.py

Each peer has a process of its own, since faiss brings an OpenMP beside torch's; they hold the same vectors and take
turns. faiss runs twice: as it installs, and tuned. Tuned, its OpenBLAS is told to use AVX-512 or AVX2, since the one in
its wheel is older than recent processors and falls back to SSE3 on them; and for small batches it takes the faster of its
two ways, with its BLAS or without. Ratios are to the faster of the two, of medians of processor time: what else runs on the
machine disturbs it less than wall time. Neighbours are compared by their float64 similarities: faiss ranks by float32
products and orders as it likes those that float32 does not tell apart.
"""

import argparse
import multiprocessing
import os
import statistics
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
    for n in (1, 256):  # compiles, and finds out which products are the fastest
        search(queries[:n], bank, 10)
    return lambda n, k: search(queries[:n], bank, k).rows


def faiss_flat(queries, bank, threads):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(bank.shape[1])
    index.add(bank)
    index.search(queries[:256], 10)
    return lambda n, k: index.search(queries[:n], k)[1]


def tuned_faiss_flat(queries, bank, threads):
    import faiss

    run = faiss_flat(queries, bank, threads)
    best = {}

    def tuned(n, k):
        if n not in best:  # fewer queries than the threshold are compared one by one
            thresholds = (1, 1 << 20) if n < SMALL_BATCH else (20,)
            seconds = {}
            for threshold in thresholds:
                faiss.cvar.distance_compute_blas_threshold = threshold
                seconds[threshold] = min(common.measure(lambda: run(n, k))[1] for _ in range(2))
            best[n] = min(seconds, key=seconds.get)
        faiss.cvar.distance_compute_blas_threshold = best[n]
        return run(n, k)

    return tuned


def product(queries, bank, threads):
    import torch

    torch.set_num_threads(threads)
    left, right = torch.from_numpy(queries), torch.from_numpy(bank)
    scores = torch.empty(len(left), len(right))

    def run(n, _k):
        torch.mm(left[:n], right.T, out=scores[:n])

    run(len(left), 0)  # touches the memory of the scores
    return run


SMALL_BATCH = 64

PEERS = {
    "memometer": ours,
    "faiss IndexFlatIP": faiss_flat,
    "faiss IndexFlatIP, tuned": tuned_faiss_flat,
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
    """Runs one peer for every n and k that come through the connection; answers with seconds and rows."""
    run = PEERS[name](*load_vectors(folder), threads)
    connection.send("ready")
    while (asked := connection.recv()) is not None:
        run(*asked[:2]) if asked[2] else None  # a run that is not timed
        found = []
        seconds = common.measure(lambda asked=asked, found=found: found.append(run(*asked[:2])))
        if name == "memometer":
            from memometer.neighbors import products_used

            connection.send((seconds, found[0], products_used()))
        else:
            connection.send((seconds, found[0], None))


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
        self.used = None

    def run(self, n, k):
        self.connection.send((n, k, (n, k) not in self.rows))
        seconds, self.rows[n, k], self.used = self.connection.recv()
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
    parser.add_argument("--queries", type=int, nargs="+", default=[1, 16, 256, 4096])
    parser.add_argument("--bank", type=int, default=200_000)
    parser.add_argument("--dim", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--k", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-write", action="store_true", help="print, and leave RESULTS.md as it is")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

    rows, notes, used = [], [], set()
    for dim in options.dim:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_unit_vectors(folder / "queries.npy", seed=1, rows=max(256, *options.queries), dim=dim)
            write_unit_vectors(folder / "bank.npy", seed=2, rows=options.bank, dim=dim)
            compete(options, dim, folder, rows, notes, used)
    text = text_of(options, rows, notes, used)
    print(text)
    if not options.no_write:
        common.record_section("Exact search", text, packages=["memometer", "torch", "numba", "numpy", "faiss-cpu"])


def compete(options, dim, folder, rows, notes, used):  # noqa: PLR0917
    """Times the peers at one width and compares their neighbours."""
    peers = {name: Peer(name, folder, options.threads) for name in PEERS}
    queries, bank = load_vectors(folder)
    differ, gap, places = 0, 0.0, 0
    for n in options.queries:
        for k in options.k:
            runs = {name: (lambda peer=peer, n=n, k=k: peer.run(n, k)) for name, peer in peers.items()}
            timings = common.take_turns(runs, repeats=options.repeats)
            medians = {name: statistics.median(timing.cpu) for name, timing in timings.items()}
            faiss = min(median for name, median in medians.items() if name.startswith("faiss"))
            cells = [milliseconds(timing.cpu) for timing in timings.values()]
            rows.append([dim, n, k, *cells, f"{faiss / medians['memometer']:.2f}"])
            print(*rows[-1], flush=True)
            some = compare(queries[:n], bank, peers["memometer"].rows[n, k], peers["faiss IndexFlatIP"].rows[n, k])
            differ, gap, places = differ + some[0], max(gap, some[1]), places + n * k
    used.update(peers["memometer"].used)
    if gap > 2 * dim * 2.0**-24:
        raise SystemExit(f"memometer and faiss disagree by {gap:.1e} in similarity")
    note = f"d = {dim}: {places - differ:,} of {places:,} neighbours are faiss's, place by place"
    close = f"; in the others the similarities differ by at most {gap:.1e}, which float32 does not tell apart"
    notes.append(note + (close if differ else "") + ".")
    for peer in peers.values():
        peer.close()


def milliseconds(seconds):
    """Median, and the range, in milliseconds."""
    some = [1000 * each for each in (statistics.median(seconds), min(seconds), max(seconds))]
    return "{:,.0f} ({:,.0f} to {:,.0f})".format(*some)


def text_of(options, rows, notes, used):
    """The section of the results."""
    header = ["d", "queries", "k", *(f"{name}, ms" for name in PEERS), "speed / faiss"]
    return (
        f"`benchmarks/search.py`: a bank of {options.bank:,}, {options.threads} thread(s), {options.repeats} turns each: "
        "processor time, median (best to worst). The ratio is of medians, to the faster faiss. Products that memometer "
        f"chose: {', '.join(sorted(used))}. faiss is tuned by telling its OpenBLAS the processor's vector instructions "
        "(`OPENBLAS_CORETYPE`), and by the faster of its two ways for small batches.\n\n"
        f"{common.table(header, rows)}\n\n" + "\n".join(f"- {note}" for note in notes)
    )


if __name__ == "__main__":
    main()
