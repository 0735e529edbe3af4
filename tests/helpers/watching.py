"""Watches what a piece of code does outside itself: processes, sockets, files written, questions, code of a model's."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import urllib3  # noqa: F401 (it asks for IPv6 when it is imported, which is none of what is watched)

__all__ = ["Ran", "sentence_of", "watched"]

from memometer.errors import InputError

FORBIDDEN = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn",
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto", "webbrowser.open",
    "urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect",
    "builtins.input",  # a library that asks whether to run what a model holds
}  # fmt: skip
WRITES = {
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
}

EVIL = "evil"
"""The module whose classes the tests' files name: whoever tries to import it would have run it."""

HARMLESS = {"torch", "numpy", "collections", "argparse", "numba", "llvmlite", "memometer", "copyreg"}
"""Whose classes a pickle may name: tensors', and those of numba's own cache of compiled kernels."""

CODE = (Path(__file__).parents[2], Path(sys.prefix), Path(sys.base_prefix))
"""Where byte code and compiled kernels are kept."""

_watchers: list["_Watcher"] = []


class _Watcher:
    def __init__(self, allowed):
        self.allowed = tuple(Path(path).resolve() for path in allowed)
        self.seen = []

    def __call__(self, event, args):
        if event == "pickle.find_class":
            bad = str(args[0]).partition(".")[0] not in HARMLESS and args != ("builtins", "object")
        elif event == "open":
            bad = self._writes(args)
        elif event == "import":
            bad = EVIL in str(args[0]).split(".")
        elif event == "exec":
            bad = Path(getattr(args[0], "co_filename", "")).stem == EVIL
        elif event == "subprocess.Popen":
            bad = args[1][:1] not in (["git"], ["uname"])  # which tell the commit and the machine of a manifest
        else:
            bad = event in FORBIDDEN or (event in WRITES and not self._is_allowed(args[0], *args[1:]))
        if bad:
            self.seen.append((event, repr(args)[:200]))

    def _writes(self, args):
        path, mode, flags = args
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
            mode is None and isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        return bool(writes) and not self._is_allowed(path)

    def _is_allowed(self, path, *rest):
        if isinstance(path, int) or (rest and isinstance(rest[-1], int) and rest[-1] >= 0):
            return True  # a file or a folder that was opened before
        place = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 (keeps links)
        inside = any(place.is_relative_to(folder) for folder in (*self.allowed, Path("/dev")))
        code = any(place.is_relative_to(folder) for folder in CODE)
        return inside or (code and "__pycache__" in place.parts)


def _hook(event, args):
    for watcher in _watchers:
        watcher(event, args)


sys.addaudithook(_hook)


@contextlib.contextmanager
def watched(*writable):
    """Fails where the code within starts a process, opens a socket, or writes outside ``writable`` and the caches."""
    home = Path.home()
    caches = [home / ".cache", home / ".numba", os.environ.get("NUMBA_CACHE_DIR", home / ".cache")]
    watcher = _Watcher([*writable, *caches, Path(tempfile.gettempdir()) / "torchinductor"])
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)
    assert not watcher.seen, f"it reached outside: {watcher.seen[:5]}"


def sentence_of(act, *, never, errors=InputError):
    """The sentence of memometer's that ``act`` ends with, or "" where it ends well; nothing else passes.

    Args:
        act: what is done, with nothing seen outside.
        never: where it may write.
        errors: what memometer may raise.
    """
    told = ""
    with watched(never):
        try:
            act()
        except errors as error:
            told = str(error)
    assert len(told) < 2500, told[:600]
    return told


class Ran:
    """Unpickled, it leaves a file: code ran."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)
