"""What kind of dataset one JSON file is, told from its keys without reading it whole."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from memometer.data.sniffing import head_of
from memometer.storage.reading import open_binary

__all__ = ["holds_keys", "json_kind"]

BLOCK = 1 << 20
"""Bytes looked at in one go."""


def json_kind(path: Path | str) -> Literal["coco", "karpathy"] | None:
    """``"coco"`` for lists of images and annotations, ``"karpathy"`` for images with sentences, else None.

    Raises:
        OSError: the file cannot be read.
    """
    head = head_of(path, BLOCK)
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return None
    if b'"sentences"' in head and b'"annotations"' not in head:
        return "karpathy" if holds_keys(path, {"images", "sentences"}) else None
    return "coco" if holds_keys(path, {"images", "annotations"}) else None


def holds_keys(path: Path | str, names: Collection[str]) -> bool:
    """Whether all names stand in the file, quoted as keys are; it is read as far as that takes.

    Raises:
        OSError: the file cannot be read.
    """
    wanted = {f'"{name}"'.encode() for name in names}
    longest = max(map(len, wanted), default=1)
    kept = b""
    with open_binary(str(path)) as file:
        while wanted and (block := file.read(BLOCK)):
            window = kept + block
            wanted = {name for name in wanted if name not in window}
            kept = window[1 - longest :]
    return not wanted
