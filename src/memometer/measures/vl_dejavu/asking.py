"""One role of a VL-Déjà-Vu audit: its captions are asked of every model, and scored by the objects that come back."""

import dataclasses
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.guards import check_public
from memometer.audits.inputs import Model
from memometer.data.records import Records
from memometer.embeddings import embed_texts
from memometer.errors import InputError
from memometer.measures.vl_dejavu.direction import Direction, score_direction
from memometer.measures.vl_dejavu.searching import PublicSet
from memometer.measures.vl_dejavu.summary import NO_DIRECTION
from memometer.neighbors import Neighbors
from memometer.objects.nouns import mentioned
from memometer.objects.sets import ObjectSets, label_union, object_sets
from memometer.objects.vocabulary import Vocabulary

__all__ = ["Setting", "direction_of", "labels_of"]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all roles of one audit share.

    Attributes:
        models: ``target``, ``reference`` and further references, by name.
        public: the public records and the models' vectors of them.
        public_sets: their objects.
        vocabulary: decides which objects a caption names; None takes the built-in one.
        k: public records per caption.
        ks: all k that are reported, rising.
        caption: the number of the caption that is the query, from 1.
    """

    models: dict[str, Model]
    public: PublicSet
    public_sets: ObjectSets
    vocabulary: Vocabulary | None
    k: int
    ks: tuple[int, ...]
    caption: int


def labels_of(public: Records, roles: dict[str, Records], *, k: int) -> pa.Array:
    """All labels of the audit.

    Raises:
        InputError: fewer public records than k, or no label at all.
    """
    check_public(len(public), k=k)
    labels = label_union([public.table["objects"], *(part.table["objects"] for part in roles.values())])
    if not len(labels):
        raise InputError(
            "neither the records nor the public images hold any object; import them with labels, or take the nouns "
            "of the captions: memometer data import … --objects captions"
        )
    return labels


def direction_of(setting: Setting, name: str, records: Records) -> tuple[Direction, ...]:
    """Scores the records of one role against every reference; backward swaps which model is the target.

    Args:
        setting: of the audit.
        name: of the role: ``forward``, ``backward`` or ``control``.
        records: of the role.

    Returns:
        One per reference; backward, where there is but one, that one.

    Raises:
        InputError: no record has a query caption that every model can embed.
    """
    models = {model: model for model in setting.models}
    if name == "backward":
        models = {"target": "reference", "reference": "target"}  # further references were trained on nobody's records
    counts = pc.fill_null(pc.list_value_length(records.column("captions")), 0)
    queried: npt.NDArray[np.bool_] = pc.greater_equal(counts, setting.caption).to_numpy(zero_copy_only=False)
    skipped = {"no query caption": int((~queried).sum())}
    asked = dataclasses.replace(records, table=records.table.filter(pa.array(queried)))
    if not len(asked):
        if not pc.any(pc.greater(counts, 0)).as_py():
            raise InputError(
                f"none of the {len(records):,} {name} records has a caption, which this measure asks about: import "
                "them with captions, or use audit image-dejavu, which needs labels and boxes alone"
            )
        raise InputError(f"no record has a caption number {setting.caption}; pass a smaller --caption")
    captions = {
        side: embed_texts(
            asked,
            cast("Any", setting.models[model]),  # `searched_side` has seen that it has a text tower
            store=setting.public.store,
            caption=setting.caption,
            label=f"captions, {name}, {side}",
        )
        for side, model in models.items()
    }
    reasons = {record_id: reason for part in captions.values() for record_id, reason in part.rejects}
    if reasons:
        unusable = pc.is_in(records.record_ids, value_set=pa.array(list(reasons), pa.string()))
        queried &= ~unusable.to_numpy(zero_copy_only=False)
        skipped[NO_DIRECTION] = len(reasons)
        asked = dataclasses.replace(records, table=records.table.filter(pa.array(queried)))
        if not len(asked):
            raise InputError(f"no query caption can be embedded by every model: {next(iter(reasons.values()))}")
        captions = {
            side: dataclasses.replace(part, embeddings=part.embeddings.select(asked.record_ids))
            for side, part in captions.items()
        }
    labels = setting.public_sets.labels
    queries = pc.list_element(asked.column("captions"), setting.caption - 1)

    def neighbors(side: str) -> Neighbors:
        label = f"{name}, {side}"
        return setting.public.neighbors(captions[side], models[side], k=setting.ks[-1], label=label)

    return score_direction(
        name=name,
        records=records,
        queried=queried,
        objects=object_sets(asked.table["objects"], labels=labels),
        named=mentioned(queries, labels=labels, vocabulary=setting.vocabulary),
        public=setting.public_sets,
        neighbors=neighbors,
        others=tuple(model for model in models if model not in ("target", "reference")),
        k=setting.k,
        ks=setting.ks,
        caption=setting.caption,
        unqueried=skipped,
    )
