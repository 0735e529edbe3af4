"""Reading and decoding of one image, wherever its bytes lie."""

import dataclasses
import errno
import functools
import io
import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from memometer.data.arrow_tables import ARROW_SUFFIXES, holds_text, open_arrow, version_of
from memometer.files import hash_bytes
from memometer.memory import memory_is_short
from memometer.storage.addresses import is_remote
from memometer.storage.reading import open_binary, read_span, stored

__all__ = [
    "CHANGED",
    "FORMATS",
    "IMAGE_SUFFIXES",
    "MAX_ENCODED_BYTES",
    "MAX_PIXELS",
    "ImageRef",
    "UnreadableImageError",
    "decode_image",
    "name_images",
    "open_image",
    "parquet_file",
    "read_image_bytes",
    "read_or_reason",
]

MAX_ENCODED_BYTES = 512 * 2**20
"""Encoded images beyond this are rejected unread, so that one file cannot fill the memory."""

MAX_PIXELS = 100_000_000
"""Images of more pixels are taken for decompression bombs; 100 megapixels is beyond what cameras make."""

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c"),
    "PPM": (".pbm", ".pgm", ".ppm", ".pnm", ".pfm"),
    "DIB": (".dib",),
    "ICO": (".ico",),
    "PCX": (".pcx",),
    "QOI": (".qoi",),
    "SGI": (".sgi", ".rgb", ".rgba", ".bw"),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
}
"""Pillow's decoders that may run, each with the suffixes of its files. Others never do, whatever a file claims to be:
the one for EPS runs Ghostscript, and no photograph needs those of editors, textures and telescopes."""

UNDECODED = (
    ".heic",
    ".heif",
    ".hif",
    ".jxl",
    ".psd",
    ".dng",
    ".cr2",
    ".cr3",
    ".nef",
    ".arw",
    ".orf",
    ".raf",
    ".rw2",
    ".exr",
)
"""Of pictures that none of the decoders reads: they are rejects, not passed over."""

IMAGE_SUFFIXES = frozenset((*itertools.chain.from_iterable(FORMATS.values()), *UNDECODED))
"""Files and tar members with other suffixes are not taken for images."""

TGA_END = b"TRUEVISION-XFILE.\0"
"""TGA has no other mark, and Pillow's decoder would take many a damaged file for an image."""


CHANGED = "changed since the import"
"""How the reason of a reject begins whose image is there, but is not the one that was imported."""


class UnreadableImageError(Exception):
    """An image that cannot be read or decoded; the message is the reason for ``rejects.parquet``."""


@dataclasses.dataclass(frozen=True)
class ImageRef:
    """Where an image's encoded bytes are: a whole file, a span of a tar, or a cell of a Parquet column.

    Attributes:
        hash: what they hashed to when they were imported; None compares nothing.
    """

    path: str
    offset: int | None = None
    length: int | None = None
    row: int | None = None
    column: str | None = None
    hash: str | None = None


def read_image_bytes(ref: ImageRef) -> bytes:
    """The encoded bytes of one image, hashed as they are read where the reference says what they were.

    Raises:
        UnreadableImageError: the file is missing, not a plain file, shorter than recorded, or holds other bytes.
    """
    data = _read_unchecked(ref)
    if ref.hash is not None and hash_bytes(data) != ref.hash:
        raise UnreadableImageError(f"{CHANGED}: {ref.path}{_place(ref)}")
    return data


def _read_unchecked(ref: ImageRef) -> bytes:
    try:
        if is_remote(ref.path) and ref.row is None:
            return _read_remote(ref)
        if ref.row is not None:
            return _read_cell(ref)
        path = Path(ref.path)
        if not path.is_file():  # a device or a pipe would be read for ever
            raise UnreadableImageError(
                f"missing image: {ref.path} is {'not a plain file' if path.exists() else 'not there'}"
            )
        with path.open("rb") as file:
            if ref.offset is None:
                return file.read()
            file.seek(ref.offset)
            data = file.read(ref.length)
    except (OSError, ValueError, pa.ArrowException) as error:
        _stop_without_means(error)
        raise UnreadableImageError(f"unreadable image: {ref.path}: {error}") from error
    if ref.length is not None and len(data) < ref.length:
        raise UnreadableImageError(f"unreadable image: {ref.path} ends before the image's last byte")
    return data


def _read_remote(ref: ImageRef) -> bytes:
    """A whole object of a store, or a span of it."""
    try:
        size = stored(ref.path).size
        start, length = ref.offset or 0, size if ref.length is None else ref.length
        if length > MAX_ENCODED_BYTES:
            raise UnreadableImageError(f"too large: {length:,} bytes")
        return read_span(ref.path, start, max(min(length, size - start), 0))
    except (FileNotFoundError, IsADirectoryError):
        raise UnreadableImageError(f"missing image: {ref.path} is not there") from None
    except PermissionError as error:
        raise UnreadableImageError(f"unreadable image: the store refuses {ref.path}: {error}") from None


