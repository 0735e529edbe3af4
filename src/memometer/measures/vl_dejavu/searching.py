"""The public set as the models of a VL-Déjà-Vu audit see it, and the search of captions in it."""

import dataclasses
from typing import Literal

import pyarrow.compute as pc

from memometer.audits.inputs import Model
from memometer.data.records import Records
from memometer.embeddings import Embedded, embed_images, embed_texts
from memometer.encoders import has_tower
from memometer.errors import InputError
from memometer.measures.vl_dejavu.options import Search, VLDejaVuOptions
from memometer.runs.options import spec_of
from memometer.storage.paths import AnyPath

__all__ = ["PublicSet", "Searched", "fitted", "prepare_public", "searched_side"]

Searched = Literal["images", "captions"]
"""What a model's captions are looked up among."""


@dataclasses.dataclass(frozen=True)
class PublicSet:
    """The public records that every model could embed, with each model's vectors of them.

    Attributes:
        records: m records.
        vectors: by model: of their images, or of their captions where the model searches captions.
        rejects: public records that a model could not embed.
    """

    records: Records
    vectors: dict[str, Embedded]
    rejects: tuple[dict[str, str], ...]


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
    having = _with_caption(public, caption, spec=spec_of(model))
    captions = pc.list_element(having.column("captions"), caption - 1)
    fresh: Model = fit(captions.to_pylist())
    return fresh


def prepare_public(
    public: Records, models: dict[str, Model], options: VLDejaVuOptions, *, sides: dict[str, Searched], store: AnyPath
) -> PublicSet:
    """Embeds the public set with every model and keeps the records that all of them could embed.

    Args:
        public: the public records.
        models: by name.
        options: of the audit.
        sides: what each one searches.
        store: where embeddings are kept.

    Raises:
        InputError: captions are searched and no public record has one.
    """
    captioned, caption = public, options.public_caption
    for name, side in sides.items():
        if side == "captions":
            captioned = _with_caption(public, caption, spec=str(getattr(models[name], "spec", name)))
    embedded = {}
    for name, model in models.items():
        label = f"public {sides[name]}, {name}"
        if sides[name] == "images":
            embedded[name] = embed_images(public, model, store=store, **options.decoding, label=label)
        else:
            embedded[name] = embed_texts(captioned, model, store=store, caption=caption, label=label)
    reasons = {record_id: reason for part in embedded.values() for record_id, reason in part.rejects}
    if len(captioned) < len(public):
        lacking = public.where(~public.among(captioned.record_ids.to_pylist()))
        reasons |= dict.fromkeys(lacking.record_ids.to_pylist(), f"no caption {caption}")
    usable = public
    if reasons:
        usable = public.where(~public.among(reasons))
        embedded = {
            name: dataclasses.replace(part, embeddings=part.embeddings.select(usable.record_ids))
            for name, part in embedded.items()
        }
    rejects = tuple({"record_id": name, "side": "public", "reason": reason} for name, reason in reasons.items())
    return PublicSet(usable, embedded, rejects)


def _with_caption(public: Records, caption: int, *, spec: str) -> Records:
    """The public records that have a caption of this number."""
    having = public.where(public.have_caption(caption))
    if not len(having):
        raise InputError(
            f"no public record has a caption number {caption}, but '{spec}' searches public captions, not images: give "
            "a public set with captions, a smaller --public-caption, or a model with an image tower"
        )
    return having
