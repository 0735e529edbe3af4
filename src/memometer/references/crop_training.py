"""The training loop of the crop classifier: cross-entropy on augmented crops, in one process."""

import functools
import itertools
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.data.augmentation import AUGMENTATIONS
from memometer.embeddings.decoding import Batch
from memometer.encoders.devices import choose_device
from memometer.encoders.forward import autocast, normalised
from memometer.encoders.preprocessing import image_preprocess
from memometer.engines import default_workers
from memometer.errors import InputError, JobError
from memometer.progress import notice, progress_bar
from memometer.references.crop_batches import crop_batches, named_rejects
from memometer.references.crop_config import CropClassifierConfig, LabelledCrops
from memometer.references.crop_folder import CropClassifierFolder, CropTrainingState
from memometer.references.networks import build_network
from memometer.seeds import rng_for, seed_for
from memometer.training.optimizer import decaying, learning_rate

__all__ = ["CropTraining", "preprocess_config"]

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""Channel statistics of ImageNet, as classifiers are trained with."""

NO_VALUE = float("nan")

Rows = npt.NDArray[np.int64]


class CropTraining:
    """One training under way.

    Attributes:
        network: under training.
        image_size: px of its input.
        n_held_out: records that choose the best epoch.
    """

    def __init__(self, crops: LabelledCrops, config: CropClassifierConfig) -> None:
        self._crops, self._config = crops, config
        self._device = choose_device(config.device)
        torch.manual_seed(seed_for(config.seed, "weights"))
        network, self.image_size = build_network(
            config.model, n_labels=len(crops.label_names), image_size=config.image_size
        )
        self.network: Any = network.to(self._device)
        held_out = crops.held_out(config.held_out, seed=config.seed)
        self._rows, self._held_out = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        self.n_held_out = len(self._held_out)
        self._batch_size = min(config.batch_size, len(self._rows))
        self._per_epoch = len(self._rows) // self._batch_size
        self._optimizer = _optimizer(network, config)
        settings = preprocess_config(self.image_size)
        self._preprocess = image_preprocess(settings)
        self._normalise = functools.partial(normalised, preprocess=settings, device=self._device)
        bf16 = self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self.precision = {"auto": "bf16" if bf16 else "fp32"}.get(config.precision, config.precision)

    def run(self, folder: CropClassifierFolder) -> CropTrainingState:
        """Trains all the epochs that are left and keeps the state after each.

        Raises:
            JobError: the loss is no longer finite.
            InputError: no image can be read.
        """
        state = folder.load_state(CropTrainingState) or CropTrainingState()
        if state.epoch:
            notice(f"going on after epoch {state.epoch} of {self._config.epochs}")
            self.network.load_state_dict(state.model)
            self._optimizer.load_state_dict(state.optimizer)
        before, start = state.seconds, time.monotonic()
        total = self._config.epochs * self._per_epoch
        batches = self._batches(range(state.epoch, self._config.epochs))
        with progress_bar(f"training {folder.path.name}", total=total, unit="steps") as advance:
            advance(state.epoch * self._per_epoch)
            for epoch in range(state.epoch, self._config.epochs):
                # What dropout drops depends on the epoch, not on where the training was resumed.
                torch.manual_seed(seed_for(self._config.seed, "dropout", epoch))
                losses = []
                for step in range(epoch * self._per_epoch, (epoch + 1) * self._per_epoch):
                    losses.append(self._step(next(batches), step, state.rejects))
                    advance(1, f"epoch {epoch + 1}  loss {losses[-1]:.3f}")
                self._close_epoch(state, losses, self._score_held_out(batches, state.rejects))
                state.seconds = before + time.monotonic() - start
                folder.save_state(state)
        return state

    def _close_epoch(self, state: CropTrainingState, losses: list[float], held_out: tuple[float, float]) -> None:
        """Takes the numbers and the weights down, as the best ones where they are."""
        known = [loss for loss in losses if not math.isnan(loss)]
        if not known:
            raise InputError(
                f"no crop of the {len(self._rows):,} records to train on can be read, e.g. of record "
                f"'{min(state.rejects)}': {state.rejects[min(state.rejects)]}; check the images and the crops"
            )
        epoch, rate = state.epoch, self._optimizer.param_groups[0]["lr"]
        state.metrics.append([epoch, sum(known) / len(known), rate, *held_out])
        state.epoch = epoch + 1
        # Copies: the tensors of a state dict change with the training.
        state.model = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        state.optimizer = self._optimizer.state_dict()
        if (
            state.best_epoch < 0
            or math.isnan(held_out[1])
            or _better(state.metrics[-1], state.metrics[state.best_epoch])
        ):
            state.best_epoch, state.best_model = epoch, state.model

    def _step(self, batch: Batch, step: int, rejects: dict[str, str]) -> float:
        """One step of the optimizer; its loss, or NaN where too few crops can be read for one."""
        rejects.update(named_rejects(self._crops.records, batch))
        if len(batch.rows) < 2 or batch.values is None:  # batch norm needs two
            return NO_VALUE
        steps = self._config.epochs * self._per_epoch
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(step, steps=steps, warmup=steps // 20, peak=self._config.rate_and_decay[0])
        self.network.train()
        with autocast(self._device, self.precision):
            logits = self.network(self._normalise(batch.values))
        loss = torch.nn.functional.cross_entropy(logits.float(), self._labels_of(batch))
        value = float(loss.detach())
        if not math.isfinite(value):
            raise JobError(f"the loss is {value} at step {step + 1} of {steps}; train again with a lower learning rate")
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        return value

    @torch.inference_mode()
    def _score_held_out(self, batches: Iterator[Batch], rejects: dict[str, str]) -> tuple[float, float]:
        """Mean cross-entropy and accuracy on the held-out records that can be read; NaN where there are none."""
        loss, hits, n = 0.0, 0, 0
        self.network.eval()
        for batch in itertools.islice(batches, len(self._spans(self._held_out))):
            rejects.update(named_rejects(self._crops.records, batch))
            if batch.values is None:
                continue
            with autocast(self._device, self.precision):
                logits = self.network(self._normalise(batch.values)).float()
            labels = self._labels_of(batch)
            loss += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
            hits += int((logits.argmax(dim=1) == labels).sum())
            n += len(batch.rows)
        return (loss / n, hits / n) if n else (NO_VALUE, NO_VALUE)

    def _labels_of(self, batch: Batch) -> torch.Tensor:
        return torch.from_numpy(self._crops.labels[batch.rows]).to(self._device)

    def _batches(self, epochs: range) -> Iterator[Batch]:
        """For each epoch its full batches, then the held-out records; rows that fill no batch wait an epoch."""

        def rows() -> Iterator[tuple[int | None, Rows]]:
            for epoch in epochs:
                order = rng_for(self._config.seed, "order", epoch).permutation(self._rows)
                yield from ((epoch, span) for span in self._spans(order)[: self._per_epoch])
                yield from ((None, span) for span in self._spans(self._held_out))

        workers = self._config.workers
        if workers is None:  # on a CPU every core is busy with the network
            workers = min(8, default_workers()) if self._device.type == "cuda" else 0
        return crop_batches(
            self._crops.records,
            crops=self._crops.crops,
            batches=rows(),
            preprocess=self._preprocess,
            augmentation=AUGMENTATIONS[self._config.augmentation],
            seed=self._config.seed,
            workers=workers,
        )

    def _spans(self, rows: Rows) -> list[Rows]:
        return [rows[start : start + self._batch_size] for start in range(0, len(rows), self._batch_size)]


def preprocess_config(image_size: int) -> dict[str, Any]:
    """open_clip's ``preprocess_cfg``: the middle square of a crop, as most encoders see it too."""
    return {
        "size": image_size,
        "mode": "RGB",
        "mean": MEAN,
        "std": STD,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }


def _better(row: list[float], best: list[float]) -> bool:
    """More accurate on the held-out records, or as accurate at a lower loss."""
    return (row[4], -row[3]) > (best[4], -best[3])


def _optimizer(network: torch.nn.Module, config: CropClassifierConfig) -> torch.optim.Optimizer:
    lr, decay = config.rate_and_decay
    groups = decaying(network, decay)
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=lr)
