"""What is in the images: one label per image, or the set of its objects, over the classes to be told apart."""

import dataclasses
import difflib
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.errors import InputError
from memometer.objects.classes import image_classes
from memometer.objects.vocabulary import plain_name
from memometer.utility.options import LabelKind

__all__ = ["Task", "Truth", "choose_task", "known_labels", "truth_of", "unmatched_note"]

Task = Literal["single-label", "multi-label"]


@dataclasses.dataclass(frozen=True)
class Truth:
    """What is known of n records.

    Attributes:
        task: whether an image has one label or a set of objects.
        positive: (n, c) bool, whether each image is, or holds, each class.
        reasons: (n,) object, why a record cannot be scored; None where it can.
    """

    task: Task
    positive: npt.NDArray[np.bool_]
    reasons: npt.NDArray[np.object_]

    @property
    def scored(self) -> npt.NDArray[np.int64]:
        """The rows that can be scored."""
        return np.flatnonzero(self.reasons == None)  # noqa: E711 (elementwise)


def choose_task(records: Records, kind: LabelKind) -> Task:
    """Whether the images of these records have one label each, or sets of objects.

    ``auto`` takes the column ``label`` where any record has one; else the objects, as labels where no image has two.

    Raises:
        InputError: the records have nothing of the kind asked for.
    """
    labels, objects = records.column("label"), records.column("objects")
    has_labels, has_objects = labels.null_count < len(records), objects.null_count < len(records)
    if kind == "label" or (kind == "auto" and has_labels):
        if not has_labels:
            raise InputError(f"no record in {records.folder} has a label; import labels, or pass --labels objects")
        return "single-label"
    if not has_objects:
        raise InputError(
            f"no record in {records.folder} has {'objects' if kind == 'objects' else 'a label or objects'}; a "
            "classification needs them to be right or wrong: import them, see docs/data.md"
        )
    if kind == "objects":
        return "multi-label"
    several = pc.greater(pc.fill_null(pc.list_value_length(objects), 0), 1)
    rows = objects.filter(several).to_pylist()
    return "multi-label" if any(len(set(held)) > 1 for held in rows) else "single-label"


def known_labels(records: Records, task: Task) -> list[str]:
    """The distinct labels of the records, ascending."""
    values = _single(records) if task == "single-label" else pc.list_flatten(records.column("objects"))
    return sorted(set(pc.drop_null(pc.unique(values)).to_pylist()))


def truth_of(records: Records, classes: Sequence[str], *, task: Task) -> Truth:
    """Matches the labels of n records with c classes, whatever their case and underscores.

    A single label that is not among the classes leaves its record unscored: no answer could be right. Objects that are
    not among the classes are not asked for; an image without any of the classes counts as negative for all.

    Raises:
        InputError: no record has any of the classes.
    """
    places = {plain_name(name): place for place, name in enumerate(classes)}
    positive = np.zeros((len(records), len(places)), bool)
    reasons = np.full(len(records), None, object)
    if task == "single-label":
        values = _single(records)
        rows = np.arange(len(records))
    else:
        objects = records.column("objects")
        values, rows = pc.list_flatten(objects), pc.list_parent_indices(objects).to_numpy()
        reasons[objects.is_null().to_numpy(zero_copy_only=False)] = "no objects"
    encoded = values.dictionary_encode()
    names = [plain_name(name) for name in encoded.dictionary.to_pylist()]
    lookup = np.array([*(places.get(name, -1) for name in names), -2], np.int64)
    found = lookup[pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)]
    positive[rows[found >= 0], found[found >= 0]] = True
    if task == "single-label":
        reasons[found == -2] = "no label"
        reasons[found == -1] = "label not among the classes"
    if not positive.any():
        have = ", ".join(known_labels(records, task)[:5]) or "none"
        raise InputError(
            f"no record has any of the {len(places):,} classes, e.g. '{classes[0]}'; the labels of the records are "
            f"{have}, …: name the classes as the records do, followed by a tab and other words for prompts"
        )
    return Truth(task, positive, reasons)


def unmatched_note(names: Sequence[str], labels: Sequence[str], *, what: str) -> str | None:
    """A sentence on classes that no record has, with the label that each may mean; None where all match."""
    if not names:
        return None
    plain = {plain_name(label): label for label in labels}
    shown = []
    for name in names[:5]:
        near = difflib.get_close_matches(plain_name(name), plain, n=1, cutoff=0.75)
        shown.append(f"'{name}' (is it '{plain[near[0]]}'?)" if near and near[0] != plain_name(name) else f"'{name}'")
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return f"{what}: no record under test has {', '.join(shown)}{more}; such a class has no number of its own"


def _single(records: Records) -> pa.Array:
    """(n,) the label of each record, else its only distinct object; null for none."""
    labels = records.column("label")
    return labels if labels.null_count < len(records) else image_classes(labels, records.column("objects"))
