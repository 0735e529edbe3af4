"""The gallery: the most memorized records with both models' neighbours (paper A, Figure 1)."""

import dataclasses
from typing import Any

import pyarrow as pa

from memometer.report.items import MAX_CAPTION, MAX_CAPTIONS, MAX_ID, MAX_LABEL, MAX_NEIGHBORS, MAX_RECORDS
from memometer.report.lazy import pc
from memometer.report.pictures import Picture, Pictures
from memometer.report.text import Clipped, clip

__all__ = ["Chip", "GalleryRecord", "NeighborCard", "Strip", "gallery_records"]

MAX_OBJECTS = 40
MAX_CORRECT = 12
MAX_WRONG = 6


@dataclasses.dataclass(frozen=True)
class Chip:
    """One object's name.

    Attributes:
        label: the name.
        hit: whether the record's own image holds it.
        unmentioned: whether it is the record's and the query caption does not name it.
    """

    label: Clipped
    hit: bool
    unmentioned: bool


@dataclasses.dataclass(frozen=True)
class NeighborCard:
    """One public image that a model found."""

    record_id: Clipped
    similarity: float
    picture: Picture
    chips: tuple[Chip, ...]
    n_more: int


@dataclasses.dataclass(frozen=True)
class Strip:
    """The neighbours that one model found, nearest first."""

    trained: bool
    cards: tuple[NeighborCard, ...]


@dataclasses.dataclass(frozen=True)
class GalleryRecord:
    """One record of the gallery.

    Attributes:
        rank: its place, from 1.
        record_id: its id.
        direction: ``"forward"`` or ``"backward"``.
        captions: the first is the query.
        n_captions: how many there are in all.
        groups: its objects by which model recovers them: (heading, chips), without empty ones.
        n_more: how many of its objects are not listed.
        picture: its image.
        n_correct: correct ones among the top objects: (model trained on it, the other).
        strips: the neighbours of the model trained on it, then of the other.
    """

    rank: int
    record_id: Clipped
    direction: str
    captions: tuple[Clipped, ...]
    n_captions: int
    groups: tuple[tuple[str, tuple[Chip, ...]], ...]
    n_more: int
    picture: Picture
    n_correct: tuple[int | None, int | None]
    strips: tuple[Strip, Strip]


GROUPS = {
    (True, False): "Recovered only by the model trained on it",
    (True, True): "Recovered by both",
    (False, True): "Recovered only by the other",
    (False, False): "Recovered by neither",
}


def gallery_records(table: pa.Table, *, pictures: Pictures) -> tuple[GalleryRecord, ...]:
    """The first records of a gallery, their texts clipped, their thumbnails placed in the order of their ranks.

    Args:
        table: the gallery of an `Audit`.
        pictures: gives the thumbnails their room.
    """
    order = pc.sort_indices(table["rank"])[:MAX_RECORDS].to_pylist()
    return tuple(_record(table.slice(row, 1).to_pylist()[0], pictures) for row in order)


def _record(row: dict[str, Any], pictures: Pictures) -> GalleryRecord:
    captions = row["captions"] or []
    objects = row["objects"] or []
    shown = objects[:MAX_OBJECTS]
    groups = (
        (
            heading,
            tuple(
                Chip(
                    clip(entry["label"], limit=MAX_LABEL),
                    hit=entry["target"] or entry["reference"],
                    unmentioned=not entry["mentioned"],
                )
                for entry in shown
                if (bool(entry["target"]), bool(entry["reference"])) == recovered
            ),
        )
        for recovered, heading in GROUPS.items()
    )
    return GalleryRecord(
        rank=row["rank"],
        record_id=clip(row["record_id"], limit=MAX_ID),
        direction=row["direction"],
        captions=tuple(clip(caption, limit=MAX_CAPTION) for caption in captions[:MAX_CAPTIONS]),
        n_captions=len(captions),
        groups=tuple((heading, chips) for heading, chips in groups if chips),
        n_more=len(objects) - len(shown),
        picture=pictures.place(row["image"]),
        n_correct=(row["n_correct_target"], row["n_correct_reference"]),
        strips=(
            _strip(row["target_neighbors"], pictures, trained=True),
            _strip(row["reference_neighbors"], pictures, trained=False),
        ),
    )


def _strip(neighbors: list[dict[str, Any]] | None, pictures: Pictures, *, trained: bool) -> Strip:
    return Strip(trained, tuple(_card(neighbor, pictures) for neighbor in (neighbors or [])[:MAX_NEIGHBORS]))


def _card(neighbor: dict[str, Any], pictures: Pictures) -> NeighborCard:
    """A neighbour with its correct objects first: unmentioned ones, then mentioned ones, then the wrong ones."""
    objects = neighbor["objects"] or []
    correct = sorted((entry for entry in objects if entry["correct"]), key=lambda entry: entry["mentioned"])
    wrong = [entry for entry in objects if not entry["correct"]]
    shown = correct[:MAX_CORRECT] + wrong[:MAX_WRONG]
    return NeighborCard(
        record_id=clip(neighbor["record_id"], limit=MAX_ID),
        similarity=neighbor["similarity"],
        picture=pictures.place(neighbor["image"]),
        chips=tuple(
            Chip(
                clip(entry["label"], limit=MAX_LABEL),
                hit=entry["correct"],
                unmentioned=entry["correct"] and not entry["mentioned"],
            )
            for entry in shown
        ),
        n_more=len(objects) - len(shown),
    )
