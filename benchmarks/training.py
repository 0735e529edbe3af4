"""Training: open_clip's own loop, the bare steps on ready tensors, and every mitigation beside the default.

All peers train the same model on the same JPEGs (about 500 × 375 px) and captions, at the same precision, on the same
device, with the same number of decoding processes. Each trains side by side with memometer's default, one epoch of
either in turn, and what counts is the ratio of two epochs that follow each other: a machine that is shared is faster or
slower by some 10 % from minute to minute. The first epochs warm up and are not timed. memometer's time includes
everything but the file of the state that it keeps after each epoch, which open_clip's loop leaves to its caller; that is
timed once and given beside.

    python benchmarks/training.py                                                    # the small preset on a CPU
    python benchmarks/training.py --device cuda --model ViT-B-32 --precision bf16 --n 4096 --batch-size 512
"""

import argparse
import dataclasses
import gc
import multiprocessing.forkserver
import statistics
import tempfile
import time
import types
from pathlib import Path
from typing import Any

import open_clip
import torch
from common import machine, record_section, table, versions
from open_clip.transform import PreprocessCfg, image_transform_v2
from open_clip_train.scheduler import cosine_lr
from open_clip_train.train import train_one_epoch
from photographs import write_records
from PIL import Image
from side_by_side import Clock, Peer, ratio_of, side_by_side
from torch.utils.data import DataLoader, Dataset

from memometer.data.records import hash_records, load_records
from memometer.encoders.architectures import build_model, build_tokenizer
from memometer.encoders.forward import normalised
from memometer.engines import default_workers
from memometer.files import write_json
from memometer.training.clip import ClipObjective
from memometer.training.config import TrainConfig
from memometer.training.early_stopping import EarlyStopping, HeldOut
from memometer.training.folder import ModelFolder
from memometer.training.loop import TrainingLoop
from memometer.training.mitigations import Mitigation, mitigations_of
from memometer.training.mitigations.image_variants import load_variants
from memometer.training.models import find_architecture, preprocess_config
from memometer.training.optimizer import BETAS, EPS, build_optimizer, clamp_logit_scale

MITIGATED: dict[str, dict[str, Any]] = {
    "text masking 0.3": {"text_mask": 0.3},
    "caption sampling": {"caption_sampling": True},
    "masking and sampling": {"text_mask": 0.3, "caption_sampling": True},
    "text noise 0.15": {"text_noise": 0.15},
    "text noise 0.15, raw": {"text_noise": 0.15, "text_noise_at": "raw"},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "SigLIP loss": {"loss": "siglip"},
    "flip 0.5": {"flip": 0.5},
    "color jitter 0.4": {"color_jitter": 0.4},
    "image variants": {"image_variants": "yes"},
    "early stopping": {"early_stop": "held"},
}


class Setting:
    """What all peers share."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.architecture = find_architecture(options.model)
        self.device = torch.device(options.device)
        self.workers = options.workers
        if self.workers is None:
            self.workers = default_workers() if options.device == "cuda" else 0
        self.records = load_records(folder, role="train")
        self.steps = len(self.records) // options.batch_size


class TimedFolder(ModelFolder):
    """Keeps the state as a training does, but once, off the clock of the epochs."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path)
        self._clock = clock

    def save_state(self, state: Any) -> None:
        if self._clock.to_keep is None:
            start = time.perf_counter()
            super().save_state(state)
            self._clock.to_keep = time.perf_counter() - start
        self._clock.epoch_begins()


def train_with_memometer(setting: Setting, changes: dict[str, Any], clock: Clock) -> None:
    """memometer's trainer."""
    options = setting.options
    changes = dict(changes)
    variants = changes.pop("image_variants", None)
    config = TrainConfig.checked(
        records=setting.folder,
        role="train",
        out=setting.folder / "out",
        model=options.model,
        epochs=options.warm_up + options.epochs,
        batch_size=options.batch_size,
        device=options.device,
        precision=options.precision,
        workers=setting.workers,
        warmup=2,
        **changes,
    )
    mitigations: tuple[Mitigation, ...] = mitigations_of(config)
    if variants:
        whole = load_records(setting.folder)
        found = load_variants(setting.folder / "variants.parquet", records=setting.records, whole=whole)
        mitigations = (found, *mitigations)
    stopping = None
    if config.early_stop:
        held_out = load_records(setting.folder, role=config.early_stop)
        named = HeldOut(config.early_stop, hash_records(held_out, ["record_id"]), held_out)
        stopping = EarlyStopping(named, batch_size=config.batch_size, seed=0)
    architecture = setting.architecture
    for mitigation in mitigations:
        architecture = dataclasses.replace(architecture, config=mitigation.model_config(architecture.config))
    objective = ClipObjective(
        config, setting.records, architecture=architecture, mitigations=mitigations, early_stopping=stopping
    )
    loop = TrainingLoop(config, objective, n=len(setting.records))
    clock.epoch_begins()
    with tempfile.TemporaryDirectory(dir=setting.folder) as out:
        loop.run(TimedFolder(Path(out), clock), resume=False, after_epoch=lambda _: clock.epoch_ends())


