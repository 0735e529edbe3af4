"""Planted records in a VL-Déjà-Vu audit: how well the ranking by gap finds them, beside low similarity alone."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.inputs import Model
from memometer.audits.planted import find_planted, planted_kinds
from memometer.embeddings import Embeddings, embed_images, embed_texts
from memometer.encoders import has_tower
from memometer.errors import VectorError
from memometer.measures.vl_dejavu.direction import Direction

__all__ = ["planted_among"]

Floats = npt.NDArray[np.float64]


def planted_among(
    direction: Direction, target: Model, *, store: Path, workers: int, batch_size: int
) -> tuple[list[dict[str, Any]] | None, pa.Table | None]:
    """The areas and the ROC curves with which the rankings find what is planted; None where nothing is.

    The rankings: the objects that the target predicts correctly less those of the reference (A's sorting), over all and
    over unmentioned objects; and low similarity of image and caption under the target alone, which needs no reference.

    Args:
        direction: the records under test, scored.
        target: the model that was trained on them.
        store: where embeddings are kept.
        workers: processes that decode images.
        batch_size: images per forward pass.
    """
    kinds = planted_kinds(direction.records.folder, direction.records.record_ids)
    if kinds.null_count == len(kinds):
        return None, None
    scores = {
        "gap": _advantage(direction, "all"),
        "gap, unmentioned": _advantage(direction, "unmentioned"),
    }
    similarity = _similarity(direction, target, store=store, workers=workers, batch_size=batch_size)
    if similarity is not None:
        scores["low similarity"] = -similarity
    return find_planted(kinds, scores, groups=direction.records.groups)


def _advantage(direction: Direction, over: str) -> Floats:
    """(n,) of all records, NaN where not scored."""
    target, reference = direction.target.top[over], direction.reference.top[over]
    scored = np.where(target.n_own > 0, target.correct - reference.correct, np.nan)
    return _spread(direction, scored)


def _similarity(direction: Direction, target: Model, *, store: Path, workers: int, batch_size: int) -> Floats | None:
    """(n,) cosine of each record's own image and query caption; None where the target cannot tell."""
    if not has_tower(target, "image"):
        return None
    model = cast("Any", target)
    asked = direction.records.take(np.flatnonzero(direction.queried))
    try:
        label = "record images, target"
        images = embed_images(asked, model, store=store, workers=workers, batch_size=batch_size, label=label)
        texts = embed_texts(asked, model, store=store, caption=direction.caption, label="record captions, target")
    except VectorError:  # vectors that exist already need not hold the records' own images
        return None
    ids = asked.record_ids
    both = pc.and_(*(pc.is_in(ids, value_set=part.embeddings.record_ids) for part in (images, texts)))
    cosine = np.full(len(asked), np.nan)
    cosine[both.to_numpy(zero_copy_only=False)] = _cosines(images.embeddings, texts.embeddings, ids.filter(both))
    return _spread(direction, cosine)


def _cosines(images: Embeddings, texts: Embeddings, ids: pa.Array) -> Floats:
    left, right = images.select(ids)[:], texts.select(ids)[:]
    cosines: Floats = np.einsum("ij,ij->i", left.astype(np.float64), right.astype(np.float64))
    return cosines


def _spread(direction: Direction, values: Floats) -> Floats:
    full = np.full(len(direction.records), np.nan)
    full[direction.queried] = values
    return full
