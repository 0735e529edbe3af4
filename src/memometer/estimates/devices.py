"""What accelerators can do by their data sheets, for those that nobody has measured here."""

import dataclasses
import difflib

from memometer.errors import InputError

__all__ = ["ASSUMED_FORWARD", "ASSUMED_SEARCH", "DEVICES", "Device", "device_named"]

ASSUMED_FORWARD = 0.3
"""Part of the peak that the forward pass of a vision transformer is taken to reach in batches; not measured."""
ASSUMED_SEARCH = 0.6
"""Part of the peak that the search is made to reach; not measured."""


@dataclasses.dataclass(frozen=True)
class Device:
    """An accelerator.

    Attributes:
        title: as its maker writes it.
        peak: operations per second, dense products of bfloat16 (float16, where it has no bfloat16).
        memory: bytes.
    """

    title: str
    peak: float
    memory: float


DEVICES = {
    "h200": Device("NVIDIA H200 SXM", 989e12, 141e9),
    "h100": Device("NVIDIA H100 SXM", 989e12, 80e9),
    "a100": Device("NVIDIA A100 SXM", 312e12, 80e9),
    "l40s": Device("NVIDIA L40S", 362e12, 48e9),
    "a10": Device("NVIDIA A10", 125e12, 24e9),
    "l4": Device("NVIDIA L4", 121e12, 24e9),
    "v100": Device("NVIDIA V100 SXM", 125e12, 32e9),
    "t4": Device("NVIDIA T4", 65e12, 16e9),
}
"""By the name that ``--device`` takes, beside ``cpu``."""


def device_named(name: str) -> Device | None:
    """An accelerator; None is the processor.

    Raises:
        InputError: there is none of this name.
    """
    key = name.lower()
    if key == "cpu":
        return None
    if key not in DEVICES:
        close = difflib.get_close_matches(key, DEVICES, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(f"device '{name}' is not known; expected cpu or one of {', '.join(DEVICES)}{hint}")
    return DEVICES[key]
