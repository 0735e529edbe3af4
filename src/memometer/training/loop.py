"""The training loop: one objective on accelerate, in one process or many."""

import contextlib
import dataclasses
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import BaseContext
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, send_to_device
from torch.utils.data import DataLoader

from memometer.encoders.checkpoints import hash_tensors
from memometer.engines import default_workers, end_with_parent
from memometer.errors import InputError, JobError
from memometer.progress import notice, progress_bar
from memometer.seeds import seed_for
from memometer.training.config import TrainingOptions
from memometer.training.folder import ModelFolder, TrainState
from memometer.training.objective import Moment, Objective
from memometer.training.optimizer import learning_rate
from memometer.training.samples import CachedImages, EpochBatches

__all__ = ["TrainingLoop"]

CACHE_BYTES = 2 << 30
"""Decoded images kept in memory, where this process decodes them itself."""


@dataclasses.dataclass(frozen=True)
class _Step:
    """A step that the device may still be at.

    Attributes:
        moment: which one.
        loss: the mean over the processes, a scalar on the device.
        rate: the learning rate.
        measured: by the objective, scalars on the device or numbers.
        seconds: since the step before was sent to the device.
    """

    moment: Moment
    loss: torch.Tensor
    rate: float
    measured: tuple[float | torch.Tensor, ...]
    seconds: float


