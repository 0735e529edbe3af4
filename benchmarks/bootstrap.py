"""The interval of a mean over 1,000,000 continuous scores, 1,000 replicates: `gap_of`, indices, counts of values.

Drawing indices is the plain bootstrap as NumPy has it, counting distinct values what `gap_of` did before. Both are timed
on fewer replicates and scaled. Times are processor time, for the machine may be shared.
"""

import numpy as np
from common import measure, record_section, table, take_turns

from memometer.statistics import gap_of

SIZES, REPLICATES, FEW, REPEATS = (1_000, 100_000, 1_000_000), 1_000, 10, 3


def by_indices(values, replicates):
    rng = np.random.default_rng(0)
    return [values[rng.integers(0, len(values), len(values))].mean() for _ in range(replicates)]


def by_counts(values, replicates):
    distinct, counts = np.unique(values, return_counts=True)
    rng = np.random.default_rng(0)
    chances = counts / len(values)
    return [rng.multinomial(len(values), chances) @ distinct / len(values) for _ in range(replicates)]


def cell(seconds, ours):
    return f"{seconds:.3g} ({seconds / ours:.2g} times)"


def main():
    rows = []
    for n in SIZES:
        rng = np.random.default_rng(n)
        for what, values in {"continuous": rng.normal(size=n), "-1, 0 or 1": rng.integers(-1, 2, n) * 1.0}.items():
            few = REPLICATES if n < 10_000 else FEW
            times = take_turns(
                {
                    "ours": lambda values=values: measure(lambda: gap_of([values], seed=0, name="x")),
                    "indices": lambda values=values, few=few: measure(lambda: by_indices(values, few)),
                    "counts": lambda values=values, few=few: measure(lambda: by_counts(values, few)),
                },
                repeats=REPEATS,
            )
            ours = min(times["ours"].cpu)
            peers = [min(times[name].cpu) * REPLICATES / few for name in ("indices", "counts")]
            rows.append((f"{n:,}", what, f"{ours:.3g}", *(cell(peer, ours) for peer in peers)))
    record_section(
        "Bootstrap",
        f"Value, interval and spread of a mean, {REPLICATES:,} replicates, one thread: processor seconds, the best of {REPEATS} "
        f"turns; peers draw {FEW} replicates of the larger sets, scaled. Command: `python benchmarks/bootstrap.py`.\n\n"
        + table(("records", "scores", "`gap_of`", "drawing indices", "counting distinct values"), rows)
        + "\n\nWanted: under 5 s for 1,000,000 continuous scores, and no more than drawing indices takes.",
        packages=("memometer", "numpy", "numba"),
    )


if __name__ == "__main__":
    main()
