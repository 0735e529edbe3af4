"""CLIP's objective: captions and images of a batch find each other (Radford et al. 2021)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from accelerate import Accelerator

from memometer.data.records import Records
from memometer.encoders.architectures import Architecture, build_model, build_tokenizer
from memometer.seeds import seed_for
from memometer.training.config import TrainConfig
from memometer.training.mitigations import Mitigation
from memometer.training.models import preprocess_config
from memometer.training.objective import Moment, Objective
from memometer.training.optimizer import build_optimizer, clamp_logit_scale
from memometer.training.samples import TrainingSamples, normalised

__all__ = ["ClipObjective"]

Batch = tuple[torch.Tensor, torch.Tensor]
"""(n, 3, height, width) uint8 pixels, (n, context_length) int64 tokens."""


class ClipObjective(Objective):
    """The contrastive loss of images and captions, with mitigations on the text's side."""

    columns = ("logit_scale",)

    def __init__(
        self, config: TrainConfig, records: Records, *, architecture: Architecture, mitigations: Sequence[Mitigation]
    ) -> None:
        self._config, self._records, self._mitigations = config, records, tuple(mitigations)
        self._architecture = architecture
        self._model: Any = None
        self._tokenizer: Any = None
        self._loss: Any = None

    def build(self, process: Accelerator) -> torch.nn.Module:
        """The model of the architecture."""
        self._model = build_model(self._architecture)
        self._tokenizer = build_tokenizer(self._architecture)
        # The mean over the processes of each one's share of the loss, and of its gradients, is that of the whole batch.
        self._loss = open_clip.ClipLoss(
            local_loss=True, gather_with_grad=True, rank=process.process_index, world_size=process.num_processes
        )
        return self._model  # type: ignore[no-any-return]

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """AdamW as CLIP models are trained."""
        return build_optimizer(network, lr=self._config.lr, weight_decay=self._config.weight_decay)

    def samples(self, *, cache_bytes: int) -> TrainingSamples:
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
        )

    def loss(self, network: torch.nn.Module, batch: Batch, moment: Moment) -> torch.Tensor:
        """The mean of both directions' cross entropy."""
        pixels, tokens = batch
        images = normalised(pixels, self._preprocess)
        with moment.autocast():
            image_features, text_features, logit_scale, *bias = network(images, tokens)
        for turn, mitigation in enumerate(self._mitigations):
            generator = torch.Generator(moment.process.device)
            generator.manual_seed(
                seed_for(self._config.seed, "features", turn, moment.step, moment.process.process_index)
            )
            text_features = mitigation.text_features(text_features, generator=generator)
        return self._loss(image_features.float(), text_features.float(), logit_scale, *bias)  # type: ignore[no-any-return]

    def after_step(self, moment: Moment) -> tuple[float, ...]:  # noqa: ARG002 (the objective's signature)
        """Clamps the logit scale."""
        clamp_logit_scale(self._model.logit_scale, largest=self._config.logit_scale_max)
        return (float(self._model.logit_scale.detach().exp()),)

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
