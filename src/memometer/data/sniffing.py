"""How files begin, and whether as an image does: for those without a suffix."""

from pathlib import Path

from memometer.storage.addresses import is_remote
from memometer.storage.reading import head_bytes

__all__ = ["HEAD_BYTES", "head_of", "is_image"]

HEAD_BYTES = 16
"""As much of a file as `is_image` looks at."""

_BEGINNINGS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF
    b"MM\0*",
    b"\0\0\0\x0cjP  \r\n\x87\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",
)


def is_image(head: bytes) -> bool:
    r"""Whether the first `HEAD_BYTES` of a file are those of an image.

    >>> is_image(b"\xff\xd8\xff\xe0"), is_image(b"RIFF\0\0\0\0WEBPVP8 "), is_image(b"a caption")
    (True, True, False)
    """
    if head.startswith(_BEGINNINGS):
        return True
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return True
    return (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] in {b"ftypavif", b"ftypavis"}


def head_of(path: Path | str, size: int) -> bytes:
    """The first bytes of a file; none of what is no plain file or cannot be read."""
    try:
        return head_bytes(str(path), size) if is_remote(str(path)) or Path(path).is_file() else b""
    except OSError:
        return b""
