"""Trainings that go on side by side, one epoch of either in turn, and the ratio of their times.

A machine that is shared is faster or slower by some 10 % from minute to minute; epochs that follow each other are alike.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from scipy.stats import quantile_test


class Clock:
    """Times the epochs of one peer, and gives way to the other one after each.

    Attributes:
        seconds: of each epoch.
        to_keep: the state, where that was timed.
    """

    def __init__(self, device: torch.device, give_way: Callable[[], None]) -> None:
        self.seconds: list[float] = []
        self.to_keep: float | None = None
        self._device, self._give_way, self._start = device, give_way, time.perf_counter()

    def epoch_ends(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self._start)
        self._give_way()
        self.epoch_begins()

    def epoch_begins(self) -> None:
        self._start = time.perf_counter()


Peer = Callable[[Clock], None]


def side_by_side(device: torch.device, peers: Sequence[Peer]) -> list[Clock]:
    """Runs the peers in threads of which one is at work at a time, each for an epoch, and returns their clocks."""
    turns = [threading.Semaphore(0) for _ in peers]

    def run(index: int) -> Clock:
        mine, next_one = turns[index], turns[(index + 1) % len(peers)]

        def give_way() -> None:
            next_one.release()
            mine.acquire()

        mine.acquire()
        clock = Clock(device, give_way)
        try:
            peers[index](clock)
        except BaseException:
            for turn in turns:
                turn.release(1_000_000)  # nobody waits for a peer that failed
            raise
        next_one.release()
        return clock

    turns[0].release()
    with ThreadPoolExecutor(len(peers)) as pool:
        return list(pool.map(run, range(len(peers))))


def ratio_of(ours: list[float], theirs: list[float]) -> list[float]:
    """The median ratio of the pairs, and its 95 % interval (that of the sign test)."""
    ratios = np.array(ours) / np.array(theirs)
    interval = quantile_test(ratios, p=0.5).confidence_interval(0.95)
    return [float(np.median(ratios)), float(interval.low), float(interval.high)]
