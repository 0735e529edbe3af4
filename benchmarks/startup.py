"""What a command costs before it does anything: a finished audit and a report beside the audit itself, the first demo.

Each command is a process of its own, whose processor time counts: that of all its threads and children. The world is
small (two tiny models, some hundred scenes), so that imports are what takes the time.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import record_section, table, take_turns

REPEATS = 3


def memometer(*words, **environment):
    """Wall and processor seconds of a command."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "memometer", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def anew(words):
    """The same of a command that is done, from the start."""
    shutil.rmtree(words[-1])
    return memometer(*words)


def commands(folder):
    """Audit → the words of its command."""
    demo, foreground = folder / "demo", folder / "foreground"
    models = ("--target", f"open_clip:{demo / 'a'}", "--reference", f"open_clip:{demo / 'b'}")
    scenes, labelled = ("--records", demo / "records"), ("--records", foreground)
    both = ("--role", "a", "--reference-role", "b")
    public = ("--public-role", "public")
    words = {
        "vl-dejavu": (*models, *scenes, *both, "--public", demo / "records", *public),
        "image-dejavu": (*models, *labelled, *both, "--public", foreground, *public),
        "clipmem": (*models, *scenes, *both, "--control-role", "public", "--n-aug", 1),
        "sslmem": (*models, *scenes, *both, "--draws", 2),
        "unitmem": (*models[:2], *scenes, "--role", "a", "--draws", 1),
    }
    return {name: ("audit", name, *each, "--out", folder / name) for name, each in words.items()}


def demos():
    """The demo where no kernel has been compiled yet, and where all are."""
    with tempfile.TemporaryDirectory() as name:
        kernels = {"NUMBA_CACHE_DIR": str(Path(name) / "kernels")}
        seconds = [memometer("demo", "--out", Path(name) / place, **kernels) for place in ("first", "second")]
    rows = [
        (what, f"{wall:.0f}", f"{cpu:.0f}")
        for what, (wall, cpu) in zip(("kernels to compile", "kernels on disk"), seconds, strict=True)
    ]
    record_section(
        "Demo",
        "`memometer demo` with its defaults, as after `make setup` (byte code is there, kernels are not), and once more: seconds. "
        "Command: `python benchmarks/startup.py`.\n\n"
        + table(("demo", "wall", "processor"), rows)
        + "\n\nWanted: under 75 s on two idle cores.",
        packages=("memometer", "torch", "numba"),
    )


STARTS = {
    "import memometer": ("-c", "import memometer"),
    "memometer --help": ("-m", "memometer", "--help"),
    "memometer audit --help": ("-m", "memometer", "audit", "--help"),
    "memometer audit vl-dejavu --help": ("-m", "memometer", "audit", "vl-dejavu", "--help"),
    "memometer train --help": ("-m", "memometer", "train", "--help"),
    "memometer data import --help": ("-m", "memometer", "data", "import", "--help"),
    "memometer sweep --help": ("-m", "memometer", "sweep", "--help"),
}


def start(source, words):
    """Wall and processor seconds of one of `STARTS`, of the version in a folder."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(source)}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def starts(other, *, repeats=25):
    """This version beside another one, whose ``src`` is given, in turns."""
    sources, rows = {"other": Path(other), "this": Path(__file__).parents[1] / "src"}, []
    for what, words in STARTS.items():
        for source in sources.values():
            start(source, words)  # byte code is written
        runs = {name: lambda source=source, words=words: start(source, words) for name, source in sources.items()}
        times = take_turns(runs, repeats=repeats)
        median = {name: sorted(each.cpu)[repeats // 2] for name, each in times.items()}
        rows.append(
            (
                f"`{what}`",
                *(f"{1000 * median[name]:.0f}" for name in sources),
                f"{median['this'] / median['other']:.2f}",
            )
        )
    record_section(
        "Start, beside another version",
        f"Processor time to start, ms, the median of {repeats} turns, beside the version before options were declared once and "
        "measures had rooms (7efdc30). Command: `python benchmarks/startup.py SRC`, the other version's `src`.\n\n"
        + table(("start", "other", "this", "ratio"), rows),
        packages=("memometer", "typer", "pydantic"),
    )


def main():
    if sys.argv[1:]:
        starts(sys.argv[1])
        return
    demos()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        memometer("demo", "--n", 60, "--epochs", 1, "--out", folder / "demo")
        memometer("data", "scenes", "--n", 240, "--size", 40, "--kind", "foreground", "--out", folder / "foreground")
        memometer("data", "split", folder / "foreground", "--roles", "a=60,b=60,public=rest")
        for audit, words in commands(folder).items():
            memometer(*words)  # kernels are compiled, byte code is written
            times = take_turns(
                {
                    "audit": lambda words=words: anew(words),
                    "done": lambda words=words: memometer(*words),
                    "report": lambda audit=audit: memometer("report", folder / audit),
                },
                repeats=REPEATS,
            )
            best = {name: min(each.cpu) for name, each in times.items()}
            rows.append(
                (
                    audit,
                    *(f"{best[name]:.2f}" for name in ("audit", "done", "report")),
                    f"{best['audit'] / best['done']:.0f} times",
                )
            )
    record_section(
        "Start",
        f"Processor seconds of whole commands, the best of {REPEATS} turns: an audit of some hundred scenes, the same command again "
        "once it is done, and `memometer report` on its folder. Command: `python benchmarks/startup.py`.\n\n"
        + table(("audit", "audit", "audit that is done", "report", "audit / done"), rows)
        + "\n\nWanted: an audit that is done answers in under 1 s, and a report imports no torch (a test says which modules "
        "either loads). Before, both imported all libraries of models: 13 to 15 s and 9 to 12 s of wall time.",
        packages=("memometer", "torch", "altair", "typer"),
    )


if __name__ == "__main__":
    main()
