"""CLIP's objective: captions and images of a batch find each other (Radford et al. 2021)."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from memometer.data.records import Records
from memometer.encoders.architectures import Architecture, build_model, build_tokenizer
from memometer.encoders.forward import normalised
from memometer.progress import notice
from memometer.seeds import seed_for
from memometer.training.config import TrainConfig
from memometer.training.early_stopping import EarlyStopping
from memometer.training.mitigations.base import Mitigation, those_with
from memometer.training.mitigations.losses import SigLip, clip_loss
from memometer.training.models import preprocess_config
from memometer.training.objective import Moment, Objective
from memometer.training.optimizer import build_optimizer, clamp_logit_scale
from memometer.training.resampling import resizing_of
from memometer.training.samples import TrainingSamples

__all__ = ["ClipObjective"]

Batch = tuple[torch.Tensor, torch.Tensor]
"""(n, 3, height, width) uint8 pixels, (n, context_length) int64 tokens."""


class RawText(torch.nn.Module):
    """A CLIP model that leaves its text embeddings as they are before the normalisation."""

    def __init__(self, model: torch.nn.Module) -> None:
        """Wraps a model of open_clip, and shares its weights."""
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(n, d) normalised images, (n, d) raw texts, the logit scale, and the logit bias where there is one."""
        model: Any = self.model
        features = model.encode_image(images, normalize=True), model.encode_text(tokens, normalize=False)
        bias = () if model.logit_bias is None else (model.logit_bias,)
        return (*features, model.logit_scale.exp(), *bias)