class Pairs(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images and captions as open_clip's own CsvDataset reads them."""

    def __init__(self, setting: Setting) -> None:
        self.paths = [str(setting.folder / path) for path in setting.records.column("image_path").to_pylist()]
        self.captions = [captions[0] for captions in setting.records.column("captions").to_pylist()]
        model = build_model(setting.architecture)
        self.transform = image_transform_v2(PreprocessCfg(**preprocess_config(model.visual.image_size)), is_train=True)
        self.tokenize = build_tokenizer(setting.architecture)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(Image.open(self.paths[row])), self.tokenize([self.captions[row]])[0]


def train_with_open_clip(setting: Setting, clock: Clock) -> None:
    """``open_clip_train.train.train_one_epoch``, set up as its own main does."""
    options = setting.options
    torch.manual_seed(0)
    model = build_model(setting.architecture)
    model.output_dict = True
    model.to(setting.device)
    loader = DataLoader(
        Pairs(setting),
        batch_size=options.batch_size,
        shuffle=True,
        num_workers=setting.workers,
        pin_memory=setting.device.type == "cuda",
        drop_last=True,
        persistent_workers=setting.workers > 0,
        multiprocessing_context="forkserver" if setting.workers else None,
    )
    loader.num_batches, loader.num_samples = setting.steps, setting.steps * options.batch_size
    data = {"train": types.SimpleNamespace(dataloader=loader, set_epoch=lambda _: None)}
    vectors = [p for p in model.parameters() if p.ndim < 2]
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    groups = [{"params": vectors, "weight_decay": 0.0}, {"params": matrices, "weight_decay": 0.1}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=BETAS, eps=EPS)
    scheduler = cosine_lr(optimizer, 1e-3, 2, setting.steps * (options.warm_up + options.epochs))
    arguments = types.SimpleNamespace(
        device=str(setting.device),
        precision="amp_bf16" if options.precision == "bf16" else "fp32",
        distill=False,
        accum_freq=1,
        skip_scheduler=False,
        horovod=False,
        grad_clip_norm=None,
        log_every_n_steps=100,
        world_size=1,
        rank=0,
        local_rank=0,
        distributed=False,
        wandb=False,
        log_local=False,
        batch_size=options.batch_size,
    )
    clock.epoch_begins()
    for epoch in range(options.warm_up + options.epochs):
        train_one_epoch(model, data, open_clip.ClipLoss(), epoch, optimizer, None, scheduler, None, arguments)
        clock.epoch_ends()


def take_bare_steps(setting: Setting, clock: Clock) -> None:
    """Forward passes, backward passes and steps on one batch that is ready on the device."""
    options = setting.options
    torch.manual_seed(0)
    model = build_model(setting.architecture).to(setting.device).train()
    size = model.visual.image_size
    shape = (options.batch_size, 3, *(size if isinstance(size, tuple) else (size, size)))
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device=setting.device)
    images = normalised(pixels, preprocess_config(size))
    captions = setting.records.column("captions").slice(0, options.batch_size).to_pylist()
    tokens = build_tokenizer(setting.architecture)([each[0] for each in captions]).to(setting.device)
    optimizer, loss = build_optimizer(model, lr=1e-3, weight_decay=0.1), open_clip.ClipLoss()
    clock.epoch_begins()
    for _ in range(options.warm_up + options.epochs):
        for _ in range(setting.steps):
            with torch.autocast(setting.device.type, dtype=torch.bfloat16, enabled=options.precision == "bf16"):
                image_features, text_features, scale = model(images, tokens)
            optimizer.zero_grad()
            loss(image_features.float(), text_features.float(), scale).backward()
            optimizer.step()
            clamp_logit_scale(model.logit_scale, largest=100)
        clock.epoch_ends()


