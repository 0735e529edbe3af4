"""What the benchmarks share: the machine by name, timings that alternate between peers, and the file of results."""

import dataclasses
import datetime as dt
import importlib.metadata
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
INTRODUCTION = """# Benchmark results

Each section is written by the script it names, and holds ratios between peers that took turns in one run on one
machine; compare times across sections or machines with care.
"""


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of the repetitions of one thing: wall clock, and processor time of all threads."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def best(self) -> float:
        """The shortest wall time: what the machine can do where nothing else disturbs it."""
        return min(self.wall)

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    def __str__(self) -> str:
        return f"{self.median:.2f} s ({self.best:.2f} to {max(self.wall):.2f})"


def measure(function: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def take_turns(runs: Mapping[str, Callable[[], tuple[float, float]]], *, repeats: int) -> dict[str, Timing]:
    """Times of each run, which returns what ``measure`` returns; a disturbance falls on all of them alike."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            seconds[name].append(run())
    return {name: Timing(*zip(*pairs, strict=True)) for name, pairs in seconds.items()}


def machine() -> str:
    """The processor, its cores, the memory and the system in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def processor_flags() -> frozenset[str]:
    """The instruction sets that the processor names; empty where the system does not tell."""
    return frozenset(_processor_info().get("flags", "").split())


def _processor() -> str:
    found = _processor_info()
    name = found.get("model name", platform.processor() or "unknown processor")
    return f"{name} (family {found.get('cpu family')}, model {found.get('model')})" if found else name


def _processor_info() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def versions(packages: Iterable[str]) -> str:
    """Python's and the packages' versions in one line."""
    each = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    return ", ".join([f"Python {platform.python_version()}", *each])


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    header = list(header)
    lines = [header, ["---"] * len(header), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def record_section(
    title: str, markdown: str, *, packages: Iterable[str] = ("memometer", "torch", "numpy"), path: Path = RESULTS
) -> None:
    """Writes the section ``title`` of the results, in place of an older one, with day, machine and versions.

    Args:
        title: its heading, which also finds the older one.
        markdown: its text, without a heading of the same level.
        packages: those whose versions matter.
        path: the file of results.
    """
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    load = f"load average {os.getloadavg()[0]:.1f} at the end"
    section = f"## {title}\n\n{today} · {machine()} · {versions(packages)} · {load}\n\n{markdown.strip()}\n"
    text = path.read_text(encoding="utf-8") if path.exists() else INTRODUCTION
    head, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    mine = [place for place, old in enumerate(sections) if old.startswith(f"## {title}\n")]
    if mine:
        sections[mine[0]] = section
    else:
        sections.append(section)
    path.write_text("\n".join(part.strip() + "\n" for part in [head, *sections]), encoding="utf-8")
