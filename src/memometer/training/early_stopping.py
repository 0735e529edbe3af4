"""Early stopping: the epoch with the least loss on held-out pairs becomes the model (A, Section 5)."""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import torch
from accelerate import Accelerator
from PIL import Image

from memometer.data.records import Records
from memometer.encoders.architectures import Tokenizer
from memometer.encoders.forward import normalised
from memometer.encoders.preprocessing import ImagePreprocess, image_preprocess
from memometer.errors import InputError
from memometer.seeds import rng_for
from memometer.training.needs import PAIR, lacking
from memometer.training.samples import CachedImages

__all__ = ["EarlyStopping", "HeldOut", "check_held_out"]

CACHE_BYTES = 2 << 30
"""Held-out pixels kept in memory between the epochs."""


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Pairs that are not trained on.

    Attributes:
        role: theirs.
        hash: of what enters the model.
        records: the pairs.
    """

    role: str
    hash: str
    records: Records = dataclasses.field(repr=False, compare=False)


def check_held_out(held_out: Records, *, role: str, trained: Records) -> None:
    """Checks that there are pairs, and that none is trained on.

    Raises:
        InputError: fewer than two records, one lacks an image or a caption, or the two sets overlap.
    """
    shared = held_out.record_ids.filter(pc.is_in(held_out.record_ids, value_set=trained.record_ids))
    if len(shared):
        raise InputError(
            f"{len(shared):,} of the {len(held_out):,} records of --early-stop {role} are trained on too, e.g. "
            f"'{shared[0].as_py()}'; hold out a role that --role leaves aside"
        )
    without, what = lacking(held_out, PAIR)
    if len(held_out) < 2 or what:
        found = f", {pc.sum(without).as_py():,} of them with {what}" if what else ""
        raise InputError(
            f"--early-stop {role} has {len(held_out):,} records{found}; expected 2 or more, each with an image and a "
            "caption"
        )


class EarlyStopping:
    """Measures the held-out loss after every epoch, and keeps the weights of the best.

    The pairs stand in fixed batches, each image cropped as for inference with its record's first caption; the loss is
    the training's without smoothing or noise. Pairs that do not fill the last batch are left aside.
    """

    def __init__(self, held_out: HeldOut, *, batch_size: int, seed: int) -> None:
        """Prepares the batches.

        Args:
            held_out: the pairs.
            batch_size: of the training; fewer pairs make one batch.
            seed: of the order of the pairs.
        """
        n = len(held_out.records)
        size = min(batch_size, n)
        order = rng_for(seed, "held-out").permutation(n)[: n // size * size]
        self._held_out, self._batches = held_out, order.reshape(-1, size)
        self._images: _HeldOutImages | None = None
        self._tokens = torch.empty(0)
        self._losses: list[float] = []
        self._best: dict[str, torch.Tensor] = {}

    def __repr__(self) -> str:
        """What the manifest says."""
        held_out = self._held_out
        return f"EarlyStopping(role={held_out.role!r}, n={len(held_out.records)}, hash={held_out.hash!r})"

    def measure(
        self,
        model: torch.nn.Module,
        *,
        tokenizer: Tokenizer,
        preprocess: dict[str, Any],
        loss: torch.nn.Module,
        process: Accelerator,
        autocast: torch.autocast,
    ) -> float:
        """Takes and returns the held-out loss of the model as it is now; leaves it in evaluation mode."""
        if self._images is None:
            self._images = _HeldOutImages(self._held_out.records, image_preprocess(preprocess))
            self._tokens = tokenizer([captions[0].as_py() for captions in self._held_out.records.column("captions")])
        model.eval()
        total = 0.0
        with torch.no_grad():
            for rows in self._batches:
                pixels = self._images.batch(rows).to(process.device)
                tokens = self._tokens[rows].to(process.device)
                images = normalised(pixels, preprocess)
                with autocast:
                    image_features, text_features, *scale_and_bias = model(images, tokens)
                total += float(loss(image_features.float(), text_features.float(), *scale_and_bias))
        mean = torch.tensor(total / len(self._batches), dtype=torch.float64, device=process.device)
        value = float(process.reduce(mean, "mean"))  # so that all processes choose the same epoch
        if math.isfinite(value) and value < min(filter(math.isfinite, self._losses), default=math.inf):
            self._keep(model.state_dict())
        self._losses.append(value)
        return value

    def _keep(self, weights: dict[str, torch.Tensor]) -> None:
        """Copies the weights, into the memory of those kept before: new memory takes several times as long."""
        self._best = self._best or {name: torch.empty_like(tensor, device="cpu") for name, tensor in weights.items()}
        for name, tensor in weights.items():
            self._best[name].copy_(tensor)

    def restore(self, model: torch.nn.Module) -> None:
        """Gives the model its best weights back."""
        if self._best:
            model.load_state_dict(self._best, strict=True)

    def state(self) -> dict[str, torch.Tensor]:
        """What a resume needs."""
        best = {f"best.{name}": tensor for name, tensor in self._best.items()}
        return {"held_out_losses": torch.tensor(self._losses, dtype=torch.float64), **best}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Takes up what `state` gave."""
        self._losses = state["held_out_losses"].tolist()
        self._best = {name.removeprefix("best."): tensor for name, tensor in state.items() if name.startswith("best.")}

    def outcome(self) -> dict[str, Any]:
        """Which epoch is best so far, from 1, and every epoch's loss; null where it was not finite."""
        finite = [value for value in self._losses if math.isfinite(value)]
        return {
            "role": self._held_out.role,
            "n": int(self._batches.size),
            "batch_size": int(self._batches.shape[1]),
            "best_epoch": self._losses.index(min(finite)) + 1 if finite else None,
            "loss": min(finite, default=None),
            "losses": [value if math.isfinite(value) else None for value in self._losses],
        }


class _HeldOutImages(CachedImages):
    """Pixels as a model sees them at inference."""

    def __init__(self, records: Records, preprocess: ImagePreprocess) -> None:
        super().__init__(records, cache_bytes=CACHE_BYTES)
        self._preprocess = preprocess

    def _prepared(self, image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(self._preprocess(image))

    def batch(self, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """(b,) rows → (b, 3, height, width) uint8."""
        return torch.stack([self._image(row, self._ids[row].as_py()) for row in rows.tolist()])
