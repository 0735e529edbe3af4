"""One sentence for whatever stops a command: what failed, where, why, and what to do."""

import errno
import os
import re

from memometer.catalogue import MEASURES
from memometer.errors import MemometerError
from memometer.memory import memory_ended

__all__ = ["GOES_ON", "sentence"]

GOES_ON = {"data import", "annotate", "train", "train-ssl", "utility", "sweep", "demo"} | {
    f"audit {measure}" for measure in MEASURES
}
"""Commands that keep what is done and go on there."""

ADVICE = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room in your quota",
    errno.EMFILE: "allow more open files with 'ulimit -n', or pass fewer --workers",
    errno.ENFILE: "the machine has too many open files: end other programs, or pass fewer --workers",
    errno.EAGAIN: "the machine allows no more processes: raise 'ulimit -u', or pass fewer --workers",
    errno.EBUSY: "see what else uses it",
    errno.EIO: "the device fails: see to it",
}
"""What to do about an error of the system, after which the same command goes on."""

OTHERWISE = {
    errno.EFBIG: "lift the limit on the size of files ('ulimit -f', or the file system's), or choose another place",
    errno.EROFS: "choose another place, or mount it for writing",
    errno.EACCES: "give yourself the permission, or choose another place",
    errno.EPERM: "give yourself the permission, or choose another place",
    errno.ENOENT: "see whether it was moved or removed, maybe while the command ran",
    errno.ESTALE: "see whether it was moved or removed, maybe while the command ran",
    errno.ENOTDIR: "a file is where a folder is expected: remove it, or choose another place",
    errno.EISDIR: "a folder is where a file is expected: remove it, or choose another place",
    errno.EEXIST: "remove what is in its place, or choose another place",
    errno.ENOTEMPTY: "see what else writes there",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "mend the symbolic links",
}
"""Likewise, where running the same command again may not help, or does not go on where it was."""

MORE_MEMORY = (
    "give the command more of it (the limits of 'ulimit -v', of a container or of a job count), or let it take less at "
    "once: a smaller --batch-size, fewer --workers"
)

NUMBERED = re.compile(r"(?:os error|errno) (\d+)", re.IGNORECASE)
CUT_SHORT = re.compile(r"PytorchStreamWriter|inline_container|\d+ requested and \d+ written", re.IGNORECASE)
"""What torch and numpy say where a file could not be written whole, without the system's reason."""


def sentence(error: BaseException, *, command: str) -> str:
    """What a user reads.

    Args:
        error: what was raised; its notes say where.
        command: the words that name the command, e.g. ``"data import"``.
    """
    if isinstance(error, MemometerError):
        return str(error)
    words, where, again, number = _text(error), _where(error), _again(command), _number(error)
    if memory_ended(error):
        what = f"memory ran out{f' ({words})' if words else ''}"
        advice = f"{MORE_MEMORY}{again}"
    elif isinstance(error, RecursionError):
        what, advice = "something that was read is nested too deeply", "expected a few levels: mend that file"
    elif "No usable temporary directory" in words:
        what, advice = "there is no folder for temporary files", f"name one that can be written in TMPDIR{again}"
    elif number is not None:
        place, reason = _place(error), os.strerror(number)
        what = f"{place}{': ' if place else ''}{reason[:1].lower()}{reason[1:]}"
        advice = f"{ADVICE[number]}{again}" if number in ADVICE else OTHERWISE.get(number, "see to the cause")
    elif CUT_SHORT.search(words):
        what, advice = "a file could not be written whole", f"see whether the disk is full{again}"
    elif words.startswith("DataLoader worker"):
        what = f"a worker process of the training died ({words})"
        advice = f"give it more memory, or pass fewer --workers{again}"
    elif isinstance(error, OSError) or type(error).__module__.startswith("pyarrow"):
        what = f"a file that was read is damaged, or not what it is taken for: {words}"
        advice = "restore it from a copy, or make it again"
    else:
        what = f"{type(error).__name__}: {words or 'no more is known'}"
        advice = "this was not foreseen: if what was read is whole, report this with what MEMOMETER_TRACEBACK=1 shows"
    return f"{what}{where}; {advice}"


def _again(command: str) -> str:
    if not command:
        return ""
    on = ": it goes on where it was" if command in GOES_ON else ""
    return f", then run the same command again{on}"


def _text(error: BaseException) -> str:
    """Its words on one line, not too many of them."""
    words = " ".join(str(error).split())
    return words if len(words) <= 500 else words[:500] + " …"


def _number(error: BaseException) -> int | None:
    """The system's number of the error, also where a library wrapped it in words of its own."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = NUMBERED.search(str(error))
    return int(found[1]) if found else None


def _place(error: BaseException) -> str:
    name = getattr(error, "filename2", None) or getattr(error, "filename", None)
    return "" if name is None else os.fsdecode(name) if isinstance(name, str | bytes) else str(name)


def _where(error: BaseException) -> str:
    """What the notes say, e.g. ``, writing runs/a/samples.parquet``."""
    notes = getattr(error, "__notes__", ())
    place = _place(error)
    return "".join(f", {note}" for note in dict.fromkeys(notes) if not place or place not in note)