class ClipObjective(Objective):
    """The contrastive loss of images and captions, with mitigations."""

    columns = ("logit_scale",)
    epoch_columns = ("held_out_loss",)

    def __init__(
        self,
        config: TrainConfig,
        records: Records,
        *,
        architecture: Architecture,
        mitigations: Sequence[Mitigation],
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        self._early_stopping = early_stopping
        self._remarks: list[str] = []
        self._config, self._records, self._mitigations = config, records, tuple(mitigations)
        self._architecture = architecture
        self._model: Any = None
        self._tokenizer: Any = None
        self._loss: Any = None
        self._of_raw: list[tuple[str, Mitigation]] = []
        self._of_features: list[tuple[str, Mitigation]] = []

    def build(self, process: Accelerator) -> torch.nn.Module:
        """The model of the architecture."""
        self._model = build_model(self._architecture)
        self._tokenizer = build_tokenizer(self._architecture)
        self._mitigations = tuple(mitigation.for_tokenizer(self._tokenizer) for mitigation in self._mitigations)
        self._loss = self._criterion(rank=process.process_index, world_size=process.num_processes)
        if process.is_main_process:
            said = (mitigation.remark(self._records.column("captions")) for mitigation in self._mitigations)
            self._remarks = [remark for remark in said if remark]
            for remark in self._remarks:
                notice(remark)
        self._of_raw, self._of_features = (
            those_with(hook, self._mitigations) for hook in ("raw_text_features", "text_features")
        )
        return RawText(self._model) if self._of_raw else self._model

    def _criterion(self, *, rank: int, world_size: int) -> torch.nn.Module:
        given = (
            mitigation.criterion(rank=rank, world_size=world_size)
            for _, mitigation in those_with("criterion", self._mitigations)
        )
        found = next((loss for loss in given if loss is not None), None)
        return clip_loss(rank=rank, world_size=world_size) if found is None else found

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """AdamW as CLIP models are trained."""
        return build_optimizer(network, lr=self._config.lr, weight_decay=self._config.weight_decay)

    def samples(self, *, cache_bytes: int, in_turn: bool = False) -> TrainingSamples:
        """Crops and tokens."""
        size = self._model.visual.image_size
        return TrainingSamples(
            self._records,
            tokenizer=self._tokenizer,
            size=size if isinstance(size, tuple) else (size, size),
            min_crop=self._config.min_crop,
            seed=self._config.seed,
            mitigations=self._mitigations,
            cache_bytes=cache_bytes,
            resizing=resizing_of(len(self._records) * self._config.epochs, in_turn=in_turn),
        )

    def loss(self, network: torch.nn.Module, batch: Batch, moment: Moment) -> torch.Tensor:
        """The mean of both directions' cross entropy, or the loss that a mitigation puts in its place."""
        pixels, tokens = batch
        images = normalised(pixels, self._preprocess)
        with moment.autocast():
            image_features, text_features, logit_scale, *bias = network(images, tokens)
        for name, mitigation in self._of_raw:
            text_features = mitigation.raw_text_features(text_features, generator=self._generator(name, moment))
        if self._of_raw:
            text_features = torch.nn.functional.normalize(text_features, dim=-1)
        for name, mitigation in self._of_features:
            text_features = mitigation.text_features(text_features, generator=self._generator(name, moment))
        return self._loss(image_features.float(), text_features.float(), logit_scale, *bias)  # type: ignore[no-any-return]

    def _generator(self, name: str, moment: Moment) -> torch.Generator:
        """Of one mitigation, step and process."""
        generator = torch.Generator(moment.process.device)
        seed = seed_for(self._config.seed, "features", name, moment.step, moment.process.process_index)
        return generator.manual_seed(seed)

    def after_step(self, moment: Moment) -> tuple[torch.Tensor]:  # noqa: ARG002 (the objective's signature)
        """Clamps the logit scale."""
        clamp_logit_scale(self._model.logit_scale, largest=self._config.logit_scale_max)
        return (self._model.logit_scale.detach().exp(),)

    def after_epoch(self, process: Accelerator, *, bf16: bool) -> tuple[float]:
        """Takes the held-out loss; there is none without early stopping."""
        if self._early_stopping is None:
            return (math.nan,)
        plain = SigLip().criterion if self._config.loss == "siglip" else clip_loss
        loss = self._early_stopping.measure(
            self._model,
            tokenizer=self._tokenizer,
            preprocess=self._preprocess,
            loss=plain(rank=0, world_size=1),  # every process has all the held-out pairs
            process=process,
            autocast=torch.autocast(process.device.type, dtype=torch.bfloat16, enabled=bf16),
        )
        return (loss,)

    def finish(self) -> None:
        """Takes the weights of the best epoch."""
        if self._early_stopping is not None:
            self._early_stopping.restore(self._model)

    def outcome(self) -> dict[str, Any]:
        """What there was to remark, and which epoch is the model."""
        stopping = {} if self._early_stopping is None else {"early_stop": self._early_stopping.outcome()}
        return {"remarks": list(self._remarks), **stopping}

    def state(self) -> dict[str, torch.Tensor]:
        """The best weights so far."""
        return {} if self._early_stopping is None else self._early_stopping.state()

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Takes up the best weights so far."""
        if self._early_stopping is not None:
            self._early_stopping.load_state(state)

    def weights(self) -> dict[str, torch.Tensor]:
        """All of the model."""
        return self._model.state_dict()  # type: ignore[no-any-return]

    def model_file(self) -> dict[str, Any]:
        """``open_clip_config.json``."""
        return {"model_cfg": self._architecture.config, "preprocess_cfg": self._preprocess}

    def describe(self) -> dict[str, Any]:
        """Size, config and preprocessing."""
        return {
            "parameters": sum(parameter.numel() for parameter in self._model.parameters()),
            "config": self._architecture.config,
            "preprocess": self._preprocess,
        }

    def save_companions(self, folder: Path) -> None:
        """Puts the files of a Hugging Face tokenizer beside the weights, where open_clip looks for them."""
        if hasattr(self._tokenizer, "save_pretrained"):
            self._tokenizer.save_pretrained(folder)

    @property
    def _preprocess(self) -> dict[str, Any]:
        return preprocess_config(self._model.visual.image_size)
