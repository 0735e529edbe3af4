"""One image-only audit under way: crops, vectors, references, and the scores of every direction."""

import dataclasses
import functools
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.guards import check_disjoint, check_public
from memometer.data.records import Records
from memometer.embeddings import Embeddings, embed_images
from memometer.encoders import ImageEncoder
from memometer.errors import InputError
from memometer.measures.image_dejavu.direction import Guess, ImageDirection
from memometer.measures.image_dejavu.options import ImageDejaVuOptions
from memometer.measures.image_dejavu.records import Cropped, crop_records, labels_of
from memometer.measures.image_dejavu.references import Fitted, FittedReference, fit_reference
from memometer.measures.image_dejavu.scores import UNDEFINED, undefined_labels, vote_labels
from memometer.measures.image_dejavu.vectors import ImageSearch
from memometer.neighbors import KeptNeighbors
from memometer.objects.classes import class_ids
from memometer.objects.sets import label_union
from memometer.progress import notice
from memometer.storage.paths import AnyPath

__all__ = ["ImageRun", "ImageScores"]


@dataclasses.dataclass(frozen=True)
class ImageScores:
    """What the models gave.

    Attributes:
        by_role: the target against each reference.
        public: the public images with a label that every model could embed.
        public_names: their labels.
        rejects: what could not be read.
    """

    by_role: dict[str, tuple[ImageDirection, ...]]
    public: Records
    public_names: pa.Array
    rejects: list[dict[str, str]]


@dataclasses.dataclass(frozen=True)
class ImageRun:
    """What every direction of one audit shares."""

    models: dict[str, ImageEncoder | None]
    specs: dict[str, str]
    options: ImageDejaVuOptions
    store: AnyPath

    @property
    def search(self) -> ImageSearch:
        """How crops are looked up."""
        return ImageSearch(self.options, self.store)

    def score(self, parts: dict[str, Records], public: Records, fit: Records | None) -> ImageScores:
        """Crops, embeds, searches and fits what is asked for, and scores every direction."""
        options = self.options
        crop = functools.partial(crop_records, kind=options.crop, min_side=options.min_side, fraction=options.fraction)
        cropped = {name: crop(part) for name, part in parts.items()}
        fit_cropped = None if fit is None else crop(fit)
        public_classes = labels_of(public)
        known = np.asarray(public_classes.is_valid().to_numpy(zero_copy_only=False))
        _say_what_can_be_tested(cropped, n_public=len(public), n_labelled=int(known.sum()))
        vectors, public, rejects = self._public(public.where(known))
        classes = [labels_of(public), *(part.classes for part in cropped.values())]
        classes += [] if fit_cropped is None else [fit_cropped.classes]
        vocabulary, ids = class_ids(classes)
        public_ids = ids[0]
        check_public(len(public), k=options.k, what="images with a label")
        fitted = None
        if fit_cropped is not None:
            objects = label_union([part.records.table["objects"] for part in (*cropped.values(), fit_cropped)])
            fitted = Fitted(fit_cropped, ids[-1], vocabulary, objects)
        references = self._fit(fitted, cropped)
        scored = {}
        for name, part in cropped.items():
            defined = part
            for code in range(1, len(UNDEFINED)):
                found = undefined_labels(
                    _ids_of(defined, vocabulary),
                    public_labels=public_ids,
                    fitted_labels=fitted.labels if fitted is not None and references else None,
                )
                defined = defined.where(found != code, reason=UNDEFINED[code])
            scored[name], lost = self._direction(
                name, defined, vocabulary=vocabulary, vectors=vectors, public_ids=public_ids, references=references
            )
            rejects += lost
        return ImageScores(scored, public, vocabulary.take(pa.array(public_ids)), rejects)

    def _public(self, public: Records) -> tuple[dict[str, tuple[Embeddings, str]], Records, list[dict[str, str]]]:
        """Every model's vectors of the public images that all of them could embed."""
        found = {
            name: embed_images(public, model, store=self.store, **self.options.decoding, label=f"public images, {name}")
            for name, model in self.models.items()
            if model is not None
        }
        reasons = {record_id: reason for each in found.values() for record_id, reason in each.rejects}
        if reasons:
            public = public.where(~public.among(reasons))
        vectors = {name: (each.embeddings.select(public.record_ids), each.key) for name, each in found.items()}
        return vectors, public, [{"record_id": name, "side": "public", "reason": why} for name, why in reasons.items()]

    def _fit(self, fitted: Fitted | None, cropped: dict[str, Cropped]) -> dict[str, FittedReference]:
        """The one-model references, fitted on records that are not measured."""
        wanted = [name for name, model in self.models.items() if model is None]
        if not wanted:
            return {}
        if fitted is None:
            raise InputError(
                f"'{self.specs[wanted[0]]}' is fitted on records that are not measured; name their role with "
                "--fit-role, e.g. --fit-role public"
            )
        references = {name: fit_reference(self.specs[name], fitted, self.options, out=self.store) for name in wanted}
        for name, reference in references.items():
            if reference.kind == "crop-classifier":
                check_disjoint(
                    {**{each: part.records for each, part in cropped.items()}, name: reference.model.fitted_on}
                )
        return references

    def _direction(
        self,
        name: str,
        part: Cropped,
        *,
        vocabulary: pa.Array,
        vectors: dict[str, tuple[Embeddings, str]],
        public_ids: npt.NDArray[np.int32],
        references: dict[str, FittedReference],
    ) -> tuple[tuple[ImageDirection, ...], list[dict[str, str]]]:
        _check_any(name, part)
        asked = {model: model for model in self.models}
        if name == "backward":
            asked = {"target": "reference", "reference": "target"}
        crops = {
            side: self.search.crops(
                part.records, cast("ImageEncoder", self.models[model]), crops=part.crops, label=f"crops, {name}, {side}"
            )
            for side, model in asked.items()
            if self.models[model] is not None
        }
        lost = {record_id: reason for _, gone, _ in crops.values() for record_id, reason in gone.items()}
        if lost:
            part = part.where(~part.records.among(lost), reason="the image cannot be read")
        guesses: dict[str, Guess] = {}
        for side, model in asked.items():
            if self.models[model] is None:
                guesses[side] = references[model].guess(part, self.options)
                continue
            found, _, key = crops[side]
            bank, bank_key = vectors[model]
            found = found.select(part.records.record_ids)
            near = self.search.neighbors(found, bank, keys=(key, bank_key), label=f"{name}, {side}")
            guesses[side] = _voted(near, public_labels=public_ids, n_labels=len(vocabulary))
        first = ImageDirection(
            name=name,
            cropped=part,
            labels=_ids_of(part, vocabulary),
            vocabulary=vocabulary,
            target=guesses["target"],
            reference=guesses["reference"],
        )
        others = [side for side in guesses if side not in ("target", "reference")]
        directions = (first, *(dataclasses.replace(first, reference=guesses[side]) for side in others))
        return directions, [{"record_id": each, "side": name, "reason": why} for each, why in lost.items()]


