"""Vectors that the user already has, joined to records by id."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from memometer.arrays import map_array
from memometer.columns import one_array
from memometer.embeddings.vectors import Embeddings
from memometer.encoders.base import Tower
from memometer.equal_texts import places_among, repeated_codes
from memometer.errors import DamagedError, VectorError
from memometer.files import hash_file, hash_json
from memometer.tables import read_table

__all__ = ["StoredVectors", "open_stored_vectors"]

LAYOUT = (
    "expected images.npy (m, d) with images.parquet, whose column record_id names each row, and texts.npy with "
    "texts.parquet likewise"
)


@dataclasses.dataclass(frozen=True)
class StoredVectors:
    """A folder of vectors; they stay on disk and are mapped a tile at a time.

    Attributes:
        folder: holds ``images.npy`` with ``images.parquet``, ``texts.npy`` with ``texts.parquet``, or all four.
    """

    folder: Path

    @property
    def spec(self) -> str:
        """What names these vectors on the command line."""
        return f"embeddings:{self.folder}"

    @property
    def towers(self) -> tuple[Tower, ...]:
        """The kinds of vectors that there are."""
        kinds: dict[Tower, str] = {"image": "images.npy", "text": "texts.npy"}
        return tuple(tower for tower, name in kinds.items() if (self.folder / name).is_file())

    @functools.cached_property
    def identity(self) -> str:
        """Hash of the files' content."""
        names = [f"{kind}{suffix}" for kind in ("images", "texts") for suffix in (".npy", ".parquet")]
        return hash_json({name: hash_file(self.folder / name) for name in names if (self.folder / name).is_file()})

    def images(self, record_ids: pa.Array) -> Embeddings:
        """The image vector of every record.

        Args:
            record_ids: (n,) strings.

        Raises:
            VectorError: a file is missing or not as expected, ``images.parquet`` names a record twice, or a record has
                no vector.
        """
        array, ids = self._open("images")
        rows, codes = repeated_codes(ids)
        if len(rows):
            raise VectorError(
                f"{self.folder / 'images.parquet'} names {codes.max() + 1:,} records more than once, "
                f"e.g. '{ids[int(rows[0])].as_py()}'; every record has one image vector"
            )
        rows = self._join(record_ids, ids, missing="no vector in images.npy")
        return self._embeddings(array, "images", rows, record_ids)

    def texts(self, record_ids: pa.Array, *, caption: int = 1) -> Embeddings:
        """The vector of caption number ``caption`` (from 1) of every record.

        A record's captions are the rows of ``texts.parquet`` that name it, in their order.

        Raises:
            VectorError: a file is missing or not as expected, or a record has no vector for this caption.
        """
        array, ids = self._open("texts")
        stored = np.flatnonzero(_occurrence(ids) == caption - 1)
        places = self._join(
            record_ids, ids.take(pa.array(stored)), missing=f"no vector of caption {caption} in texts.npy"
        )
        return self._embeddings(array, "texts", stored[places], record_ids)

    def _open(self, kind: str) -> tuple[npt.NDArray[np.floating], pa.Array]:
        """The mapped array and the record id of each row."""
        array = _open_array(self.folder / f"{kind}.npy")
        ids = _read_ids(self.folder / f"{kind}.parquet")
        if len(ids) != len(array):
            raise VectorError(
                f"{self.folder / kind}.parquet names {len(ids):,} rows, {kind}.npy has {len(array):,}; "
                "row i of the one must belong to row i of the other"
            )
        return array, ids

    def _join(self, record_ids: pa.Array, stored_ids: pa.Array, *, missing: str) -> npt.NDArray[np.int64]:
        """(n,) the place of each record among ``stored_ids``."""
        places = places_among(record_ids, stored_ids)
        if n_missing := int((places < 0).sum()):
            first = record_ids.filter(pa.array(places < 0))[0].as_py()
            raise VectorError(
                f"{n_missing:,} of {len(record_ids):,} records have {missing} of {self.folder}, "
                f"e.g. '{first}'; add their vectors, or leave these records out"
            )
        return places

    def _embeddings(
        self, array: npt.NDArray[np.floating], kind: str, rows: npt.NDArray[np.int64], record_ids: pa.Array
    ) -> Embeddings:
        n, dim = array.shape
        return Embeddings(
            record_ids=record_ids,
            pieces=(self.folder / f"{kind}.npy",),
            starts=np.array([0, n], np.int64),
            rows=None if len(rows) == n and bool(np.all(rows == np.arange(n))) else rows,
            dim=dim,
            name=f"{kind} of {self.spec}",
        )


def open_stored_vectors(folder: str | Path) -> StoredVectors:
    """The vectors in ``folder``.

    Raises:
        VectorError: it has neither ``images.npy`` nor ``texts.npy``.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise VectorError(f"no vectors at {folder}: there is no such folder; {LAYOUT}")
    if not any((folder / name).is_file() for name in ("images.npy", "texts.npy")):
        raise VectorError(f"{folder} has neither images.npy nor texts.npy; {LAYOUT}")
    return StoredVectors(folder)


def _open_array(path: Path) -> npt.NDArray[np.floating]:
    if not path.is_file():
        raise VectorError(f"{path} is missing; {LAYOUT}")
    try:
        array = map_array(path)
    except (DamagedError, OSError) as error:
        raise VectorError(f"{path} is not an array of numbers in NumPy's format: {error}; {LAYOUT}") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or not np.issubdtype(array.dtype, np.floating):
        kind = f"shape {array.shape} and type {array.dtype}" if isinstance(array, np.ndarray) else "several arrays"
        raise VectorError(f"{path} has {kind}; expected (m, d) of float16, float32 or float64")
    return array


def _read_ids(path: Path) -> pa.Array:
    if not path.is_file():
        raise VectorError(f"{path} is missing; {LAYOUT}")
    try:
        names = pq.read_schema(path).names
        if "record_id" not in names:
            raise VectorError(f"{path} has no column record_id, only {', '.join(names)}; {LAYOUT}")
        ids = read_table(path, ["record_id"])["record_id"]
        ids = one_array(ids.cast(pa.large_string() if pa.types.is_large_string(ids.type) else pa.string()))
    except (pa.ArrowException, DamagedError, OSError) as error:
        raise VectorError(f"{path} cannot be read as Parquet with a column of record ids: {error}") from error
    if ids.null_count:
        raise VectorError(f"{path} has {ids.null_count:,} rows without a record_id; every row of the array needs one")
    return ids


def _occurrence(ids: pa.Array) -> npt.NDArray[np.int64]:
    """(m,) how many earlier rows name the same record."""
    rows, codes = repeated_codes(ids)
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    occurrence = np.zeros(len(ids), np.int64)
    occurrence[rows[order]] = np.arange(len(rows)) - np.searchsorted(ordered, ordered, side="left")
    return occurrence
