"""The scores of one role as a stage of pieces: of each lot of records a few small numbers stay, and nothing else."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer import __version__
from memometer.arrays import Arrays
from memometer.data.records import Records, hash_records
from memometer.files import hash_bytes, hash_json
from memometer.measures.vl_dejavu.direction import OVER, Side
from memometer.measures.vl_dejavu.scores import TopCounts, UnionScores, score_union, top_objects
from memometer.neighbors import KeptNeighbors
from memometer.objects.lists import pointers
from memometer.objects.nouns import mentioned
from memometer.objects.sets import ObjectSets, object_sets
from memometer.objects.vocabulary import Vocabulary, default_vocabulary
from memometer.pieces import Pieces, Span, in_pieces
from memometer.progress import progress_bar
from memometer.storage.paths import AnyPath

__all__ = ["Scored", "scored_in_lots"]

LOT = 1 << 16
"""Records scored at a time: bounds the memory, changes no result."""

COUNTS = ("predicted", "hits", "predicted_unmentioned", "hits_unmentioned")
"""Of `UnionScores`, for every k."""

TOPS = ("correct", "n_predicted")
"""Of `TopCounts`, over all and over unmentioned objects."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """What the models say of the n records of a role.

    Attributes:
        objects: theirs.
        named: the labels that the query caption of each names.
        sides: by model.
    """

    objects: ObjectSets
    named: ObjectSets
    sides: dict[str, Side]


@dataclasses.dataclass(frozen=True)
class Scoring:
    """What makes the pieces of one role.

    Attributes:
        records: n records with ``captions`` and ``objects``, all of which have the caption.
        caption: the number of the query caption, from 1.
        public: the objects of the public images.
        vocabulary: decides which objects a caption names; None takes the built-in one.
        neighbors: by model, of the captions among the public images.
        ks: all k that are scored, rising.
        k: that of the headline.
    """

    records: pa.Table
    caption: int
    public: ObjectSets
    vocabulary: Vocabulary | None
    neighbors: Mapping[str, KeptNeighbors]
    ks: tuple[int, ...]
    k: int

    def __call__(self, span: Span) -> Arrays:
        """The numbers of the records of a span, in the narrowest types that hold them."""
        lot = self.records.slice(span[0], span[1] - span[0])
        labels = self.public.labels
        objects = object_sets(lot["objects"], labels=labels)
        captions = pc.list_element(lot["captions"], self.caption - 1)
        named = mentioned(captions, labels=labels, vocabulary=self.vocabulary)
        count = np.min_scalar_type(len(labels))
        found: Arrays = {
            "sizes": objects.sizes.astype(count),
            "indices": objects.indices,
            "named sizes": named.sizes.astype(count),
            "named indices": named.indices,
        }
        for side, neighbors in self.neighbors.items():
            rows = neighbors.rows(*span, k=self.ks[-1])
            given: dict[str, Any] = {"objects": objects, "public": self.public}
            union = score_union(**given, named=named, neighbors=rows, ks=self.ks, found_k=self.k)
            counts = np.stack([getattr(union, name) for name in COUNTS])
            tops = [
                top_objects(**given, named=struck, neighbors=rows[:, : self.k])
                for struck in (None, named)  # as in OVER
            ]
            found |= {
                "unmentioned": union.unmentioned,
                "n_unmentioned": union.n_unmentioned.astype(count),
                f"counts, {side}": counts.astype(count),
                f"found, {side}": union.found,
                f"top, {side}": np.array([[getattr(top, name) for name in TOPS] for top in tops], np.uint8),
                f"similarity, {side}": neighbors.similarities(*span)[:, 0].copy(),
            }
        return found


def scored_in_lots(work: Scoring, *, key: list[Any], store: AnyPath, label: str) -> Scored:
    """The scores of all records; what is in ``store`` of them already is read.

    Args:
        work: what makes them.
        key: names the neighbours of every model, and with them the public images.
        store: where they are kept.
        label: what the progress bar says.
    """
    vocabulary, public = work.vocabulary or default_vocabulary(), work.public
    content = [
        *key,
        hash_records(Records(work.records, store), ["captions", "objects"]),
        work.caption,
        [hash_bytes(each.tobytes()) for each in (public.indptr, public.indices, public.scores) if each is not None],
        public.labels.to_pylist(),
        {term: list(forms) for term, forms in vocabulary.forms.items()},
        [*work.ks, work.k, LOT, __version__],
    ]
    n = work.records.num_rows
    name = f"scores-{hash_json(content)}"
    with progress_bar(f"scoring, {label}", total=n, unit="records") as advance:
        pieces = in_pieces(store / name, n=n, make=work, size=LOT, advance=advance)
    return _gathered(pieces, work)


def _gathered(pieces: Pieces, work: Scoring) -> Scored:
    """The numbers of all lots, each held once."""
    taken = pieces.taken
    objects, named = (
        ObjectSets(pointers(taken(f"{what}sizes")), taken(f"{what}indices"), work.public.labels)
        for what in ("", "named ")
    )
    count = np.min_scalar_type(len(work.public.labels))
    n_objects, n_unmentioned = objects.sizes.astype(count), taken("n_unmentioned")
    unmentioned = taken("unmentioned")
    sides = {}
    for side, neighbors in work.neighbors.items():
        counts, top = taken(f"counts, {side}"), taken(f"top, {side}")
        union = UnionScores(
            ks=work.ks,
            n_objects=n_objects,
            n_unmentioned=n_unmentioned,
            **dict(zip(COUNTS, counts, strict=True)),
            found=taken(f"found, {side}"),
            unmentioned=unmentioned,
        )
        tops = {
            over: TopCounts(**dict(zip(TOPS, part, strict=True)), n_own=own)
            for over, part, own in zip(OVER, top, (n_objects, n_unmentioned), strict=True)
        }
        sides[side] = Side(neighbors, taken(f"similarity, {side}"), union, tops)
    return Scored(objects, named, sides)
