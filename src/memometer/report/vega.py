"""The renderer of charts. Its V8 reserves address space, and where a limit denies it that, it ends the whole process.

So under a limit of the address space (``ulimit -v``) a child draws; where the child is ended too there are no charts.
"""

import functools
import json
import re
import resource
import subprocess
import sys
from typing import Any

__all__ = ["ROOM", "can_draw", "draw"]

ROOM = 1.15
"""How much larger text is laid out than it is drawn.

The renderer measures text in a narrow font. A browser may have none but a wider one, in which names would be cut
off at the edges and numbers of an axis lie on each other.
"""

CHILD = "import json, sys, vl_convert; sys.stdout.write(vl_convert.vegalite_to_svg(json.load(sys.stdin)))"
TINY: dict[str, Any] = {"data": {"values": [{"x": 1}]}, "mark": "bar", "encoding": {"x": {"field": "x"}}}
LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_DATA)


def can_draw() -> bool:
    """Whether there can be charts here; found out once."""
    return not _limited() or _child_draws()


def draw(specification: dict[str, Any]) -> str:
    """A Vega-Lite specification, which carries its own data, as SVG; its text is `ROOM` times smaller than laid out.

    Raises:
        RuntimeError: the child that draws under a limit was ended.
    """
    if _limited():
        drawn = _drawn_by_child(specification)
    else:
        import vl_convert

        drawn = str(vl_convert.vegalite_to_svg(specification))
    return re.sub(r'font-size="([\d.]+)px"', lambda size: f'font-size="{float(size[1]) / ROOM:.4g}px"', drawn)


def _limited() -> bool:
    return any(resource.getrlimit(limit)[0] != resource.RLIM_INFINITY for limit in LIMITS)


@functools.cache
def _child_draws() -> bool:
    try:
        _drawn_by_child(TINY)
    except (RuntimeError, OSError):
        return False
    return True


def _drawn_by_child(specification: dict[str, Any]) -> str:
    done = subprocess.run(  # noqa: S603 (this Python, fixed words)
        [sys.executable, "-c", CHILD],
        input=json.dumps(specification, allow_nan=False),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"out of memory: the renderer of charts was ended (exit code {done.returncode})")
    return done.stdout
