"""From what a user asks for to an engine."""

from memometer.engines.base import Engine, Here
from memometer.engines.processes import Processes
from memometer.engines.shards import Merging, Shards, shard_of
from memometer.storage.paths import AnyPath

__all__ = ["engine_asked"]


def engine_asked(
    engine: str | None, *, workers: int, device: str, shard: str | None, merge: bool, store: AnyPath | None
) -> Engine | None:
    """The engine that options name; None where they name none.

    Args:
        engine: ``here``, ``processes``, ``ray`` or None.
        workers: processes of an engine; 0 leaves their number to it.
        device: that models run on.
        shard: this shard, e.g. ``3/64``; None for none.
        merge: whether all pieces have to be there.
        store: that shards share.

    Raises:
        InputError: there is no such shard, or no such engine here.
    """
    if merge:
        return Merging()
    within = None if engine is None else _named(engine, workers or None, device)
    if shard is None or store is None:
        return within
    return Shards(shard_of(shard), store=store, within=within)


def _named(engine: str, workers: int | None, device: str) -> Engine:
    if engine == "processes":
        return Processes(workers, device=device)
    if engine == "ray":
        from memometer.engines.ray_engine import Ray

        return Ray(workers, device=device)
    return Here()
