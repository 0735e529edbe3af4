"""The public set as the models of a VL-Déjà-Vu audit see it, and the search of captions in it."""

import dataclasses
from pathlib import Path
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc

from memometer.arrays import read_arrays, write_arrays
from memometer.audits.inputs import Model
from memometer.data.records import Records
from memometer.embeddings import Embedded, embed_images, embed_texts
from memometer.encoders import has_tower
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.measures.vl_dejavu.options import Search
from memometer.neighbors import Neighbors, search
from memometer.progress import progress_bar

__all__ = ["PublicSet", "Searched", "fitted", "prepare_public", "searched_side"]

Searched = Literal["images", "captions"]
"""What a model's captions are looked up among."""


@dataclasses.dataclass(frozen=True)
class PublicSet:
    """The public records that every model could embed, with each model's vectors of them.

    Attributes:
        records: m records.
        vectors: by model: of their images, or of their captions where the model searches captions.
        store: where embeddings and neighbours are kept.
        device: where the search runs.
        rejects: public records that a model could not embed.
    """

    records: Records
    vectors: dict[str, Embedded]
    store: Path
    device: str
    rejects: tuple[dict[str, str], ...]

    def neighbors(self, captions: Embedded, model: str, *, k: int, label: str) -> Neighbors:
        """The k public records nearest to every caption under one model, kept on disk for the next run."""
        public = self.vectors[model]
        key = hash_json([captions.key, len(captions.embeddings), public.key, len(public.embeddings), k])
        path = self.store / f"neighbors-{key}.npz"
        stored = read_arrays(path, ("rows", "similarities"))
        if stored is not None:
            return Neighbors(rows=stored["rows"], similarities=stored["similarities"])
        with progress_bar(f"searching, {label}", total=len(captions.embeddings), unit="captions") as advance:
            found = search(captions.embeddings, public.embeddings, k, device=self.device, progress=advance)
        write_arrays(path, {"rows": found.rows, "similarities": found.similarities})
        return found


def searched_side(model: Model, *, asked: Search, name: str, spec: str) -> Searched:
    """What a model's captions are looked up among: public images, or public captions where it has no image tower.

    Args:
        model: what the audit asks.
        asked: ``t2t`` searches captions with every model.
        name: of the model in the audit.
        spec: what the user named it by.

    Raises:
        InputError: it has no text tower, so it cannot embed the query.
    """
    if not has_tower(model, "text"):
        raise InputError(
            f"the {name} '{spec}' has no text tower, so it cannot look up a caption; give a CLIP-like model or a text "
            "encoder, or measure its image tower with 'memometer audit image-dejavu'"
        )
    return "images" if asked == "t2i" and has_tower(model, "image") else "captions"


def fitted(model: Model, public: Records, *, caption: int) -> Model:
    """The model itself, or, where it learns from texts (``text:tfidf``), fitted on the public captions alone.

    Raises:
        InputError: no public record has that caption.
    """
    fit = getattr(model, "fitted_on", None)
    if fit is None:
        return model
    captions = pc.list_element(
        _with_caption(public, caption, spec=str(getattr(model, "spec", ""))).column("captions"), caption - 1
    )
    fresh: Model = fit(captions.to_pylist())
    return fresh


def prepare_public(
    public: Records,
    models: dict[str, Model],
    *,
    sides: dict[str, Searched],
    caption: int,
    store: Path,
    workers: int,
    batch_size: int,
    device: str,
) -> PublicSet:
    """Embeds the public set with every model and keeps the records that all of them could embed.

    Args:
        public: the public records.
        models: by name.
        sides: what each one searches.
        caption: the number of the public caption that is searched, from 1.
        store: where embeddings are kept.
        workers: processes that decode images.
        batch_size: images per forward pass.
        device: where the search runs.

    Raises:
        InputError: captions are searched and no public record has one.
    """
    captioned = public
    for name, side in sides.items():
        if side == "captions":
            captioned = _with_caption(public, caption, spec=str(getattr(models[name], "spec", name)))
    embedded = {}
    for name, each in models.items():
        model = cast("Any", each)  # `searched_side` has seen that it has the tower
        label = f"public {sides[name]}, {name}"
        if sides[name] == "images":
            embedded[name] = embed_images(
                public,
                model,
                store=store,
                workers=workers,
                batch_size=batch_size,
                label=label,
            )
        else:
            embedded[name] = embed_texts(captioned, model, store=store, caption=caption, label=label)
    reasons = {record_id: reason for part in embedded.values() for record_id, reason in part.rejects}
    if len(captioned) < len(public):
        lacking = pc.invert(pc.is_in(public.record_ids, value_set=captioned.record_ids))
        reasons |= dict.fromkeys(public.record_ids.filter(lacking).to_pylist(), f"no caption {caption}")
    usable = public
    if reasons:
        left_out = pc.is_in(public.table["record_id"], value_set=pa.array(list(reasons), pa.string()))
        usable = dataclasses.replace(public, table=public.table.filter(pc.invert(left_out)))
        embedded = {
            name: dataclasses.replace(part, embeddings=part.embeddings.select(usable.record_ids))
            for name, part in embedded.items()
        }
    rejects = tuple({"record_id": name, "side": "public", "reason": reason} for name, reason in reasons.items())
    return PublicSet(usable, embedded, store, device, rejects)


def _with_caption(public: Records, caption: int, *, spec: str) -> Records:
    """The public records that have a caption of this number."""
    counts = pc.fill_null(pc.list_value_length(public.column("captions")), 0)
    having = dataclasses.replace(public, table=public.table.filter(pc.greater_equal(counts, caption)))
    if not len(having):
        raise InputError(
            f"no public record has a caption number {caption}, but '{spec}' searches public captions, not images: give "
            "a public set with captions, a smaller --public-caption, or a model with an image tower"
        )
    return having
