"""One role of a VL-Déjà-Vu audit: its captions are asked of every model, and scored by the objects that come back."""

import dataclasses

import pyarrow as pa

from memometer.audits.guards import check_public
from memometer.audits.inputs import Model
from memometer.data.records import Records
from memometer.embeddings import embed_texts
from memometer.errors import InputError
from memometer.measures.vl_dejavu.direction import Direction
from memometer.measures.vl_dejavu.options import VLDejaVuOptions
from memometer.measures.vl_dejavu.scoring import Scoring, scored_in_lots
from memometer.measures.vl_dejavu.searching import PublicSet
from memometer.measures.vl_dejavu.summary import NO_DIRECTION
from memometer.neighbors import kept_search
from memometer.objects.sets import ObjectSets, label_union
from memometer.objects.vocabulary import Vocabulary
from memometer.storage.paths import AnyPath

__all__ = ["Setting", "direction_of", "labels_of"]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all roles of one audit share.

    Attributes:
        options: of the audit.
        models: ``target``, ``reference`` and further references, by name.
        public: the public records and the models' vectors of them.
        public_sets: their objects.
        vocabulary: decides which objects a caption names; None takes the built-in one.
        ks: all k that are reported, rising.
        store: where embeddings and neighbours are kept.
    """

    options: VLDejaVuOptions
    models: dict[str, Model]
    public: PublicSet
    public_sets: ObjectSets
    vocabulary: Vocabulary | None
    ks: tuple[int, ...]
    store: AnyPath


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
    options, public = setting.options, setting.public_sets
    models = {model: model for model in setting.models}
    if name == "backward":
        models = {"target": "reference", "reference": "target"}  # further references were trained on nobody's records
    queried = records.have_caption(options.caption)
    skipped = {"no query caption": int((~queried).sum())}
    if not queried.any():
        if not records.have_caption(1).any():
            raise InputError(
                f"none of the {len(records):,} {name} records has a caption, which this measure asks about: import "
                "them with captions, or use audit image-dejavu, which needs labels and boxes alone"
            )
        raise InputError(f"no record has a caption number {options.caption}; pass a smaller --caption")
    asked = records if queried.all() else records.where(queried)
    captions = {
        side: embed_texts(
            asked,
            setting.models[model],
            store=setting.store,
            caption=options.caption,
            label=f"captions, {name}, {side}",
        )
        for side, model in models.items()
    }
    reasons = {record_id: reason for part in captions.values() for record_id, reason in part.rejects}
    if reasons:
        queried &= ~records.among(reasons)
        skipped[NO_DIRECTION] = len(reasons)
        if not queried.any():
            raise InputError(f"no query caption can be embedded by every model: {next(iter(reasons.values()))}")
        asked = records.where(queried)
        captions = {
            side: dataclasses.replace(part, embeddings=part.embeddings.select(asked.record_ids))
            for side, part in captions.items()
        }
    neighbors, keys = {}, []
    for side, model in models.items():
        asks, bank = captions[side], setting.public.vectors[model]
        keys.append([side, asks.key, bank.key])
        neighbors[side] = kept_search(
            setting.store,
            [asks.key, bank.key],
            asks.embeddings,
            bank.embeddings,
            setting.ks[-1],
            device=options.device,
            label=f"{name}, {side}",
            unit="captions",
        )
    work = Scoring(
        records=asked.table.select(["captions", "objects"]),
        caption=options.caption,
        public=public,
        vocabulary=setting.vocabulary,
        neighbors=neighbors,
        ks=setting.ks,
        k=options.k,
    )
    scored = scored_in_lots(work, key=keys, store=setting.store, label=name)
    objects, sides = scored.objects, scored.sides
    skipped["no object"] = int((objects.sizes == 0).sum())
    first = Direction(
        name=name,
        records=records,
        queried=queried,
        objects=objects,
        named=scored.named,
        target=sides["target"],
        reference=sides["reference"],
        k=options.k,
        caption=options.caption,
        skipped={reason: count for reason, count in skipped.items() if count},
    )
    return tuple(dataclasses.replace(first, reference=found) for side, found in sides.items() if side != "target")
