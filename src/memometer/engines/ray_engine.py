"""The engine of a Ray cluster: actors that keep their models, one per GPU or core. Nothing else imports Ray.

Plain actors serve better here than ``ray.data``: pieces are written by those who make them, so no rows flow back, and
an actor that has loaded a model keeps it for all stages.
"""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from memometer.engines.crew import Crew, Lost, Member
from memometer.engines.member import serve
from memometer.errors import InputError, JobError

__all__ = ["Ray"]

INSTALL = "Ray is not installed; install it with: pip install 'memometer[ray]', or use --engine processes"

LONGEST = 600.0
"""Seconds to wait for the cluster to have room for one actor at least."""


class Ray(Crew):
    """Makes pieces in actors on the nodes of a cluster, which all see the same files.

    The cluster is that of ``RAY_ADDRESS``, the one that runs on this machine, or one of this machine's own that is
    started for the time. A node that fails is said; its pieces go on elsewhere, and an actor comes in place of each of
    its own as soon as there is room.

    Args:
        n: actors; None takes one per GPU of the cluster for models on ``cuda``, else one per core.
        device: that models run on.

    Raises:
        InputError: Ray is not installed, there is no cluster at ``RAY_ADDRESS``, or it has no GPU for ``cuda``.
    """

    def __init__(self, n: int | None = None, *, device: str = "cpu") -> None:
        super().__init__()
        try:
            import ray
        except ImportError as error:
            raise InputError(INSTALL) from error
        self._ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(ray)
        there = self._ray.cluster_resources()
        cpus, gpus = int(there.get("CPU", 1)), int(there.get("GPU", 0)) if device.startswith(("cuda", "auto")) else 0
        if device.startswith("cuda") and not gpus:
            self.close()
            raise InputError("the Ray cluster has no GPU; pass --device cpu, or add nodes that have some")
        self._n = n or gpus or cpus
        self._cores = max(1, cpus // gpus) if gpus else 1
        options = {"num_cpus": self._cores, "num_gpus": 1 if gpus else 0, "max_restarts": 0}
        # Two calls at a time: one waits for what the member says while another tells it something.
        self._class = ray.remote(_Actor).options(**options, max_concurrency=2)
        self._decoders = self._cores if gpus else 0

    def muster(self) -> None:
        """See `Crew`."""
        while len(self.members) < self._n:
            actor = self._class.remote(cores=self._cores, decoders=self._decoders)
            self.members.append(_Remote(self._ray, actor))

    def heard(self) -> Iterator[tuple[Member, Any]]:
        """See `Crew`."""
        members = {member.answer: member for member in self.members if isinstance(member, _Remote)}
        end = time.monotonic() + LONGEST
        while True:
            answers, _ = self._ray.wait(list(members), num_returns=1, timeout=10)
            if answers:
                break
            if not any(member.heard for member in self.members) and time.monotonic() > end:
                raise JobError(
                    f"the Ray cluster has had no room for an actor for {LONGEST:.0f} s; see 'ray status', or pass "
                    "fewer --workers"
                )
        for answer in answers:
            member = members[answer]
            try:
                message = self._ray.get(answer)
            except self._ray.exceptions.RayError as error:
                yield member, Lost(f"a worker of the Ray cluster failed ({' '.join(str(error).split())[:200]})")
            else:
                member.answer = member.actor.hear.remote()
                yield member, message

    def replaced(self, member: Member) -> None:
        """Another actor comes wherever the cluster has room, now or later."""
        super().replaced(member)
        self.muster()

    def close(self) -> None:
        """See `Crew`."""
        super().close()
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()


class _Remote(Member):
    """An actor, seen from here.

    Attributes:
        actor: its handle.
        answer: what it will say next.
    """

    def __init__(self, ray: Any, actor: Any) -> None:
        super().__init__()
        self._ray, self.actor = ray, actor
        self.answer = actor.hear.remote()

    def send(self, message: Any) -> None:
        """See `Member`."""
        self.actor.say.remote(message)

    def end(self) -> None:
        """See `Member`."""
        with contextlib.suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.kill(self.actor)


class _Actor:
    """A member of the crew on some node; it works in a thread of its own, so that it can be spoken to."""

    def __init__(self, *, cores: int, decoders: int) -> None:
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        how = {"cores": cores, "decoders": decoders}
        threading.Thread(target=serve, args=(self._inbox.get, self._outbox.put), kwargs=how, daemon=True).start()

    def say(self, message: Any) -> None:
        """Hands it a message."""
        self._inbox.put(message)

    def hear(self) -> Any:
        """Waits for the next that it says."""
        return self._outbox.get()


def _connect(ray: Any) -> None:
    """Joins a cluster, or starts one on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS")
    try:
        ray.init(logging_level="warning", log_to_driver=False, include_dashboard=None if address else False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        where = f"at RAY_ADDRESS={address}" if address else "on this machine"
        raise InputError(
            f"there is no Ray cluster {where} ({' '.join(str(error).split())[:300]}); start one with 'ray start "
            "--head', set RAY_ADDRESS to one that runs, or unset it for one on this machine"
        ) from error
