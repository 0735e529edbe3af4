"""Reading and decoding of one image, wherever its bytes lie."""

import dataclasses
import io
import warnings
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

__all__ = ["MAX_PIXELS", "ImageRef", "UnreadableImageError", "decode_image", "open_image", "read_image_bytes"]

MAX_PIXELS = 100_000_000
"""Images of more pixels are taken for decompression bombs; 100 megapixels is beyond what cameras make."""


class UnreadableImageError(Exception):
    """An image that cannot be read or decoded; the message is the reason for ``rejects.parquet``."""


@dataclasses.dataclass(frozen=True)
class ImageRef:
    """Where an image's encoded bytes are: a whole file, a span of a tar, or a cell of a Parquet column."""

    path: str
    offset: int | None = None
    length: int | None = None
    row: int | None = None
    column: str | None = None


def read_image_bytes(ref: ImageRef) -> bytes:
    """The encoded bytes of one image.

    Raises:
        UnreadableImageError: the file is missing or shorter than recorded.
    """
    try:
        if ref.row is not None:
            return _read_cell(ref)
        with Path(ref.path).open("rb") as file:
            if ref.offset is None:
                return file.read()
            file.seek(ref.offset)
            data = file.read(ref.length)
    except OSError as error:
        raise UnreadableImageError(f"cannot read {ref.path}: {error.strerror or error}") from error
    if ref.length is not None and len(data) < ref.length:
        raise UnreadableImageError(f"{ref.path} ends before the image's last byte")
    return data


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes one image fully, as it is stored: its own mode, EXIF rotation not applied (as in open_clip).

    Raises:
        UnreadableImageError: not an image, truncated, or of more than ``max_pixels`` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning; ours below is an error at a stated size
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > max_pixels:
                raise UnreadableImageError(
                    f"decompression bomb: {image.width} × {image.height} px is more than {max_pixels:,} pixels"
                )
            image.load()
    except UnidentifiedImageError as error:
        raise UnreadableImageError("not an image") from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        ArithmeticError,
        LookupError,
        Image.DecompressionBombError,
    ) as error:
        raise UnreadableImageError(f"damaged image: {error}") from error
    return image


def open_image(ref: ImageRef, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """``decode_image`` of ``read_image_bytes``."""
    return decode_image(read_image_bytes(ref), max_pixels=max_pixels)


def _read_cell(ref: ImageRef) -> bytes:
    """One cell of a Parquet column of bytes, or of Hugging Face's ``struct<bytes, path>``."""
    file = pq.ParquetFile(ref.path)
    row = ref.row or 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if row < size:
            cell = file.read_row_group(group, columns=[ref.column])[0][row].as_py()
            value = cell.get("bytes") if isinstance(cell, dict) else cell
            if value is None:
                raise UnreadableImageError(f"row {ref.row} of {ref.path} holds no bytes in '{ref.column}'")
            return bytes(value)
        row -= size
    raise UnreadableImageError(f"{ref.path} has no row {ref.row}")
