"""Everything that waits for a GPU, in one run: what it cannot finish in its time it leaves out, and says so.

    python benchmarks/gpu.py --shards FOLDER    # make gpu; FOLDER of Flickr8k's shards for the study
    python benchmarks/gpu.py --tiny             # the same on a CPU, in triton's interpreter: a test of this script

The stages, each after the other: the tests that need a CUDA device; the search beside the bfloat16 product alone;
training beside open_clip's loop; the cells of studies/mitigation_vit.toml that are missing. Results are printed and
written to a JSON file that names the hardware.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import common
import numpy as np

ROOT = Path(__file__).parents[1]
WANTED = 0.6
"""Of the speed of the bfloat16 product alone."""


def run(command, *, seconds):
    """The last lines that a command printed; an error where it failed or ran out of time."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout.strip().splitlines()[-5:]


def tests(_, seconds):
    chosen = ["tests/test_cuda.py", "tests/neighbors/test_neighbors_inputs.py", "-k", "cuda"]
    return {"said": run(["-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen], seconds=seconds)}


def search(options, _):
    """Seconds of a search and of the product alone, in turns, and its neighbours against the oracle on some queries."""
    import torch

    from memometer.neighbors import search_oracle
    from memometer.neighbors.fused import FusedProducts
    from memometer.neighbors.plan import Plan, plan_for
    from memometer.neighbors.search import search_by

    n, dim, k = (200, 64, 10) if options.tiny else (1_000_000, 512, 10)
    generator = np.random.default_rng(0)
    queries, bank = (generator.standard_normal((n, dim), dtype=np.float32) for _ in range(2))
    device = torch.device("cpu" if options.tiny else "cuda")
    how = Plan(128, 64, n, 1, FusedProducts(device)) if options.tiny else plan_for("cuda", n=n, m=n, dim=dim, k=k)
    left, right = (torch.from_numpy(side).to(device).bfloat16() for side in (queries, bank))
    scores = torch.empty(how.block_rows, how.tile_rows, dtype=torch.bfloat16, device=device)
    found = []

    def product():
        for row in range(0, n, how.block_rows):
            for column in range(0, n, how.tile_rows):
                some, others = left[row : row + how.block_rows], right[column : column + how.tile_rows]
                torch.mm(some, others.T, out=scores.view(-1)[: len(some) * len(others)].view(len(some), len(others)))
        if device.type == "cuda":
            torch.cuda.synchronize()

    def searching():
        found[:] = [search_by(how, queries, bank, k)]

    runs = {"search": lambda: common.measure(searching), "product": lambda: common.measure(product)}
    common.take_turns(runs, repeats=1)  # compiles
    timings = common.take_turns(runs, repeats=1 if options.tiny else 3)
    some = np.linspace(0, n - 1, 20).astype(int)
    expected = search_oracle(queries[some], bank, k)
    if not np.array_equal(found[0].rows[some], expected.rows):
        raise RuntimeError("the search and its oracle disagree")
    ratio = timings["product"].median / timings["search"].median
    return {
        "queries": n,
        "bank": n,
        "dim": dim,
        "k": k,
        "products": how.products.name,
        "seconds": {name: timing.wall for name, timing in timings.items()},
        "speed_over_the_product_alone": ratio,
        "wanted": WANTED,
    }


def training(options, seconds):
    file = options.out.with_suffix(".training.json")
    size = ["--model", "tiny", "--n", 32, "--batch-size", 16, "--epochs", 3, "--warm-up", 1, "--rounds", 1]
    if not options.tiny:
        size = ["--device", "cuda", "--model", "ViT-B-32", "--precision", "bf16", "--n", 4096, "--batch-size", 512]
        size += ["--epochs", 4, "--warm-up", 1, "--rounds", 1]
    some = ["--only", "flip 0.5", "--json", file, "--no-record"]
    run(["benchmarks/training.py", *size, *some], seconds=seconds)
    return json.loads(file.read_text(encoding="utf-8"))


def study(options, seconds):
    if options.tiny or options.shards is None:
        return {"said": ["left out: it takes --shards, and a GPU"]}
    began = time.monotonic()
    run(["studies/mitigation.py", "--shards", options.shards, "--prepare", "--model", "vit"], seconds=seconds)
    out = ROOT / "build" / "mitigation" / "sweep-vit"
    command = ["-m", "memometer", "sweep", "studies/mitigation_vit.toml", "--out", out, "--device", "cuda"]
    return {"said": run(command, seconds=seconds - (time.monotonic() - began))}


STAGES = {"tests": tests, "search": search, "training": training, "study": study}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="on a CPU, at a size that only shows that the script runs")
    parser.add_argument("--shards", type=Path, help="folder of Flickr8k's tar shards, for the study")
    parser.add_argument("--seconds", type=float, default=840, help="for all stages together")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu.json")
    options = parser.parse_args()
    options.out = options.out.resolve()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.tiny:
        os.environ["TRITON_INTERPRET"] = "1"
    import torch

    if not options.tiny and not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device here; pass --tiny to see whether the script runs")
    hardware = "cpu" if options.tiny else torch.cuda.get_device_name()
    found = {
        "hardware": hardware,
        "machine": common.machine(),
        "versions": common.versions(("memometer", "torch", "numpy")),
        "stages": {},
    }
    ends = time.monotonic() + options.seconds
    for name in options.stages:
        began = time.monotonic()
        try:
            result = {"ok": True, **STAGES[name](options, max(ends - began, 1))}
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            result = {"ok": False, "error": str(error)}
        found["stages"][name] = {**result, "took_seconds": round(time.monotonic() - began, 1)}
        options.out.write_text(json.dumps(found, indent=2), encoding="utf-8")
        print(name, json.dumps(found["stages"][name], indent=2), flush=True)
    print(f"{hardware}: {options.out}")
    return int(not all(stage["ok"] for stage in found["stages"].values()))


if __name__ == "__main__":
    sys.exit(main())
