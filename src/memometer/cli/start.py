"""Where the command line starts: from here on whatever stops it is a sentence on standard error, and an exit code."""

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from memometer.errors import MemometerError

__all__ = ["main"]

QUIET = "ignore:resource_tracker:UserWarning"
SIGNALS = {signal.SIGINT: "stopped", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended with its terminal"}


class _Stopped(BaseException):
    """A signal came; no library takes this for something else, as some do with KeyboardInterrupt."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> None:
    """Runs the command line: exit code 0 done, 1 the job failed, 2 wrong usage or input, 128 + n ended by signal n."""
    try:
        _quiet_tracker()
        for each in SIGNALS:
            if signal.getsignal(each) in (signal.SIG_DFL, signal.default_int_handler):  # nohup ignores SIGHUP
                signal.signal(each, _stop)
        with _temporary_files():
            from memometer.cli.main import assemble

            assemble(sys.argv[1:])()
    except (_Stopped, KeyboardInterrupt) as error:
        number = signal.Signals(error.number if isinstance(error, _Stopped) else signal.SIGINT)
        _say(f"{SIGNALS[number]}; {_next()}")
        sys.exit(128 + number)
    except Exception as error:
        if os.environ.get("MEMOMETER_TRACEBACK"):
            raise
        from memometer.cli.sentences import sentence

        _say(f"error: {sentence(error, command=_command())}")
        sys.exit(error.exit_code if isinstance(error, MemometerError) else 1)


def _quiet_tracker() -> None:
    """What a command that was stopped left of its pools is removed by Python's tracker, which need not say so."""
    said = os.environ.get("PYTHONWARNINGS", "")
    if QUIET not in said:
        os.environ["PYTHONWARNINGS"] = f"{said},{QUIET}".lstrip(",")  # the tracker is a process of its own


@contextlib.contextmanager
def _temporary_files() -> Iterator[None]:
    """A folder beside --out for what libraries want to keep for a while, where the machine has none for it."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        place = Path(_option("--out") or ".").absolute()
        there = next(each for each in (place, *place.parents) if each.is_dir())
        before = os.environ.get("TMPDIR")
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # then the first library that wants one will say so
                tempfile.tempdir = stack.enter_context(tempfile.TemporaryDirectory(dir=there))
                os.environ["TMPDIR"] = tempfile.tempdir  # worker processes too
                stack.callback(_temporary_files_are_gone, before)
            yield
    else:
        yield


def _temporary_files_are_gone(before: str | None) -> None:
    """What a process was told of its folder for temporary files is taken back, with the folder."""
    tempfile.tempdir = None
    if before is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = before


def _option(name: str) -> str | None:
    """The value of an option on the command line."""
    words = sys.argv[1:]
    if name in words[:-1]:
        return words[words.index(name) + 1]
    return next((word.split("=", 1)[1] for word in words if word.startswith(f"{name}=")), None)


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
    raise _Stopped(number)


def _command() -> str:
    """The words that name the command, e.g. ``data import``."""
    words = [word for word in sys.argv[1:3] if not word.startswith("-")]
    return " ".join(words if words[:1] in (["data"], ["audit"]) else words[:1])


def _next() -> str:
    """What may truly be done after a command was stopped."""
    from memometer.cli.sentences import GOES_ON

    if _command() in GOES_ON:
        return "run the same command again to go on where it was"
    return "run the same command again to do it from the start"


def _say(words: str) -> None:
    """To standard error, if anyone still listens there."""
    with contextlib.suppress(OSError):
        print(words, file=sys.stderr, flush=True)  # noqa: T201 (this is the printer)
