"""What readers of tables and of lists share: a record of every row, or of all rows of one image."""

import abc
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from memometer.data.sources.base import Aside, Draft, Piece, Plan, Reject
from memometer.data.sources.columns import choose_columns
from memometer.data.sources.grouping import GROUPED, Payload, grouped_rows, image_key, name_hash, plan_groups
from memometer.data.sources.options import RowUnit
from memometer.data.sources.rows import Row, RowOptions, image_name, read_rows

__all__ = ["TableReader"]


@dataclasses.dataclass(frozen=True)
class TableReader(abc.ABC):
    """Tables whose rows name an image or hold it; a piece is a run of rows, or of the rows of some images.

    Attributes:
        rows: how rows are read.
        one_row_per: what a row stands for; None recognises it.
        captions_required: whether a table without a column of captions is a mistake.
        remarks: what was recognised.
    """

    format: ClassVar[str]
    paths: tuple[str, ...]
    rows: RowOptions
    one_row_per: RowUnit | None = None
    captions_required: bool = True
    remarks: tuple[str, ...] = ()

    def files(self) -> Iterator[str | Path]:
        """The tables, and where the names of classes are from; images that they name by path are not among them."""
        yield from self.paths
        if self.rows.names is not None:
            yield Path(self.rows.names.path)

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The records of one piece. What cannot be read as a row is a reject."""
        if Path(piece.path).name == GROUPED:
            parse = self._parser()
            groups: Iterable[Iterable[Row | Reject | Aside]] = (map(parse, group) for group in grouped_rows(piece))
        else:
            groups = ([row] for row in self._rows(piece))
        for group in groups:
            rows = []
            for row in group:
                if isinstance(row, Row):
                    rows.append(row)
                else:
                    yield row
            if rows:
                yield from read_rows(rows, self.rows, unit=self.one_row_per)

    def _rows(self, piece: Piece) -> Iterator[Row | Reject | Aside]:  # noqa: ARG002 (of readers that have such pieces)
        """The rows of a piece of a table, where each is a record; none where all rows are brought together."""
        yield from ()

    @abc.abstractmethod
    def _parser(self) -> Callable[[Payload], Row | Reject | Aside]:
        """Reads a row that was brought together with others of its image."""

    @abc.abstractmethod
    def _payloads(self) -> Iterator[Payload]:
        """Every row, as the parser reads it."""

    def _check_columns(self, names: Sequence[str], path: str) -> None:
        """Passes where a table has the columns that the first one was recognised by, and no more that mean something.

        Raises:
            SourceError: it has others.
        """
        required, like = self.captions_required, self.paths[0]
        choose_columns(names, self.rows.fields, path=path, captions_required=required, like=like)

    @staticmethod
    def _hash(path: str, number: int, cell: object) -> int:
        """64 bits of the image that a row names in its cell; of the row itself where it names none."""
        return name_hash(image_key(image_name(cell), table=path), place=f"{path}\0{number}")

    def _plan(
        self,
        pieces: Sequence[Piece] | None,
        hashes: Callable[[], Iterable[int]],
        scratch: Path,
        *,
        aside: Mapping[str, int] | None = None,
    ) -> Plan:
        """The pieces; those of rows brought together where several are of one image, or where ``pieces`` is None."""
        together, remarks = pieces, list[str]()
        if pieces is None or self.one_row_per != "image":
            together, remarks = plan_groups(hashes(), self._payloads, scratch, always=pieces is None)
        return Plan(together or pieces or (), aside or {}, (*self.remarks, *remarks))
