"""Lists of images as JSON: a line or an element each, as ``metadata.jsonl`` beside images, and Karpathy's splits."""

import dataclasses
import itertools
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from memometer.data.sources.base import Aside, Draft, Fields, Piece, Plan, Reject
from memometer.data.sources.columns import choose_columns, find_corners
from memometer.data.sources.grouping import Payload
from memometer.data.sources.json_entries import list_entries, parsed_entry, whole_entries, whole_json
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.rows import Row
from memometer.data.sources.table_options import row_options, table_remarks
from memometer.data.sources.table_reader import TableReader
from memometer.errors import SourceError

__all__ = ["KarpathyReader", "ListReader", "open_karpathy", "open_list"]

SEEN_FOR_FIELDS = 1_000
"""Entries of a list whose fields are looked at; one that only later entries have must be named."""


@dataclasses.dataclass(frozen=True)
class ListReader(TableReader):
    """JSON lines, or a JSON array or object of them; every entry is an object that names an image.

    A piece is a run of images. An entry that is no object, or that has a key twice, is a reject.
    """

    format: ClassVar[str] = "jsonl"

    def plan(self, scratch: Path) -> Plan:
        """Reads the lists once, and brings the entries of one image together.

        Raises:
            SourceError: a list that is one JSON value cannot be read.
        """
        image, hashes, n_blank = str(self.rows.fields.image), array("Q"), 0
        for path in self.paths:
            number = -1
            for line, entry in self.entries(path):
                if not line:
                    n_blank += 1
                    continue
                number += 1
                value = entry.get(image) if isinstance(entry, Mapping) and self.one_row_per != "image" else None
                hashes.append(self._hash(path, number, value))
        return self._plan(None, lambda: hashes, scratch, aside={"blank line": n_blank} if n_blank else {})

    def _parser(self) -> Callable[[Payload], Row | Reject | Aside]:
        return self._parse

    def _parse(self, payload: Payload) -> Row | Reject:
        entry = parsed_entry(payload.row)
        if isinstance(entry, Mapping):
            return Row(payload.path, payload.number, self.row(entry))
        reason = entry if isinstance(entry, str) else f"expected an object, got {type(entry).__name__}"
        return Reject(None, payload.path, f"row {payload.number + 1}", f"malformed JSON: {reason}")

    def _payloads(self) -> Iterator[Payload]:
        for path in self.paths:
            lines = (line for line, _ in self.entries(path) if line)
            yield from (Payload(path, number, line) for number, line in enumerate(lines))

    @staticmethod
    def entries(path: str) -> Iterator[tuple[bytes, object]]:
        """The entries of one list, each with its bytes, which are empty for a blank line."""
        return list_entries(path)

    @staticmethod
    def row(entry: Mapping[str, object]) -> Mapping[str, object]:
        """An entry as a row of values."""
        return entry


@dataclasses.dataclass(frozen=True)
class KarpathyReader(ListReader):
    """Karpathy's JSON of COCO, Flickr8k and Flickr30k: images with sentences, and a split, which is the role.

    Attributes:
        splits: that are read; () reads all. Records of others are left aside.
    """

    format: ClassVar[str] = "karpathy"
    splits: tuple[str, ...] = ()

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The records of one piece that are of the splits."""
        for found in super().read(piece):
            if self.splits and isinstance(found, Draft) and found.role not in self.splits:
                yield Aside(f"split '{found.role}'")
            else:
                yield found

    @staticmethod
    def entries(path: str) -> Iterator[tuple[bytes, object]]:
        """The images of the file."""
        images = whole_json(path, dict).get("images")
        if not isinstance(images, list):
            raise SourceError(f"{path} holds no list of images; expected Karpathy's 'images' with 'sentences'")
        for data, image in whole_entries(images):
            yield data, KarpathyReader.row(image) if isinstance(image, Mapping) else image

    @staticmethod
    def row(entry: Mapping[str, object]) -> Mapping[str, object]:
        """An image as a row: the path that the file gives, the raw sentences, the split."""
        folder, name, sentences = entry.get("filepath"), entry.get("filename"), entry.get("sentences")
        path = f"{folder}/{name}" if isinstance(folder, str) and folder and isinstance(name, str) else name
        raw = (
            [part.get("raw") for part in sentences if isinstance(part, Mapping)]
            if isinstance(sentences, list)
            else None
        )
        return {"filename": path, "sentences": raw, "split": entry.get("split")}


def open_list(paths: Sequence[str], options: ReaderOptions) -> ListReader:
    """A reader of JSON lines or arrays; the fields are those of the first entries of every list.

    Raises:
        SourceError: malformed JSON, or no field of images.
    """
    names, fault = dict[str, None](), "it is empty"
    first = (itertools.islice(ListReader.entries(path), SEEN_FOR_FIELDS) for path in paths)
    for _, entry in itertools.chain.from_iterable(first):
        if isinstance(entry, Mapping):
            names |= dict.fromkeys(str(name) for name in entry)
        elif isinstance(entry, str):
            fault = entry or fault
    if not names:
        raise SourceError(f"{paths[0]} holds no JSON objects, one a line, in UTF-8: {fault}")
    chosen = choose_columns(list(names), options.fields, path=paths[0], captions_required=options.captions_required)
    rows = row_options(
        paths,
        options,
        chosen,
        corners=find_corners(list(names)),
        images=lambda: _cells(ListReader, paths, str(chosen.image)),
    )
    return ListReader(tuple(paths), rows, options.one_row_per, remarks=table_remarks(list(names), rows))


def open_karpathy(paths: Sequence[str], options: ReaderOptions) -> KarpathyReader:
    """A reader of Karpathy's JSON.

    Raises:
        SourceError: it has no such split.
    """
    there = set(_cells(KarpathyReader, paths, "split")) if options.splits else set()
    for split in options.splits:
        if split not in there:
            known = ", ".join(sorted(name for name in there if isinstance(name, str)))
            raise SourceError(f"{paths[0]} has no split '{split}'; its splits are {known}")
    chosen = dataclasses.replace(options.fields, image="filename", captions=("sentences",), role="split")
    rows = row_options(
        paths,
        dataclasses.replace(options, fields=Fields()),
        chosen,
        images=lambda: _cells(KarpathyReader, paths, "filename"),
    )
    return KarpathyReader(tuple(paths), rows, "image", remarks=rows.found_elsewhere, splits=options.splits)


def _cells(reader: type[ListReader], paths: Sequence[str], field: str) -> Iterator[object]:
    """What every entry has in a field."""
    for path in paths:
        yield from (entry.get(field) for _, entry in reader.entries(path) if isinstance(entry, Mapping))