class TrainingLoop:
    """One training under way in this process.

    Attributes:
        accelerator: knows the device and the other processes.
        network: the bare network.
        columns: of ``metrics.parquet``, one row per step; what is measured per epoch stands in the row of its last.
        steps_per_epoch: full batches in the records.
    """

    def __init__(self, config: TrainingOptions, objective: Objective, *, n: int) -> None:
        """Builds the network.

        Args:
            config: the options.
            objective: what is trained.
            n: records.

        Raises:
            InputError: the device or the processes do not fit the options.
        """
        self.accelerator = _accelerator(config)
        of_steps = ("step", "epoch", "loss", "lr", *objective.columns, "samples_per_second")
        self.columns = (*of_steps, *objective.epoch_columns)
        self.steps_per_epoch = n // config.batch_size
        self._config, self._objective, self._n = config, objective, n
        self._steps = self.steps_per_epoch * config.epochs
        self._warmup = min(2000, self._steps // 10) if config.warmup is None else config.warmup
        self._last_step = time.monotonic()
        self._all_read = False
        self._bf16 = _use_bf16(config, self.accelerator.device)
        torch.manual_seed(seed_for(config.seed, "weights"))
        self.network = objective.build(self.accelerator)
        self._parallel = self.accelerator.prepare_model(self.network)
        self._optimizer = objective.optimizer(self.network)

    def run(self, folder: ModelFolder, *, resume: bool, after_epoch: Callable[[TrainState], None]) -> TrainState:
        """Trains all the epochs that are left and keeps the state after each.

        Args:
            folder: keeps the state.
            resume: take up the state that the folder has.
            after_epoch: is called on every process, before the epoch's state is kept.

        Raises:
            JobError: the loss is no longer finite; the state of the last whole epoch stays in the folder.
        """
        state = self._load(folder) if resume else None
        state = state or TrainState(0, {}, {}, metrics=torch.zeros(0, len(self.columns)), seconds=0.0)
        rows, before, start = state.metrics.tolist(), state.seconds, time.monotonic()
        loader = self._loader(range(state.epoch, self._config.epochs))
        batches = iter(loader) if loader.num_workers or self._in_turn() else _ahead(iter(loader))
        with self._progress(done=state.epoch * self.steps_per_epoch) as advance:
            for epoch in range(state.epoch, self._config.epochs):
                # What dropout drops depends on the epoch, not on where the training was resumed.
                torch.manual_seed(seed_for(self._config.seed, "dropout", epoch, self.accelerator.process_index))
                self._parallel.train()
                self._last_step = time.monotonic()
                waiting: _Step | None = None
                for step in range(epoch * self.steps_per_epoch, (epoch + 1) * self.steps_per_epoch):
                    # A step's numbers are read while the next one is under way, so that a GPU never waits for this.
                    under_way = self._step(next(batches), step)
                    if waiting is not None:
                        rows.append(self._numbers(waiting, advance))
                    waiting = under_way
                if waiting is not None:
                    rows.append(self._numbers(waiting, advance))
                rows[-1] = self._with_epoch(rows[-1], self._objective.after_epoch(self.accelerator, bf16=self._bf16))
                state = TrainState(
                    epoch=epoch + 1,
                    model=self.network.state_dict(),
                    optimizer=self._optimizer.state_dict(),
                    metrics=torch.tensor(rows, dtype=torch.float64),
                    seconds=before + time.monotonic() - start,
                    objective=self._objective.state(),
                )
                self._read_the_rest(loader, state.epoch)
                after_epoch(state)
                if self.accelerator.is_main_process and epoch + 1 < self._config.epochs:
                    folder.save_state(state)
        return state

    def _read_the_rest(self, loader: DataLoader[Any], epoch: int) -> None:
        """Reads the images of no batch so far before the first manifest, a copy's or the model's, vouches for all."""
        written = epoch == self._config.epochs or epoch in self._config.checkpoint_epochs
        if not written or self._all_read or not self.accelerator.is_main_process:
            return
        if isinstance(loader.dataset, CachedImages) and isinstance(loader.batch_sampler, EpochBatches):
            so_far = dataclasses.replace(loader.batch_sampler, epochs=range(epoch))
            loader.dataset.read(so_far.left_over())
        self._all_read = True

    def describe(self, state: TrainState) -> dict[str, Any]:
        """What a manifest says of the model as it is now, and of the work so far."""
        steps = len(state.metrics)
        return {
            "model": {
                "name": self._config.model,
                **self._objective.describe(),
                "weights_hash": hash_tensors(self._objective.weights()),
            },
            "epochs": state.epoch,
            "steps": steps,
            "warmup": self._warmup,
            "loss": round(float(state.metrics[-self.steps_per_epoch :, self.columns.index("loss")].mean()), 6),
            "seconds": round(state.seconds, 1),
            "samples_per_second": round(steps * self._config.batch_size / max(state.seconds, 1e-9), 1),
            "device": str(self.accelerator.device),
            "precision": "bf16" if self._bf16 else "fp32",
            "processes": self.accelerator.num_processes,
            "threads": torch.get_num_threads(),
            **self._objective.outcome(),
        }

    def _step(self, batch: Any, step: int) -> "_Step":
        """One step of the optimizer."""
        moment = Moment(step, self._steps, self.steps_per_epoch, process=self.accelerator, bf16=self._bf16)
        rate = learning_rate(step, steps=self._steps, warmup=self._warmup, peak=self._config.lr)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = self._objective.loss(
            self._parallel, send_to_device(batch, self.accelerator.device, non_blocking=True), moment
        )
        mean = self.accelerator.reduce(loss.detach(), "mean")
        self._optimizer.zero_grad()
        self.accelerator.backward(loss)
        self._objective.before_step(moment)
        self._optimizer.step()
        measured, now = self._objective.after_step(moment), time.monotonic()
        seconds, self._last_step = now - self._last_step, now
        return _Step(moment, mean, rate, measured, seconds)

    def _numbers(self, step: "_Step", advance: Callable[..., None]) -> tuple[float, ...]:
        """A step's row of the metrics, once the device has come to its end; stops where the loss is not finite."""
        loss, measured = float(step.loss), map(float, step.measured)
        if not math.isfinite(loss):
            raise JobError(
                f"the loss is {loss} at step {step.moment.step + 1} of {self._steps}; the state after the last whole "
                f"epoch is kept in {self._config.out / 'state'}; try --overwrite with a lower --lr or a longer --warmup"
            )
        speed = self._config.batch_size / max(step.seconds, 1e-9)
        advance(1, f"epoch {step.moment.epoch + 1}  loss {loss:.3f}  {speed:,.0f} samples/s")
        later = [math.nan] * len(self._objective.epoch_columns)  # but for an epoch's last step
        return step.moment.step, step.moment.epoch, loss, step.rate, *measured, speed, *later

    def _with_epoch(self, last: Sequence[float], measured: tuple[float, ...]) -> tuple[float, ...]:
        """The row of an epoch's last step, with what was measured after it."""
        finite = (value if math.isfinite(value) else math.nan for value in measured)
        return *last[: len(last) - len(measured)], *finite

    def _load(self, folder: ModelFolder) -> TrainState | None:
        """Takes up the state that was kept; None where the training was stopped in its first epoch."""
        state = folder.load_state(TrainState)
        if state is not None:
            self.network.load_state_dict(state.model, strict=True)
            self._optimizer.load_state_dict(state.optimizer)
            self._objective.load_state(state.objective)
            if self.accelerator.is_main_process:
                notice(f"going on after epoch {state.epoch} of {self._config.epochs}")
        return state

    def _loader(self, epochs: range) -> DataLoader[Any]:
        on_gpu = self.accelerator.device.type == "cuda"
        workers = self._config.workers
        if workers is None:
            workers = min(16, default_workers()) if on_gpu else 0  # on a CPU every core is busy with the model
        batches = EpochBatches(
            n=self._n,
            batch_size=self._config.batch_size,
            epochs=epochs,
            seed=self._config.seed,
            rank=self.accelerator.process_index,
            world_size=self.accelerator.num_processes,
        )
        samples = self._objective.samples(
            cache_bytes=0 if workers else CACHE_BYTES, in_turn=not workers and self._in_turn()
        )
        return DataLoader(
            samples,
            batch_sampler=batches,
            num_workers=workers,
            pin_memory=on_gpu,
            multiprocessing_context=_workers_that_load(type(samples).__module__) if workers else None,
            worker_init_fn=end_with_parent,
            generator=torch.Generator(),  # keeps the loader off torch's global random state
        )

    def _in_turn(self) -> bool:
        """Whether this process makes a batch and trains on it in turn, not the next batch meanwhile in another thread.

        So it does where torch's threads take every core: one more thread holds them all up, for each of their loops
        waits for the slowest.
        """
        return self.accelerator.device.type != "cuda" and torch.get_num_threads() >= default_workers()

    @contextlib.contextmanager
    def _progress(self, *, done: int) -> Iterator[Callable[..., None]]:
        """A bar on the main process, nothing on the others."""
        if not self.accelerator.is_main_process:
            yield lambda *_: None
            return
        with progress_bar(f"training {self._config.out.name}", total=self._steps, unit="steps") as advance:
            advance(done)
            yield advance


def _workers_that_load(module: str) -> BaseContext:
    """How worker processes start: as copies of a server that has loaded a module, once for all: that takes seconds.

    A fork of this process itself, whose threads are at work, can deadlock.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def _ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches, each made by a thread of its own while the one before it is trained on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _accelerator(config: TrainingOptions) -> Accelerator:
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


def _use_bf16(config: TrainingOptions, device: torch.device) -> bool:
    if config.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return config.precision == "bf16"
