"""From pairs and models to CLIPMem scores: mean embeddings, negatives, alignments (METHODS, Section 5)."""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.inputs import TwoTowers
from memometer.data.augmentation import AUGMENTATIONS, Augmentation
from memometer.data.records import Records
from memometer.embeddings import Embeddings, MeanEmbeddings, StoredVectors, mean_captions, mean_views
from memometer.errors import InputError, VectorError
from memometer.measures.clipmem.options import ClipMemOptions
from memometer.measures.clipmem.scores import ClipMem, HeldOut, align, clipmem, normalised, similarity
from memometer.storage.paths import AnyPath

__all__ = ["PLAIN", "Pairs", "Scores", "Towers", "embed_pairs", "score_pairs"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BLOCK = 8192
"""Records whose embeddings are in memory at a time."""
PLAIN = Augmentation()
"""The image as it is."""


@dataclasses.dataclass(frozen=True)
class Pairs:
    """The records of an audit, in record order.

    Attributes:
        records: n records: those of the four subsets, and the negatives where these are a set of their own.
        subset: (n,) strings, ``"shared"``, ``"candidates"``, ``"independent"`` or ``"external"``; null for a negative
            that is in none of them.
        negative: (n,) whether a record is one of the held-out ones.
    """

    records: Records
    subset: pa.Array
    negative: Bools

    def within(self, name: str) -> Bools:
        """(n,) whether a record is one of a subset."""
        here: Bools = pc.fill_null(pc.equal(self.subset, name), fill_value=False).to_numpy(zero_copy_only=False)
        return here


@dataclasses.dataclass(frozen=True)
class Towers:
    """Mean embeddings of all pairs under one model.

    Attributes:
        images: of the views of each image.
        texts: of the captions.
        plain: of the image as it is; of a target alone.
    """

    images: MeanEmbeddings
    texts: MeanEmbeddings
    plain: MeanEmbeddings | None

    @property
    def rejects(self) -> dict[str, str]:
        """Record id → why it has no embedding."""
        parts = (self.images, self.texts, *([self.plain] if self.plain else []))
        return {record_id: reason for part in parts for record_id, reason in part.rejects}


@dataclasses.dataclass(frozen=True)
class Scores:
    """What the models say about the n pairs; NaN for one that was left out.

    Attributes:
        clipmem: raw scores.
        normalised: (n,) over the range within the four subsets.
        span: that range; None where there is none.
        similarity: (n,) the mean over targets of the cosine of the plain image with the captions.
        targets: (t, n) alignments under each target.
        references: (r, n) under each reference.
        n_negatives: held-out pairs; 0 without negatives.
        held: (m,) rows of the negatives among the pairs, by id; empty without negatives.
        influence: subset → (m,) how similar each negative is to the subset, under targets less references.
        rejects: record id → why it was left out.
    """

    clipmem: ClipMem
    normalised: Floats
    span: float | None
    similarity: Floats
    targets: Floats
    references: Floats
    n_negatives: int
    held: npt.NDArray[np.int64]
    influence: dict[str, Floats]
    rejects: dict[str, str]


def embed_pairs(
    pairs: Pairs, model: TwoTowers, options: ClipMemOptions, *, store: AnyPath, name: str, plain: bool
) -> Towers:
    """Both towers' mean embeddings of all pairs.

    Args:
        pairs: n pairs.
        model: a model, or vectors that exist already.
        options: of the audit.
        store: where embeddings are kept.
        name: what progress bars call the model.
        plain: whether the images are also embedded as they are.

    Raises:
        VectorError: the two towers' embeddings are of different widths, or a record has no vector among existing ones.
    """
    augmentation = AUGMENTATIONS[options.augment]
    seen = functools.partial(mean_views, pairs.records, model, seed=options.seed, store=store, **options.decoding)
    images = seen(augmentation=augmentation, draws=options.n_aug, label=f"views of images, {name}")
    texts = mean_captions(
        pairs.records,
        model,
        captions=options.captions,
        store=store,
        batch_size=4 * options.batch_size,
        label=f"captions, {name}",
    )
    if len(images.vectors) and len(texts.vectors) and images.vectors.dim != texts.vectors.dim:
        raise VectorError(
            f"{name}: image embeddings have {images.vectors.dim} dimensions, text embeddings {texts.vectors.dim}; "
            "CLIPMem compares the two, so it needs a model that embeds both in one space"
        )
    bare = images if plain else None
    if plain and augmentation != PLAIN and not isinstance(model, StoredVectors):
        bare = seen(augmentation=PLAIN, draws=1, label=f"plain images, {name}")
    return Towers(images, texts, bare)


def score_pairs(pairs: Pairs, *, targets: list[Towers], references: list[Towers], negatives: bool) -> Scores:
    """Scores the pairs that every model could embed.

    Args:
        pairs: n pairs.
        targets: mean embeddings under each target, with plain images.
        references: under each reference.
        negatives: whether alignments are over held-out negatives.

    Raises:
        InputError: nothing is left to score, or no negative.
    """
    rejects = {record_id: reason for towers in (*targets, *references) for record_id, reason in towers.rejects.items()}
    ids = pairs.records.record_ids
    kept = ~pairs.records.among(rejects)
    tested: Bools = pairs.subset.is_valid().to_numpy(zero_copy_only=False)
    if not (kept & tested).any():
        first = next(iter(rejects.items()))
        raise InputError(f"no record could be embedded: all {len(ids):,} were left out, e.g. '{first[0]}': {first[1]}")
    held = pairs.negative & kept
    if negatives and not held.any():
        raise InputError("no negative could be embedded; pass --negatives-role with readable records, or none")
    left = ids.filter(pa.array(kept))
    # Summed in the order of the ids, so that the order of the records does not change the last bit.
    held_ids = ids.filter(pa.array(held))
    held_ids = held_ids.take(pc.sort_indices(held_ids)) if negatives else None

    def spread(values: Floats) -> Floats:
        full = np.full(len(ids), np.nan)
        full[kept] = values
        return full

    def alignments(models: list[Towers]) -> Floats:
        return np.stack([spread(_align(towers, left, held_ids, own=held[kept])) for towers in models])

    aligned = [alignments(models) for models in (targets, references)]
    scores = clipmem(targets=aligned[0], references=aligned[1])
    over, span = normalised(np.where(tested, scores.score, np.nan))
    similar = np.stack([spread(_plain_similarity(towers, left)) for towers in targets])
    return Scores(
        clipmem=scores,
        normalised=over,
        span=span,
        similarity=np.sort(similar, axis=0).mean(axis=0),
        targets=aligned[0],
        references=aligned[1],
        n_negatives=int(held.sum()) if negatives else 0,
        held=np.zeros(0, np.int64)
        if held_ids is None
        else pc.index_in(held_ids, value_set=ids).to_numpy().astype(np.int64),
        influence={}
        if held_ids is None
        else {
            name: _influence(subset, held_ids, targets) - _influence(subset, held_ids, references)
            for name, subset in _subsets(pairs, kept)
        },
        rejects=rejects,
    )


def _align(towers: Towers, ids: pa.Array, held_ids: pa.Array | None, *, own: Bools) -> Floats:
    """(n,) alignments of the records ``ids`` under one model."""
    held_out = None if held_ids is None else _held_out(towers, held_ids)
    images, texts = (part.vectors.select(ids) for part in (towers.images, towers.texts))
    blocks = zip(_blocks(images), _blocks(texts), strict=True)
    starts = range(0, len(ids), BLOCK)
    return np.concatenate(
        [
            align(*both, held_out=held_out, own=own[start : start + BLOCK])
            for start, both in zip(starts, blocks, strict=True)
        ]
    )


def _subsets(pairs: Pairs, kept: Bools) -> Iterator[tuple[str, pa.Array]]:
    """The name of every subset that has a scored pair, and the ids of these, ascending."""
    for name in pc.unique(pairs.subset.drop_null()).to_pylist():
        here = pairs.within(name) & kept
        if here.any():
            ids = pairs.records.record_ids.filter(pa.array(here))
            yield name, ids.take(pc.sort_indices(ids))


def _influence(subset: pa.Array, held_ids: pa.Array, models: list[Towers]) -> Floats:
    """(m,) the mean similarity of each negative to the pairs of a subset, its own left out; the mean over models.

    Swapping the pairs and their negatives leaves the two negative terms of an alignment as they are.
    """
    own = pc.is_in(held_ids, value_set=subset).to_numpy(zero_copy_only=False)
    found = []
    for towers in models:
        positive = _similarity(towers.images, towers.texts, held_ids)
        found.append(positive - _align(towers, held_ids, subset, own=own))
    mean: Floats = np.sort(np.stack(found), axis=0).mean(axis=0)
    return mean


def _held_out(towers: Towers, ids: pa.Array) -> HeldOut:
    images, texts = (
        np.sum([block.sum(axis=0, dtype=np.float64) for block in _blocks(part.vectors.select(ids))], axis=0)
        for part in (towers.images, towers.texts)
    )
    return HeldOut(images=images, texts=texts, n=len(ids))


def _plain_similarity(towers: Towers, ids: pa.Array) -> Floats:
    if towers.plain is None:
        raise ValueError("plain images are embedded for targets")
    return _similarity(towers.plain, towers.texts, ids)


def _similarity(images: MeanEmbeddings, texts: MeanEmbeddings, ids: pa.Array) -> Floats:
    """(n,) the expected cosine of some records' images and captions."""
    both = (_blocks(part.vectors.select(ids)) for part in (images, texts))
    return np.concatenate([similarity(*blocks) for blocks in zip(*both, strict=True)])


def _blocks(vectors: Embeddings) -> Iterator[npt.NDArray[np.floating]]:
    for start in range(0, len(vectors), BLOCK):
        yield vectors.raw(slice(start, min(start + BLOCK, len(vectors))))
