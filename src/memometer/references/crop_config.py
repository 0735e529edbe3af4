"""How a crop classifier is trained, and on what."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from memometer.data.augmentation import AUGMENTATIONS, VIEWS
from memometer.data.records import Records, hash_records
from memometer.errors import InputError
from memometer.files import hash_bytes, hash_json
from memometer.references.crop_batches import check_crops
from memometer.seeds import rng_for

__all__ = ["CropClassifierConfig", "LabelledCrops", "labelled_crops"]

CONTENT = ("record_id", "image_hash", "image_path", "image_offset", "image_row")
"""What enters a classifier beside crops and labels, and so names its training."""

DEFAULTS = {"adamw": (1e-3, 0.05), "sgd": (0.1, 1e-4)}
"""Learning rate and weight decay of each optimizer."""


@dataclasses.dataclass(frozen=True)
class CropClassifierConfig:
    """Options of a training; B names the network and the augmentation, the rest is memometer's choice.

    Attributes:
        model: see `memometer.references.networks.build_network`.
        image_size: px of the network's square input; None takes what the network is made for.
        epochs: passes through the records.
        batch_size: crops per step, at most the number of records.
        optimizer: ``adamw``, or ``sgd`` with Nesterov's momentum of 0.9.
        lr: learning rate at its highest, before half a cosine down to 0; None takes 0.001 for adamw and 0.1 for sgd.
        weight_decay: not on norms and biases; None takes 0.05 for adamw and 0.0001 for sgd.
        augmentation: a name in `memometer.data.augmentation.AUGMENTATIONS`.
        held_out: share of the records that is not trained on but chooses the best epoch; 0 keeps the last one.
        seed: see `memometer.seeds`.
        workers: processes that decode; None takes none on a CPU, up to 8 beside a GPU. Changes no result.
        device: ``cpu``, ``cuda``, ``cuda:N`` or ``auto``.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 on a GPU that has it.
    """

    model: str = "resnet50"
    image_size: int | None = None
    epochs: int = 40
    batch_size: int = 128
    optimizer: Literal["adamw", "sgd"] = "adamw"
    lr: float | None = None
    weight_decay: float | None = None
    augmentation: str = "ssl"
    held_out: float = 0.1
    seed: int = 0
    workers: int | None = None
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __post_init__(self) -> None:
        """Checks the options.

        Raises:
            InputError: one of them is out of its range.
        """
        positive = {"image size": self.image_size, "epochs": self.epochs, "lr": self.lr}
        wrong = [
            f"{name} = {value}, expected above 0"
            for name, value in positive.items()
            if value is not None and value <= 0
        ]
        if self.batch_size < 2:
            wrong.append(f"batch size = {self.batch_size}, expected 2 or more")
        if not 0 <= self.held_out <= 0.5:
            wrong.append(f"held_out = {self.held_out}, expected a share from 0 to 0.5")
        for name, value, known in (
            ("optimizer", self.optimizer, DEFAULTS),
            ("augmentation", self.augmentation, AUGMENTATIONS),
            ("precision", self.precision, ("auto", "fp32", "bf16")),
        ):
            if value not in known:
                wrong.append(f"{name} = '{value}', expected {', '.join(known)}")
        if wrong:
            raise InputError(f"the options of the crop classifier are not as expected: {'; '.join(wrong)}")

    @property
    def rate_and_decay(self) -> tuple[float, float]:
        """Learning rate and weight decay, as given or the optimizer's default."""
        lr, decay = DEFAULTS[self.optimizer]
        return lr if self.lr is None else self.lr, decay if self.weight_decay is None else self.weight_decay

    def key(self, crops: "LabelledCrops") -> str:
        """Names what the trained classifier depends on; equal keys mean the same classifier."""
        options = dataclasses.asdict(self)
        kept = {name: value for name, value in options.items() if name not in ("workers", "device")}
        return hash_json([kept, crops.content_hash, VIEWS])


@dataclasses.dataclass(frozen=True)
class LabelledCrops:
    """What a classifier is trained on.

    Attributes:
        records: n records, by ascending id, so that their first order changes nothing.
        crops: (n, 4) x, y, width, height in px.
        labels: (n,) int64 ids of labels, the places of their names.
        label_names: what the labels are called.
    """

    records: Records
    crops: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    label_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def content_hash(self) -> str:
        """Hash of the records, their crops and their labels."""
        arrays = hash_bytes(self.crops.tobytes() + self.labels.tobytes())
        return hash_json([hash_records(self.records, CONTENT), arrays, self.label_names])

    def held_out(self, share: float, *, seed: int) -> npt.NDArray[np.bool_]:
        """(n,) a random share of the records; one record of each label at least is not in it."""
        order = rng_for(seed, "held out").permutation(len(self))
        _, first = np.unique(self.labels[order], return_index=True)
        free = np.delete(order, first)
        chosen = np.zeros(len(self), np.bool_)
        chosen[free[: round(share * len(self))]] = True
        return chosen


def labelled_crops(
    records: Records,
    *,
    crops: npt.NDArray[np.integer],
    labels: npt.NDArray[np.integer],
    label_names: Sequence[str],
) -> LabelledCrops:
    """Puts the parts together and checks them.

    Raises:
        InputError: they do not fit together, there are fewer than two labels, or a label has no record.
    """
    n, names = len(records), tuple(label_names)
    checked = check_crops(np.asarray(crops), n=n)
    labels = np.asarray(labels, np.int64)
    if labels.shape != (n,):
        raise InputError(f"labels of shape {labels.shape} for {n:,} records; expected one for each")
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(f"{len(names)} label names, {len(set(names))} of them distinct; expected 2 or more, each once")
    if n < len(names):
        raise InputError(f"{n:,} records for {len(names):,} labels; expected a record or more for each label")
    if labels.min() < 0 or labels.max() >= len(names):
        raise InputError(f"label ids from {labels.min()} to {labels.max()}; expected 0 … {len(names) - 1}")
    empty = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 0)
    if len(empty):
        raise InputError(
            f"{len(empty):,} of {len(names):,} labels have no record to train on, e.g. '{names[empty[0]]}'; "
            "leave them out of the label names, and count the measured records that have them"
        )
    order = pc.sort_indices(records.record_ids).to_numpy()
    return LabelledCrops(records.take(order), checked[order], labels[order], names)
