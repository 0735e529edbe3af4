"""What is wrong with a config, in words: where it stands, what was expected, what it is."""

import re

from pydantic import ValidationError

__all__ = ["PLAIN_NAME", "problems"]

PLAIN_NAME = re.compile(r"[\w.]+")
"""Of one of timm's own models: no folder and no repository."""


def problems(error: ValidationError) -> str:
    """The first three, e.g. ``vision_cfg.width: input should be a valid integer, got True``."""
    told = []
    for each in error.errors()[:3]:
        place = ".".join(str(part) for part in each["loc"]) or "its content"
        got = repr(each["input"])
        told.append(f"{place}: {each['msg'].lower()}, got {got[:60]}{' …' if len(got) > 60 else ''}")
    return "; ".join(told)
