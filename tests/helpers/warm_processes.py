"""Processes that have loaded memometer when they start, as copies of a server that did it once: it takes seconds.

For a test that needs a process to kill, or two that train together, and is not of how an interpreter starts.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time
from multiprocessing.forkserver import set_forkserver_preload
from pathlib import Path

import torch

LOADED = [
    "memometer.training",
    "memometer.training.ssl.trainer",
    "memometer.cli.train",
    *(f"memometer.audits.{name}" for name in ("vl_dejavu", "image_dejavu", "clipmem", "sslmem", "unitmem")),
]


def start(function, *arguments, log, environment=()):
    """``function(*arguments)`` in a process that leads a group of its own.

    What it says goes to the file ``log``, what it prints to one beside it that ends with ``.out``.
    """
    set_forkserver_preload(LOADED)
    context = multiprocessing.get_context("forkserver")
    process = context.Process(
        target=_inside, args=(function, arguments, str(log), dict(environment), torch.get_num_threads())
    )
    process.start()
    return process


def memometer(*words):
    """The command line, in this process."""
    from memometer.cli.start import main

    sys.argv = ["memometer", *map(str, words)]
    main()


def together(n, function, *arguments, logs, timeout=120):
    """The same function in ``n`` processes that find each other, as torchrun starts them; their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    sizes = {"WORLD_SIZE": str(n), "LOCAL_WORLD_SIZE": str(n)}
    ranks = ({"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(n))
    processes = [
        start(function, *arguments, log=Path(logs) / f"{rank}.log", environment={**address, **sizes, **each})
        for rank, each in enumerate(ranks)
    ]
    for process in processes:
        process.join(timeout)
        process.kill()
        process.join()
    return [process.exitcode for process in processes]


def kill_once(process, ready, *, timeout=120):
    """Kills a process and its group with SIGKILL once ``ready()`` holds."""
    end = time.monotonic() + timeout
    while not ready():
        assert process.is_alive(), "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _inside(function, arguments, log, environment, threads):
    os.setsid()
    torch.set_num_threads(threads)
    os.environ.update(environment)
    for path, stream in ((Path(log), sys.stderr), (Path(log).with_suffix(".out"), sys.stdout)):
        with path.open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    function(*arguments)
