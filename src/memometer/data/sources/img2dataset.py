"""What img2dataset says of the images that it fetched, in the Parquet that it leaves beside every shard."""

from collections import Counter
from collections.abc import Collection, Iterator

import pyarrow as pa

from memometer.data.images import parquet_file
from memometer.data.sources.base import Aside

__all__ = ["COLUMNS", "SUCCESS", "failure", "fetched", "table_of"]

COLUMNS = frozenset({"key", "url", "status"})
"""Of its tables, and together of no others."""

SUCCESS = "success"
LOST = "img2dataset: success, and not in its shard"


def table_of(shard: str) -> str | None:
    """img2dataset's table of a tar, or of a folder of images; None where there is none that can be read."""
    path = f"{shard.removesuffix('.tar')}.parquet"
    try:
        return path if set(parquet_file(path).schema_arrow.names) >= COLUMNS else None
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return None


def fetched(shard: str, keys: Collection[str]) -> Iterator[Aside]:
    """What a shard lacks by its table: images that were not fetched, by status, and those that were and are not there.

    Args:
        shard: a tar, or the path of a folder.
        keys: of the samples that are there.
    """
    path = table_of(shard)
    if path is None:
        return
    counts: Counter[str] = Counter()
    try:
        for batch in parquet_file(path).iter_batches(columns=["key", "status"], use_threads=False):
            for key, status in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                if status != SUCCESS:
                    counts[failure(status)] += 1
                elif str(key) not in keys:
                    counts[LOST] += 1
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        yield Aside("img2dataset: damaged table")
        return
    yield from (Aside(kind, count) for kind, count in counts.items())


def failure(status: object) -> str:
    """What an image that was not fetched is counted by."""
    return f"img2dataset: {status if isinstance(status, str) and len(status) <= 40 else 'no status'}"
