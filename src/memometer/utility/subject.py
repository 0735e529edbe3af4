"""What utility is measured on: records under test, the probe's training records, and the classes to tell apart."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from memometer.audits.guards import duplicates_across_roles
from memometer.data.records import Records
from memometer.errors import InputError
from memometer.storage.paths import path_of
from memometer.utility.options import LabelKind
from memometer.utility.probe import probe_classes
from memometer.utility.prompts import Classes
from memometer.utility.truth import Task, choose_task, known_labels, truth_of

__all__ = ["Subject"]


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured on.

    Attributes:
        records: under test, by id.
        unsorted: the same in their own order, in which they are embedded, so that audits share their vectors.
        train: the probe's training records; None without a probe.
        classes: of the zero-shot classification; None without one.
        labels: which column tells what is in the images.
    """

    records: Records
    unsorted: Records
    train: Records | None
    classes: Classes | None
    labels: LabelKind

    @property
    def task(self) -> Task:
        """Whether an image has one label, or several objects."""
        return choose_task(self.records, self.labels)

    def probed(self) -> Sequence[str]:
        """The classes that may be probed: those of the zero-shot classification, else all that the probe is shown."""
        if self.train is None:
            return ()
        return self.classes.names if self.classes else known_labels(self.train, self.task)

    def check(self) -> None:
        """Passes where both classifications have something to be right or wrong about.

        Raises:
            InputError: one has not, or a record is both under test and the probe's.
        """
        if not len(self.records):
            raise InputError(f"{self.records.folder} holds no records to measure on; import some")
        if self.classes is not None:
            truth_of(self.records, self.classes.names, task=self.task)
        if self.train is None:
            return
        ids = self.train.record_ids
        if path_of(self.train.folder).resolve() == path_of(self.records.folder).resolve():
            both = ids.filter(pc.is_in(ids, value_set=self.records.record_ids))
            if len(both):
                raise InputError(
                    f"{len(both):,} records, e.g. '{both[0].as_py()}', are both under test and the probe's training "
                    "records; pass a --role and a --probe-role that share none"
                )
        probe_classes(self.train, self.probed(), task=self.task)

    def duplicates(self) -> dict[str, Any] | None:
        """Images under test that the probe is also shown; None without a probe."""
        return None if self.train is None else duplicates_across_roles({"test": self.records, "probe": self.train})
