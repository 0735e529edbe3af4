"""Progress bars on standard error; results alone go to standard output."""

import contextlib
import contextvars
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["notice", "progress_bar", "quiet", "warn"]

console = Console(stderr=True, highlight=False)
_silenced = contextvars.ContextVar("_silenced", default=False)
_shown: contextvars.ContextVar[Progress | None] = contextvars.ContextVar("_shown", default=None)
"""The bars on the terminal; a bar within another stands below it, and goes when it is full."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within it nothing is printed: for work that is one step of a longer one, which shows its own progress."""
    before = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(before)


@contextlib.contextmanager
def progress_bar(label: str, *, total: int | None, unit: str = "") -> Iterator[Callable[..., None]]:
    """Yields ``advance(steps=1, note="")``; draws a bar where standard error is a terminal, else two plain lines.

    Args:
        label: what is being done, e.g. ``"embedding images"``.
        total: the number of steps, or None where it is not known.
        unit: what a step is, e.g. ``"images"``.
    """
    if _silenced.get():
        yield lambda *_: None
        return
    if not sys.stderr.isatty():
        done = 0

        def count(steps: int = 1, note: str = "") -> None:  # noqa: ARG001 (same signature as the bar's)
            nonlocal done
            done += steps

        yield count
        print(f"{label}: {done:,} {unit}".rstrip(), file=sys.stderr, flush=True)  # noqa: T201 (this is the printer)
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with contextlib.ExitStack() as stack:
        if outer := _shown.get():
            progress = outer
        else:
            progress = stack.enter_context(Progress(*columns, console=console))
            stack.callback(_shown.reset, _shown.set(progress))
        yield stack.enter_context(_task(progress, label, total=total, unit=unit, stays=outer is None))


@contextlib.contextmanager
def _task(
    progress: Progress, label: str, *, total: int | None, unit: str, stays: bool = False
) -> Iterator[Callable[..., None]]:
    """One bar among those of ``progress``."""
    task = progress.add_task(label, total=total, note="", unit=unit)

    def advance(steps: int = 1, note: str = "") -> None:
        if note:
            progress.update(task, note=note)
        progress.advance(task, steps)

    try:
        yield advance
    finally:
        if not stays:
            progress.remove_task(task)


def notice(message: str) -> None:
    """One line to standard error."""
    if not _silenced.get():
        console.print(message, markup=False, soft_wrap=True)


def warn(message: str) -> None:
    """One line to standard error, marked as a warning."""
    if not _silenced.get():
        console.print(f"warning: {message}", style="yellow", markup=False, soft_wrap=True)