def parquet_file(path: str, **options: Any) -> pq.ParquetFile:
    """A Parquet table, here or in a store."""
    return pq.ParquetFile(open_binary(path) if is_remote(path) else path, **options)


def name_images(refs: Sequence[ImageRef | None]) -> str:
    """What a user calls a batch of images."""
    paths = [ref.path for ref in refs if ref is not None]
    return f"the images from {paths[0]} to {paths[-1]}" if paths else "records without images"


def read_or_reason(ref: ImageRef | None) -> bytes | str:
    """An image's bytes, or the reason why there are none."""
    if ref is None:
        return "no image"
    try:
        return read_image_bytes(ref)
    except UnreadableImageError as error:
        return str(error)


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes one image fully, as it is stored: its own mode, EXIF rotation not applied (as in open_clip).

    Of files with several frames or pages, such as animated GIF, APNG, WebP and TIFF, it is the first.

    Raises:
        UnreadableImageError: not an image, truncated, or of more than ``max_pixels`` pixels.
        MemoryError: there is too little memory to tell.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning; ours below is an error at a stated size
            return _load(data, max_pixels)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError("not an image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"decompression bomb: {error}") from error
    except Exception as error:  # decoders let all kinds through on hostile bytes; none may end a night of work
        if memory_is_short(error):
            raise MemoryError(f"decoding an image of {len(data):,} bytes") from error
        raise UnreadableImageError(f"damaged image: {error or type(error).__name__}") from error


def open_image(ref: ImageRef, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """``decode_image`` of ``read_image_bytes``."""
    return decode_image(read_image_bytes(ref), max_pixels=max_pixels)


def _load(data: bytes, max_pixels: int) -> Image.Image:
    formats = [name for name in FORMATS if name != "TGA" or data.endswith(TGA_END)]
    image = Image.open(io.BytesIO(data), formats=formats)
    if image.width * image.height > max_pixels:
        raise UnreadableImageError(
            f"decompression bomb: {image.width} × {image.height} px is more than {max_pixels:,} pixels"
        )
    image.load()
    return image


def _stop_without_means(error: Exception) -> None:
    """Raises what says nothing of the image: this process has too little memory, or too many open files."""
    if memory_is_short(error) or (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)):
        raise error


def _place(ref: ImageRef) -> str:
    """Which of a file's images it is."""
    if ref.row is not None:
        return f", row {ref.row}"
    return f", from byte {ref.offset:,}" if ref.offset is not None else ""


def _read_cell(ref: ImageRef) -> bytes:
    """One cell of a Parquet's or Arrow file's column of bytes, or of Hugging Face's ``struct<bytes, path>``."""
    cell = _arrow_cell(ref) if ref.path.endswith(ARROW_SUFFIXES) else _parquet_cell(ref)
    value = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(value, bytes):
        raise UnreadableImageError(f"unreadable image: row {ref.row} of {ref.path} holds no bytes in '{ref.column}'")
    return value


def _parquet_cell(ref: ImageRef) -> object:
    version = stored(ref.path) if is_remote(ref.path) else version_of(ref.path)
    starts = _group_starts(ref.path, version)
    row = ref.row or 0
    group = sum(start <= row for start in starts) - 1
    if group == len(starts) - 1:
        raise UnreadableImageError(f"unreadable image: {ref.path} has no row {ref.row}")
    column = _read_group(ref.path, version, group, ref.column or "")
    return column[row - starts[group]].as_py() if column is not None else None


def _arrow_cell(ref: ImageRef) -> object:
    table = open_arrow(ref.path)
    if (ref.row or 0) >= table.num_rows or ref.column not in table.schema.names:
        raise UnreadableImageError(f"unreadable image: {ref.path} has no row {ref.row} of '{ref.column}'")
    cell = table.rows(ref.row or 0, 1)[ref.column].combine_chunks()
    try:
        holds_text(cell)
    except pa.ArrowInvalid as error:
        raise UnreadableImageError(f"unreadable image: row {ref.row} of {ref.path} is damaged: {error}") from None
    return cell[0].as_py()


@functools.lru_cache(maxsize=64)
def _group_starts(path: str, version: object) -> tuple[int, ...]:  # noqa: ARG001 (a key)
    """The first row of each row group, and the number of rows."""
    metadata = parquet_file(path).metadata
    sizes = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    return tuple(itertools.accumulate(sizes, initial=0))


@functools.lru_cache(maxsize=2)  # records come in order, so the next image is most often in the same row group
def _read_group(path: str, version: object, group: int, column: str) -> pa.ChunkedArray | None:  # noqa: ARG001
    table = parquet_file(path).read_row_group(group, columns=[column])
    return table.column(0) if table.num_columns else None
