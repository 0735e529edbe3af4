"""Thumbnails as data URIs, as many as the file has room for."""

import base64
import dataclasses

__all__ = ["MAX_THUMBNAIL_BYTES", "Picture", "Pictures"]

MAX_THUMBNAIL_BYTES = 500_000
"""A JPEG beyond this is no thumbnail; one such must not take the room of fifty."""

TAG_BYTES = 1000
"""Room for what surrounds a URI: the element and its alternative text, which may hold a long id."""

JPEG_MAGIC = b"\xff\xd8\xff"


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image of the gallery, or why it is not shown.

    Attributes:
        uri: a ``data:image/jpeg`` URI; None when it is left out.
        reason: why it is left out; empty when there is nothing to say.
    """

    uri: str | None = None
    reason: str = ""


class Pictures:
    """Hands out room for thumbnails in the order in which they are asked for.

    After the first one that does not fit, all are left out, so that the room goes to the first ranks alone.

    >>> Pictures(room=1_000).place(b"GIF89a").reason
    'not a JPEG'
    """

    def __init__(self, *, room: int, wanted: bool = True) -> None:
        self._room = room
        self._wanted = wanted
        self.n_left_out = 0

    def place(self, data: bytes | None) -> Picture:
        """The picture of one thumbnail's bytes.

        Args:
            data: the encoded image; None where there is none.
        """
        if not self._wanted:
            return Picture()
        if data is None:
            return Picture(reason="no image")
        if not data.startswith(JPEG_MAGIC):
            return Picture(reason="not a JPEG")
        if len(data) > MAX_THUMBNAIL_BYTES:
            return Picture(reason="too large for a thumbnail")
        uri = "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
        if len(uri) + TAG_BYTES > self._room:
            self._room = 0
            self.n_left_out += 1
            return Picture(reason="image left out to keep the file small")
        self._room -= len(uri) + TAG_BYTES
        return Picture(uri=uri)
