"""The gallery of all measures but VL-Déjà-Vu: records with their picture, a few facts, and strips of other pictures."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from memometer.report.lazy import pc
from memometer.report.pictures import Picture, Pictures
from memometer.report.text import DASH, Clipped, clip, signed
from memometer.runs import Run

__all__ = ["Card", "Item", "Mark", "Strip", "has_pictures", "item_sections"]

MAX_RECORDS = 50
MAX_CAPTIONS = 6
MAX_CAPTION = 1000
MAX_NEIGHBORS = 10
MAX_LABEL = 60
MAX_ID = 120
MAX_FACTS = 16
MAX_MARKS = 20
MAX_TEXT = 200
Formats = Mapping[str, Callable[[float], str]]
NO_FORMATS: Formats = {}


@dataclasses.dataclass(frozen=True)
class Mark:
    """A rectangle over a picture, in percent of its width and height.

    Attributes:
        kind: ``"crop"`` or ``"box"``.
    """

    kind: str
    label: Clipped
    left: float
    top: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True)
class Card:
    """One picture of a strip; ``hit`` is None where there is nothing to be right about."""

    record_id: Clipped
    label: Clipped
    hit: bool | None
    picture: Picture


@dataclasses.dataclass(frozen=True)
class Strip:
    """Pictures in a row; ``trained`` is whether they come from the model that was trained on the record."""

    title: Clipped
    trained: bool
    cards: tuple[Card, ...]


@dataclasses.dataclass(frozen=True)
class Item:
    """One record of the gallery."""

    rank: int
    record_id: Clipped
    captions: tuple[Clipped, ...]
    picture: Picture
    marks: tuple[Mark, ...]
    facts: tuple[tuple[Clipped, Clipped], ...]
    strips: tuple[Strip, ...]


def item_sections(
    audit: Run, pictures: Pictures, *, formats: Formats = NO_FORMATS
) -> tuple[tuple[str, tuple[Item, ...]], ...]:
    """(heading, its items) in the order of their ranks, texts clipped, pictures placed.

    Args:
        audit: its ``gallery`` has the columns of `memometer.runs.items.ITEM_SCHEMA`.
        pictures: gives the thumbnails their room.
        formats: name of a fact → how its number is shown; others as signed numbers.
    """
    table = audit.gallery
    order = pc.sort_indices(table["rank"])[:MAX_RECORDS].to_pylist()
    rows = [table.slice(row, 1).to_pylist()[0] for row in order]
    return tuple(
        (clip(section, limit=MAX_TEXT).text, tuple(_item(row, pictures, formats) for row in group))
        for section, group in itertools.groupby(rows, key=lambda row: row["section"])
    )


def has_pictures(table: pa.Table) -> bool:
    """Whether a gallery has any picture, of its records or of others beside them."""
    return any(map(_pictured, table.columns))


def _pictured(column: pa.ChunkedArray) -> bool:
    if pa.types.is_list(column.type):
        return _pictured(pc.list_flatten(column))
    if pa.types.is_struct(column.type):
        return any(_pictured(pc.struct_field(column, place)) for place in range(column.type.num_fields))
    return bool(pa.types.is_binary(column.type)) and len(column) > column.null_count


def _item(row: dict[str, Any], pictures: Pictures, formats: Formats) -> Item:
    return Item(
        rank=row["rank"],
        record_id=clip(row["record_id"], limit=MAX_ID),
        captions=tuple(clip(caption, limit=MAX_CAPTION) for caption in (row["captions"] or [])[:MAX_CAPTIONS]),
        picture=pictures.place(row["image"]),
        marks=tuple(_mark(mark) for mark in (row["marks"] or [])[:MAX_MARKS]),
        facts=tuple(
            (clip(fact["name"], limit=MAX_TEXT), clip(_value(fact, formats), limit=MAX_TEXT))
            for fact in (row["facts"] or [])[:MAX_FACTS]
        ),
        strips=tuple(_strip(strip, pictures) for strip in row["strips"] or []),
    )


def _value(fact: dict[str, Any], formats: Formats) -> str:
    number, text = fact.get("number"), fact.get("text", fact.get("value"))  # value: of runs that kept numbers as text
    if number is None:
        return DASH if text is None else text
    shown = formats.get(fact["name"], signed)(number)
    return f"{shown} {text}" if text else shown


def _mark(mark: dict[str, Any]) -> Mark:
    left, top, width, height = (min(max(100 * float(mark[name]), 0.0), 100.0) for name in "xywh")
    return Mark(
        "crop" if mark["kind"] == "crop" else "box", clip(mark["label"], limit=MAX_LABEL), left, top, width, height
    )


def _strip(strip: dict[str, Any], pictures: Pictures) -> Strip:
    cards = tuple(
        Card(
            record_id=clip(card["record_id"], limit=MAX_ID),
            label=clip(card["label"] or "", limit=MAX_LABEL),
            hit=card["hit"],
            picture=pictures.place(card["image"]),
        )
        for card in (strip["cards"] or [])[:MAX_NEIGHBORS]
    )
    return Strip(clip(strip["title"], limit=MAX_TEXT), bool(strip["trained"]), cards)
