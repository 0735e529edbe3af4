"""The training loop: CLIP's loss on accelerate, in one process or many."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch.utils.data import DataLoader

from memometer.data.records import Records
from memometer.encoders.architectures import Architecture, build_model, build_tokenizer
from memometer.encoders.checkpoints import hash_tensors
from memometer.engines import default_workers
from memometer.errors import InputError, JobError
from memometer.progress import notice, progress_bar
from memometer.seeds import seed_for
from memometer.training.config import TrainConfig
from memometer.training.folder import METRICS, ModelFolder, TrainState
from memometer.training.mitigations import Mitigation
from memometer.training.models import preprocess_config
from memometer.training.optimizer import build_optimizer, clamp_logit_scale, learning_rate
from memometer.training.samples import EpochBatches, TrainingSamples

__all__ = ["TrainingLoop"]

CACHE_BYTES = 2 << 30
"""Decoded images kept in memory, where this process decodes them itself."""

Batch = tuple[torch.Tensor, torch.Tensor]
"""(n, 3, height, width) uint8 pixels, (n, context_length) int64 tokens."""


class TrainingLoop:
    """One training under way in this process.

    Attributes:
        accelerator: knows the device and the other processes.
        model: the bare model.
        steps_per_epoch: full batches in the records.
    """

    def __init__(
        self, config: TrainConfig, records: Records, *, architecture: Architecture, mitigations: Sequence[Mitigation]
    ) -> None:
        self.accelerator = _accelerator(config)
        self._config, self._records, self._mitigations = config, records, tuple(mitigations)
        self._architecture = architecture
        self.steps_per_epoch = len(records) // config.batch_size
        self._steps = self.steps_per_epoch * config.epochs
        self._warmup = min(2000, self._steps // 10) if config.warmup is None else config.warmup
        self._bf16 = _use_bf16(config, self.accelerator.device)
        torch.manual_seed(seed_for(config.seed, "weights"))
        model: Any = build_model(architecture)
        self.model = model
        self._tokenizer = build_tokenizer(architecture)
        self._parallel = self.accelerator.prepare_model(self.model)
        self._optimizer = build_optimizer(self.model, lr=config.lr, weight_decay=config.weight_decay)
        # The mean over the processes of each one's share of the loss, and of its gradients, is that of the whole batch.
        self._loss = open_clip.ClipLoss(
            local_loss=True,
            gather_with_grad=True,
            rank=self.accelerator.process_index,
            world_size=self.accelerator.num_processes,
        )
        preprocess = preprocess_config(model.visual.image_size)
        self._mean, self._std = (
            torch.tensor(preprocess[key], device=self.accelerator.device).view(3, 1, 1) for key in ("mean", "std")
        )

    def run(self, folder: ModelFolder, *, resume: bool) -> TrainState:
        """Trains all the epochs that are left and keeps the state after each; the last state holds the weights.

        Raises:
            JobError: the loss is no longer finite; the state of the last whole epoch stays in the folder.
        """
        state = self._load(folder) if resume else None
        state = state or TrainState(epoch=0, model={}, optimizer={}, metrics=torch.zeros(0, len(METRICS)), seconds=0.0)
        rows, before, start = state.metrics.tolist(), state.seconds, time.monotonic()
        batches = iter(self._loader(range(state.epoch, self._config.epochs)))
        with self._progress(done=state.epoch * self.steps_per_epoch) as advance:
            for epoch in range(state.epoch, self._config.epochs):
                # What dropout drops depends on the epoch, not on where the training was resumed.
                torch.manual_seed(seed_for(self._config.seed, "dropout", epoch, self.accelerator.process_index))
                self._parallel.train()
                for step in range(epoch * self.steps_per_epoch, (epoch + 1) * self.steps_per_epoch):
                    began = time.monotonic()
                    row = (step, epoch, *self._step(next(batches), step))
                    rows.append((*row, self._config.batch_size / (time.monotonic() - began)))
                    advance(1, f"epoch {epoch + 1}  loss {rows[-1][2]:.3f}  {rows[-1][-1]:,.0f} samples/s")
                state = TrainState(
                    epoch=epoch + 1,
                    model=self.model.state_dict(),
                    optimizer=self._optimizer.state_dict(),
                    metrics=torch.tensor(rows, dtype=torch.float64),
                    seconds=before + time.monotonic() - start,
                )
                if self.accelerator.is_main_process and epoch + 1 < self._config.epochs:
                    folder.save_state(state)
        return state

    def describe(self, state: TrainState) -> dict[str, Any]:
        """What the manifest says of the model and of the work."""
        return {
            "model": {
                "name": self._config.model,
                "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
                "config": self._architecture.config,
                "preprocess": preprocess_config(self.model.visual.image_size),
                "weights_hash": hash_tensors(state.model),
            },
            "steps": self._steps,
            "warmup": self._warmup,
            "loss": round(float(state.metrics[-self.steps_per_epoch :, METRICS.index("loss")].mean()), 6),
            "seconds": round(state.seconds, 1),
            "samples_per_second": round(self._steps * self._config.batch_size / max(state.seconds, 1e-9), 1),
            "device": str(self.accelerator.device),
            "precision": "bf16" if self._bf16 else "fp32",
            "processes": self.accelerator.num_processes,
            "threads": torch.get_num_threads(),
        }

    def save_tokenizer(self, folder: Path) -> None:
        """Puts the files of a Hugging Face tokenizer beside the weights, where open_clip looks for them."""
        if hasattr(self._tokenizer, "save_pretrained"):
            self._tokenizer.save_pretrained(folder)

    def _step(self, batch: Batch, step: int) -> tuple[float, float, float]:
        """One step of the optimizer; the loss, the learning rate and the logit scale after it."""
        rate = learning_rate(step, steps=self._steps, warmup=self._warmup, peak=self._config.lr)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        device = self.accelerator.device
        pixels, tokens = (part.to(device, non_blocking=True) for part in batch)
        images = pixels.to(torch.float32).div_(255).sub_(self._mean).div_(self._std)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._bf16):
            image_features, text_features, logit_scale, *bias = self._parallel(images, tokens)
        for turn, mitigation in enumerate(self._mitigations):
            generator = torch.Generator(device)
            generator.manual_seed(seed_for(self._config.seed, "features", turn, step, self.accelerator.process_index))
            text_features = mitigation.text_features(text_features, generator=generator)
        loss = self._loss(image_features.float(), text_features.float(), logit_scale, *bias)
        value = float(self.accelerator.reduce(loss.detach(), "mean"))
        if not math.isfinite(value):
            raise JobError(
                f"the loss is {value} at step {step + 1} of {self._steps}; the state after the last whole epoch is "
                f"kept in {self._config.out / 'state'}; try --overwrite with a lower --lr or a longer --warmup"
            )
        self._optimizer.zero_grad()
        self.accelerator.backward(loss)
        self._optimizer.step()
        clamp_logit_scale(self.model.logit_scale, largest=self._config.logit_scale_max)
        return value, rate, float(self.model.logit_scale.detach().exp())

    def _load(self, folder: ModelFolder) -> TrainState | None:
        """Takes up the state that was kept; None where the training was stopped in its first epoch."""
        state = folder.load_state()
        if state is not None:
            self.model.load_state_dict(state.model, strict=True)
            self._optimizer.load_state_dict(state.optimizer)
            if self.accelerator.is_main_process:
                notice(f"going on after epoch {state.epoch} of {self._config.epochs}")
        return state

    def _loader(self, epochs: range) -> DataLoader[Batch]:
        on_gpu = self.accelerator.device.type == "cuda"
        workers = self._config.workers
        if workers is None:
            workers = min(8, default_workers()) if on_gpu else 0  # on a CPU every core is busy with the model
        size = self.model.visual.image_size
        samples = TrainingSamples(
            self._records,
            tokenizer=self._tokenizer,
            size=size if isinstance(size, tuple) else (size, size),
            min_crop=self._config.min_crop,
            seed=self._config.seed,
            mitigations=self._mitigations,
            cache_bytes=0 if workers else CACHE_BYTES,
        )
        batches = EpochBatches(
            n=len(self._records),
            batch_size=self._config.batch_size,
            epochs=epochs,
            seed=self._config.seed,
            rank=self.accelerator.process_index,
            world_size=self.accelerator.num_processes,
        )
        return DataLoader(
            samples,
            batch_sampler=batches,
            num_workers=workers,
            pin_memory=on_gpu,
            # A fork of a process whose threads are at work can deadlock.
            multiprocessing_context="spawn" if workers else None,
            generator=torch.Generator(),  # keeps the loader off torch's global random state
        )

    @contextlib.contextmanager
    def _progress(self, *, done: int) -> Iterator[Callable[..., None]]:
        """A bar on the main process, nothing on the others."""
        if not self.accelerator.is_main_process:
            yield lambda *_: None
            return
        with progress_bar(f"training {self._config.out.name}", total=self._steps, unit="steps") as advance:
            advance(done)
            yield advance


def _accelerator(config: TrainConfig) -> Accelerator:
    accelerator = Accelerator(cpu=config.device == "cpu", mixed_precision="no")  # the loop sets its own autocast
    if config.device == "cuda" and accelerator.device.type != "cuda":
        raise InputError("--device cuda was asked for, but torch sees no CUDA device; use --device cpu")
    supported = (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)
    if accelerator.distributed_type not in supported:
        raise InputError(
            f"accelerate was configured for {accelerator.distributed_type.value}; memometer trains data-parallel: "
            "launch with --multi_gpu, or with --cpu"
        )
    if config.batch_size % accelerator.num_processes:
        raise InputError(
            f"a batch of {config.batch_size} cannot be shared equally by {accelerator.num_processes} processes; "
            "pass a --batch-size that is a multiple of their number"
        )
    return accelerator


def _use_bf16(config: TrainConfig, device: torch.device) -> bool:
    if config.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return config.precision == "bf16"
