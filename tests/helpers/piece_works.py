"""Works that make pieces in whatever process, and what the engines are asked in their tests."""

import dataclasses
import os
import signal
import time
from pathlib import Path

import numpy as np

from memometer.engines import using
from memometer.errors import InputError
from memometer.pieces import in_pieces, tell

N, SIZE = 90, 7


@dataclasses.dataclass(frozen=True)
class Squares:
    """Squares of rows; ``marks`` gets a file per piece that is begun, named by its process."""

    marks: Path
    pause: float = 0.0

    def __call__(self, span):
        marks = self.marks / f"{span[0]}"
        marks.mkdir(parents=True, exist_ok=True)
        (marks / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(self.pause)
        tell(1)
        rows = np.arange(*span)
        return {"squares": rows**2, "wide": np.outer(rows, np.arange(5.0))}


@dataclasses.dataclass(frozen=True)
class Failing(Squares):
    """Fails at one piece."""

    def __call__(self, span):
        if span[0] == 21:
            raise InputError("row 21 cannot be squared; leave it out")
        return super().__call__(span)


@dataclasses.dataclass(frozen=True)
class Deadly(Squares):
    """Kills its process at one piece, at most so many times."""

    times: int = 1

    def __call__(self, span):
        if span[0] == 21 and len(list((self.marks / "21").glob("*"))) < self.times:
            super().__call__(span)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(span)


def made_by(engine, folder, work, *, n=N, advance=lambda _: None):
    """The pieces that an engine makes; within it several times in a row."""
    with using(engine):
        return in_pieces(folder, n=n, size=SIZE, make=work, large=["wide"], advance=advance)


def begun(marks):
    """first row → the processes that began its piece, in their order."""
    marked = {int(each.name): [mark.name.split("-")[::-1] for mark in each.iterdir()] for each in marks.iterdir()}
    return {row: [process for _, process in sorted(marks)] for row, marks in marked.items()}