def _voted(near: KeptNeighbors, *, public_labels: npt.NDArray[np.int32], n_labels: int) -> Guess:
    """What the neighbours' labels say, a lot of crops at a time."""
    votes = [
        vote_labels(near.rows(start, stop, k=near.k), public_labels=public_labels, n_labels=n_labels)
        for start, stop in near.spans
    ]
    ranked, confidence, entropy = (
        np.concatenate([getattr(each, name) for each in votes]) for name in ("ranked", "confidence", "entropy")
    )
    return Guess(ranked, confidence, entropy, near)


def _say_what_can_be_tested(cropped: dict[str, Cropped], *, n_public: int, n_labelled: int) -> None:
    """Tells, before the hours of embedding, how many records have what the test needs.

    Raises:
        InputError: none of a direction has.
    """
    notice(f"public: {n_labelled:,} of {n_public:,} images have a label")
    for name, part in cropped.items():
        labelled = part.n_all - part.skipped.get("no label", 0)
        notice(f"{name}: {labelled:,} of {part.n_all:,} records have a label, {len(part.records):,} of them a crop")
        _check_any(name, part)


def _check_any(name: str, part: Cropped) -> None:
    if not len(part.records):
        why = "; ".join(f"{reason}: {count:,}" for reason, count in part.skipped.items())
        boxes = "; --label largest-box takes the object of the largest box" if "no label" in part.skipped else ""
        raise InputError(
            f"no record of the {name} direction can be tested ({why}); records need a label, boxes around the "
            "foreground and room beside it: pass a smaller --min-side, or --crop corner, which needs no boxes, "
            f"or other records{boxes}"
        )


def _ids_of(part: Cropped, vocabulary: pa.Array) -> npt.NDArray[np.int32]:
    ids = pc.index_in(part.classes, value_set=vocabulary)
    return np.asarray(ids.to_numpy(zero_copy_only=False), np.int32)
