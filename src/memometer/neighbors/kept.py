"""A search whose answer is kept on disk for the next run."""

from memometer.arrays import read_arrays, write_arrays
from memometer.neighbors.metrics import MetricName
from memometer.neighbors.result import Neighbors
from memometer.neighbors.search import search
from memometer.neighbors.tiles import VectorSource
from memometer.progress import progress_bar
from memometer.storage.paths import AnyPath

__all__ = ["kept_search"]


def kept_search(
    path: AnyPath,
    queries: VectorSource,
    bank: VectorSource,
    k: int,
    *,
    metric: MetricName = "inner",
    device: str,
    label: str,
    unit: str,
) -> Neighbors:
    """`search` with a progress bar, or its answer in ``path``, whose name stands for everything that is asked."""
    if stored := read_arrays(path, ("rows", "similarities")):
        return Neighbors(stored["rows"], stored["similarities"])
    with progress_bar(f"searching, {label}", total=queries.shape[0], unit=unit) as advance:
        found = search(queries, bank, k, metric=metric, device=device, progress=advance)
    write_arrays(path, {"rows": found.rows, "similarities": found.similarities})
    return found