def compare(setting: Setting) -> dict[str, Any]:
    """Seconds of each epoch of every peer and of the default beside it, and the ratios of their times."""
    options = setting.options

    def default(clock: Clock) -> None:
        train_with_memometer(setting, {}, clock)

    peers: dict[str, Peer] = {
        "open_clip's loop": lambda clock: train_with_open_clip(setting, clock),
        "bare steps": lambda clock: take_bare_steps(setting, clock),
        "the default again": default,
    }
    for name, changes in MITIGATED.items():
        if not options.only or name in options.only:
            peers[name] = lambda clock, changes=changes: train_with_memometer(setting, changes, clock)
    seconds: dict[str, dict[str, list[float]]] = {name: {"peer": [], "default": []} for name in peers}
    kept = []
    for turn in range(options.rounds):
        for name, peer in peers.items():
            if turn % 2:  # which of the two goes first can matter
                other, clock = side_by_side(setting.device, [peer, default])
            else:
                clock, other = side_by_side(setting.device, [default, peer])
            kept += [] if clock.to_keep is None else [clock.to_keep]
            seconds[name]["default"] += clock.seconds[options.warm_up :]
            seconds[name]["peer"] += other.seconds[options.warm_up :]
            both = {who: statistics.median(times) for who, times in seconds[name].items()}
            gc.collect()  # two models more would not fit beside those of ViT-B/32
            print(f"{name}: {both['peer']:.3f} s per epoch, the default {both['default']:.3f} s", flush=True)
    return {
        "model": options.model,
        "n": len(setting.records),
        "n_held": len(load_records(setting.folder, role="held")),
        "batch_size": options.batch_size,
        "precision": options.precision,
        "workers": setting.workers,
        "threads": torch.get_num_threads(),
        "warm_up": options.warm_up,
        "epochs": options.epochs,
        "rounds": options.rounds,
        "device": torch.cuda.get_device_name() if setting.device.type == "cuda" else "cpu",
        "machine": machine(),
        "versions": versions(("memometer", "torch", "open_clip_torch")),
        "seconds": seconds,
        "samples_per_epoch": setting.steps * options.batch_size,
        "time_over_default": {name: ratio_of(times["peer"], times["default"]) for name, times in seconds.items()},
        "seconds_to_keep_the_state": statistics.median(kept) if kept else None,
    }


def text_of(found: dict[str, Any]) -> str:
    """The section of the results."""
    rows = []
    for name, (ratio, low, high) in found["time_over_default"].items():
        speed, beside = (
            found["samples_per_epoch"] / statistics.median(found["seconds"][name][who]) for who in ("peer", "default")
        )
        digits = 0 if speed > 20 else 2
        rows.append((name, f"{speed:,.{digits}f}", f"{beside:,.{digits}f}", f"{ratio:.3f} [{low:.3f}, {high:.3f}]"))
    over_open_clip = found["time_over_default"]["open_clip's loop"][0]
    over_bare = ratio_of(found["seconds"]["bare steps"]["default"], found["seconds"]["bare steps"]["peer"])
    pairs = found["epochs"] * found["rounds"]
    return (
        f"`benchmarks/training.py`: {found['model']}, {found['n']:,} JPEGs of 500 × 375 px, batches of "
        f"{found['batch_size']}, {found['precision']}, on {found['device']}, {found['workers']} decoding processes, "
        f"{found['threads']} torch thread(s) (memometer makes the next batch in a thread of its own where a core is "
        f"spare, else with torch's). Each peer and the default train side by side, an epoch of either in turn, either of them first: medians of "
        f"{pairs} epochs of each ({found['rounds']} training(s), after {found['warm_up']} epochs to warm up), and the "
        f"median ratio of the pairs with its 95 % interval. Early stopping holds out {found['n_held']} pairs.\n\n"
        + table(("what", "samples/s", "the default beside it", "time / default"), rows)
        + f"\n\nSpeed over open_clip's loop: {over_open_clip:.2f} (wanted: at least 1). Time over bare "
        f"steps: {over_bare[0]:.3f} [{over_bare[1]:.3f}, {over_bare[2]:.3f}] (wanted: at most 1.05). Wanted of a mitigation: at most 1.03. "
        f"Keeping the state after an epoch takes {found['seconds_to_keep_the_state'] or 0:.2f} s more."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--model", default="small")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--n", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=8, help="timed in each training")
    parser.add_argument("--warm-up", type=int, default=2, help="epochs before those that are timed")
    parser.add_argument("--rounds", type=int, default=2, help="trainings of every peer")
    parser.add_argument("--workers", type=int, help="decoding processes; none on a CPU, one per core beside a GPU")
    parser.add_argument(
        "--only", nargs="+", choices=MITIGATED, metavar="MITIGATION", help="those alone, by their names"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--no-record", dest="record", action="store_false", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    # Every worker of either peer is a copy of one server that has loaded this file: seconds, not minutes, on many cores.
    multiprocessing.set_forkserver_preload(["__main__"])
    multiprocessing.forkserver.ensure_running()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "records"
        write_records(folder, n=options.n, n_held=max(options.n // 20, 2))
        found = compare(Setting(options, folder))
    text = text_of(found)
    print(text)
    if options.json:
        write_json(options.json, found)
    if options.record:
        record_section(
            f"Training, {options.model} on {found['device']}, {found['threads']} thread(s) of torch",
            text,
            packages=("memometer", "torch", "open_clip_torch", "numpy"),
        )


if __name__ == "__main__":
    main()
