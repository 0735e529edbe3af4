"""Image ↔ text retrieval: recall@k among all images and all captions, several captions per image."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.embeddings import Embeddings
from memometer.neighbors import search
from memometer.statistics import Gap, clustered_mean, gap_of

__all__ = ["KS", "Ranks", "join_captions", "rank_pairs", "recalls"]

KS = (1, 5, 10)
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Ranks:
    """Where the right answers stand, from 1; 0 where they are not among the first max(`KS`).

    Attributes:
        owners: (m,) the image of each caption, ascending.
        n_images: n, the gallery of the captions.
        image_to_text: (n,) the best rank of an image's own captions among all m.
        text_to_image: (m,) the rank of a caption's image among all n.
    """

    owners: Ints
    n_images: int
    image_to_text: Ints
    text_to_image: Ints

    @property
    def n_captions(self) -> Ints:
        """(n,) captions of each image."""
        return np.bincount(self.owners, minlength=self.n_images)


def join_captions(parts: list[Embeddings], images: Embeddings) -> tuple[Embeddings, Ints]:
    """All captions of all images as one, ordered by image and, within it, as in ``parts``; nothing is read.

    Args:
        parts: first captions, second captions, …; each of some of the images, and maybe of other records.
        images: (n, d) the gallery.

    Returns:
        (m, d) captions, and (m,) the row of the image that each belongs to.
    """
    rows_of = {record_id: row for row, record_id in enumerate(images.record_ids.to_pylist())}
    owners, stored, offset = [], [], 0
    for part in parts:
        own = np.array([rows_of.get(record_id, -1) for record_id in part.record_ids.to_pylist()], np.int64)
        rows = np.arange(len(part), dtype=np.int64) if part.rows is None else part.rows
        owners.append(own[own >= 0])
        stored.append(rows[own >= 0] + offset)
        offset += int(part.starts[-1])
    order = np.argsort(np.concatenate(owners), kind="stable")
    owner = np.concatenate(owners)[order]
    ends = np.cumsum([0, *(int(part.starts[-1]) for part in parts)])
    joined = Embeddings(
        record_ids=images.record_ids.take(owner),
        pieces=tuple(piece for part in parts for piece in part.pieces),
        starts=np.concatenate([[0], *(part.starts[1:] + end for part, end in zip(parts, ends, strict=False))]),
        rows=np.concatenate(stored)[order],
        dim=parts[0].dim,
        name=parts[0].name,
    )
    return joined, owner


def rank_pairs(images: Embeddings, captions: Embeddings, owners: Ints, *, device: str = "cpu") -> Ranks:
    """Looks up every image among all captions and every caption among all images, exactly, in bounded memory.

    Similarity is the cosine; equal ones are ordered by the lower row.

    Args:
        images: (n, d).
        captions: (m, d), m >= 1.
        owners: (m,) the image of each caption.
        device: where the search runs.
    """
    k = max(KS)
    found = search(images, captions, min(k, len(captions)), device=device).rows
    image_to_text = _first(owners[found] == np.arange(len(images))[:, None])
    found = search(captions, images, min(k, len(images)), device=device).rows
    return Ranks(owners, len(images), image_to_text, _first(found == owners[:, None]))


def recalls(ranks: Ranks, *, seed: int, replicates: int, groups: Ints | None = None) -> dict[str, dict[str, Any]]:
    """Recall@k of both directions, each with its 95 % interval over images.

    Image to text: the share of images with one of their captions among the k nearest. Text to image: the share of
    captions whose image is among the k nearest; images are resampled with all their captions, and images that belong
    together (``groups``, (n,)) at once.
    """
    sizes = ranks.n_captions

    def to_text(k: int, name: str) -> Gap:
        hits = np.where(sizes > 0, _within(ranks.image_to_text, k), np.nan)
        return gap_of([hits], seed=seed, name=name, replicates=replicates, groups=[groups])

    def to_image(k: int, name: str) -> Gap:
        totals = np.bincount(ranks.owners, _within(ranks.text_to_image, k), minlength=ranks.n_images)
        return clustered_mean(totals, sizes, seed=seed, name=name, replicates=replicates, groups=groups)

    ways = {
        "image_to_text": (to_text, len(ranks.owners), "captions"),
        "text_to_image": (to_image, ranks.n_images, "images"),
    }
    return {
        way: {
            f"recall@{k}": (recall(k, f"{way}/recall@{k}") if k <= size else _too_small(size, what, k)).as_dict()
            for k in KS
        }
        for way, (recall, size, what) in ways.items()
    }


def _first(hits: npt.NDArray[np.bool_]) -> Ints:
    """(n,) the place of the first hit of each row, from 1; 0 for none."""
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 0)


def _within(ranks: Ints, k: int) -> npt.NDArray[np.bool_]:
    return (ranks > 0) & (ranks <= k)


def _too_small(size: int, what: str, k: int) -> Gap:
    return Gap(None, None, None, None, 0, f"the gallery has {size:,} {what}, fewer than k = {k}")
