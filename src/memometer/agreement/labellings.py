"""Two labellings of the same records, joined by ``record_id``."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.beside import read_annotation, vocabulary_beside
from memometer.data.records import Records, load_records
from memometer.errors import InputError
from memometer.objects import ObjectSets, Vocabulary, label_union, load_vocabulary, object_sets
from memometer.objects.vocabulary import plain_name
from memometer.runs.folder import REJECTS_SCHEMA

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Labelled", "Labellings", "join_labellings"]

Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Labelled:
    """One labelling.

    Attributes:
        name: what the report calls it.
        whole: all its records.
        records: those that both have, by ascending id.
        sets: their labels, over the labels that either has.
    """

    name: str
    whole: Records
    records: Records
    sets: ObjectSets

    @property
    def annotator(self) -> str | None:
        """What labelled the records; None where they are as they were imported."""
        annotation = read_annotation(self.whole.folder)
        return None if annotation is None else str(annotation["annotator"]["spec"])

    @property
    def vocabulary(self) -> Vocabulary | None:
        """What lies beside the records."""
        beside = vocabulary_beside(self.whole.folder)
        return None if beside is None else load_vocabulary(beside)

    def held(self, label_ids: Integers) -> "csr_array":
        """(n, w) bool: which record holds which of these labels."""
        from scipy.sparse import csr_array

        n, v = len(self.sets), len(self.sets.labels)
        entries = np.ones(len(self.sets.indices), np.bool_)
        return csr_array((entries, self.sets.indices, self.sets.indptr), shape=(n, v))[:, label_ids]

    def counts(self) -> Integers:
        """(v,) records with each label."""
        return np.bincount(self.sets.indices, minlength=len(self.sets.labels))


@dataclasses.dataclass(frozen=True)
class Labellings:
    """Two labellings of the same records.

    Attributes:
        one, other: the labellings.
        left_out: the records that are not compared, with the labelling that has them and the reason.
    """

    one: Labelled
    other: Labelled
    left_out: pa.Table

    @property
    def sides(self) -> tuple[Labelled, Labelled]:
        """Both."""
        return self.one, self.other

    @property
    def labels(self) -> pa.Array:
        """(v,) the labels that either has, ascending."""
        return self.one.sets.labels

    @property
    def shared(self) -> Integers:
        """The ids of those that both have."""
        return np.flatnonzero((self.one.counts() > 0) & (self.other.counts() > 0))

    def spelled_otherwise(self) -> list[str]:
        """Labels that only one has, and the other has but for case or underscores."""
        names = self.labels.to_pylist()
        alone = [
            np.flatnonzero((mine.counts() > 0) & (its.counts() == 0)) for mine, its in (self.sides, self.sides[::-1])
        ]
        plain = [{plain_name(names[each]): names[each] for each in ids} for ids in alone]
        return [plain[0][name] for name in plain[0] if name in plain[1]]


def join_labellings(one: str | Path, other: str | Path, *, names: tuple[str, str]) -> Labellings:
    """Joins two folders of records.

    Raises:
        InputError: they have no record in common, or every one of those has changed.
        SourceError: a folder cannot be read.
    """
    whole = [load_records(folder) for folder in (one, other)]
    ids = [records.record_ids for records in whole]
    shared = [pc.is_in(mine, value_set=its) for mine, its in (ids, ids[::-1])]
    common = ids[0].filter(shared[0])
    if not len(common):
        described = [
            f"{name} has {len(each):,}" + (f", e.g. '{each[0].as_py()[:80]}'" if len(each) else "")
            for name, each in zip(names, ids, strict=True)
        ]
        raise InputError(
            f"{names[0]} and {names[1]} have no record in common: {'; '.join(described)}; expected two "
            "labellings of the same records, joined by record_id"
        )
    common = common.take(pc.sort_indices(common))
    found = [records.take(pc.index_in(common, value_set=mine)) for records, mine in zip(whole, ids, strict=True)]
    changed = _changed(*found)
    if changed.all():
        raise InputError(
            f"the captions or images of all {len(common):,} records that {names[0]} and {names[1]} share differ, so "
            "they are no labellings of the same records; label one folder of records twice"
        )
    alone = [
        (mine.filter(pc.invert(there)), f"not in {its}")
        for mine, there, its in zip(ids, shared, names[::-1], strict=True)
    ]
    rejects = [
        *((each.take(pc.sort_indices(each)), name, reason) for name, (each, reason) in zip(names, alone, strict=True)),
        (common.filter(pa.array(changed)), "both", "other captions or another image"),
    ]
    left_out = [
        pa.table([each, pa.repeat(side, len(each)), pa.repeat(reason, len(each))], schema=REJECTS_SCHEMA)
        for each, side, reason in rejects
    ]
    kept = [records.where(~changed) for records in found]
    labels = label_union([records.table["objects"] for records in kept])
    sides = [
        Labelled(name, all_of_it, records, object_sets(records.table["objects"], labels=labels))
        for name, all_of_it, records in zip(names, whole, kept, strict=True)
    ]
    return Labellings(sides[0], sides[1], pa.concat_tables(left_out))


def _changed(one: Records, other: Records) -> npt.NDArray[np.bool_]:
    """(n,) whether a record has other captions, or an image of another hash, in the one than in the other."""
    captions = [records.column("captions").to_pylist() for records in (one, other)]
    spoken = np.array([left != right for left, right in zip(*captions, strict=True)], np.bool_)
    seen = pc.not_equal(one.column("image_hash"), other.column("image_hash"))
    return spoken | np.asarray(pc.fill_null(seen, fill_value=False).to_numpy(zero_copy_only=False), np.bool_)
