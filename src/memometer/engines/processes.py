"""The engine of processes on this machine: on a CPU they share its cores, with GPUs each has one."""

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from memometer.engines.crew import Crew, Lost, Member
from memometer.engines.pool import deaf_children, default_workers, end_with_parent
from memometer.errors import InputError

__all__ = ["Processes"]

GPUS = "CUDA_VISIBLE_DEVICES"


class Processes(Crew):
    """Makes pieces in processes, each with its own model.

    On a CPU each process computes on its share of the cores. On ``cuda`` each has one GPU, and its share of the cores
    decodes images for it.

    Args:
        n: processes; None takes one per core, or one per GPU.
        device: that models run on.

    Raises:
        InputError: n is not 1 or more.
    """

    def __init__(self, n: int | None = None, *, device: str = "cpu") -> None:
        super().__init__()
        if n is not None and n < 1:
            raise InputError(f"{n} processes are asked for; expected 1 or more")
        self._gpus = _gpus() if device in ("cuda", "auto") else []
        self._n = n or len(self._gpus) or default_workers()
        self._one_gpu = device.startswith("cuda:")

    def muster(self) -> None:
        """See `Crew`."""
        while len(self.members) < self._n:
            self.members.append(self._started(len(self.members)))

    def heard(self) -> Iterator[tuple[Member, Any]]:
        """See `Crew`."""
        members = {member.connection: member for member in self.members if isinstance(member, _Process)}
        for connection in wait(list(members)):
            member = members[connection]  # type: ignore[index]
            try:
                yield member, member.connection.recv()
            except (EOFError, OSError):
                yield member, Lost(member.ended())

    def _started(self, place: int) -> "_Process":
        cores = max(1, default_workers() // self._n)
        on_gpu = bool(self._gpus) or self._one_gpu
        # Threads are told by the environment, which all libraries read as they load.
        settings = {name: str(cores) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
        if self._gpus:
            settings = {GPUS: self._gpus[place % len(self._gpus)]}
        return _Process(settings, cores=cores, decoders=cores if on_gpu else 0)


class _Process(Member):
    """A process that was spawned here."""

    def __init__(self, settings: dict[str, str], *, cores: int, decoders: int) -> None:
        super().__init__()
        # spawn, not fork: a fork of a process that has used torch's or numba's threads can deadlock.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, cores, decoders))
        with _environment(settings), deaf_children():
            self._process.start()
        theirs.close()

    def send(self, message: Any) -> None:
        """See `Member`."""
        with contextlib.suppress(OSError):  # it is gone, as its end of the pipe will say
            self.connection.send(message)

    def end(self) -> None:
        """See `Member`."""
        self._process.kill()
        self._process.join()
        self.connection.close()

    def ended(self) -> str:
        """How it ended, in words."""
        self._process.join(5)
        code = self._process.exitcode
        how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
        return f"worker process {self._process.pid} died{how}"


def _serve(connection: Connection, cores: int, decoders: int) -> None:
    from memometer.engines.member import serve  # here: what it imports reads the environment

    end_with_parent()
    serve(connection.recv, connection.send, cores=cores, decoders=decoders)


@contextlib.contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Variables for processes that start within it; what the user has set stays."""
    new = {name: value for name, value in settings.items() if name == GPUS or name not in os.environ}
    before = {name: os.environ.get(name) for name in new}
    os.environ.update(new)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _gpus() -> list[str]:
    """The GPUs that this process sees, as CUDA names them."""
    import torch

    seen = os.environ.get(GPUS)
    names = [name.strip() for name in seen.split(",")] if seen else []
    return names or [str(number) for number in range(torch.cuda.device_count())]
