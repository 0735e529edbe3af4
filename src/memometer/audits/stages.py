"""Where a run keeps its stages, and what it needs for a while."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from memometer.storage.paths import AnyPath, StorePath, path_of

__all__ = ["stages_of"]


@contextlib.contextmanager
def stages_of(
    out: str | Path | None, store: str | AnyPath | None, *, shared: bool = False
) -> Iterator[tuple[AnyPath, AnyPath]]:
    """The folder of the stages, and a folder that goes again; both are made when something is written there.

    With a run folder both lie in it, so that no other disk needs room.

    Args:
        out: the run folder, which this process alone writes; None takes a temporary folder.
        store: the folder of the stages; None takes ``stages`` in the run folder.
        shared: whether other processes use the store at the same time: both are in it, and stay.
    """
    if shared and store is not None:
        place = _writable(store)
        yield place, place / "scratch"
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) if out is None else Path(out)
        scratch = folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        yield folder / "stages" if store is None else _writable(store), scratch


def _writable(store: str | AnyPath) -> AnyPath:
    place = path_of(store)
    if isinstance(place, StorePath):
        place.check_writable()
    return place
