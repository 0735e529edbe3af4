"""Planted records in a VL-Déjà-Vu audit: how well the ranking by gap finds them, beside low similarity alone."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.inputs import Model
from memometer.audits.planted import Planted, planted_in
from memometer.embeddings import Embeddings, embed_images, embed_texts
from memometer.encoders import has_tower
from memometer.errors import VectorError
from memometer.measures.vl_dejavu.direction import Direction
from memometer.measures.vl_dejavu.options import VLDejaVuOptions
from memometer.storage.paths import AnyPath

__all__ = ["planted_among"]

Floats = npt.NDArray[np.float64]


def planted_among(direction: Direction, target: Model, options: VLDejaVuOptions, *, store: AnyPath) -> Planted:
    """The areas and the ROC curves with which the rankings find what is planted; None where nothing is.

    The rankings: the objects that the target predicts correctly less those of the reference (A's sorting), over all and
    over unmentioned objects; and low similarity of image and caption under the target alone, which needs no reference.

    Args:
        direction: the records under test, scored.
        target: the model that was trained on them.
        options: of the audit.
        store: where embeddings are kept.
    """

    def scores() -> dict[str, Floats]:
        similarity = _similarity(direction, target, options, store=store)
        return {
            "gap": _advantage(direction, "all"),
            "gap, unmentioned": _advantage(direction, "unmentioned"),
            **({} if similarity is None else {"low similarity": -similarity}),
        }

    return planted_in(direction.records, scores)


def _advantage(direction: Direction, over: str) -> Floats:
    """(n,) of all records, NaN where not scored."""
    return direction.spread(np.where(direction.target.top[over].n_own > 0, direction.advantage(over), np.nan))


def _similarity(direction: Direction, target: Model, options: VLDejaVuOptions, *, store: AnyPath) -> Floats | None:
    """(n,) cosine of each record's own image and query caption; None where the target cannot tell."""
    if not has_tower(target, "image"):
        return None
    asked = direction.records.where(direction.queried)
    try:
        images = embed_images(asked, target, store=store, **options.decoding, label="record images, target")
        texts = embed_texts(asked, target, store=store, caption=options.caption, label="record captions, target")
    except VectorError:  # vectors that exist already need not hold the records' own images
        return None
    ids = asked.record_ids
    both = pc.and_(*(pc.is_in(ids, value_set=part.embeddings.record_ids) for part in (images, texts)))
    cosine = np.full(len(asked), np.nan)
    cosine[both.to_numpy(zero_copy_only=False)] = _cosines(images.embeddings, texts.embeddings, ids.filter(both))
    return direction.spread(cosine)


def _cosines(images: Embeddings, texts: Embeddings, ids: pa.Array) -> Floats:
    left, right = images.select(ids)[:], texts.select(ids)[:]
    cosines: Floats = np.einsum("ij,ij->i", left.astype(np.float64), right.astype(np.float64))
    return cosines
