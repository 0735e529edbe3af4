"""transformers' image-text and image models as encoders (extra ``[hf]``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.encoders.base import Features, Tower
from memometer.encoders.forward import autocast, to_numpy
from memometer.encoders.hf_families import family_of, image_vectors, takes, text_vectors, tower_module
from memometer.encoders.vision import VisionEncoder
from memometer.errors import InputError, ModelError

__all__ = ["HfEncoder"]


class HfEncoder(VisionEncoder):
    """A model of transformers: an image tower, and a text tower where it has one.

    Args:
        model: loaded, in float32.
        tokenizer: of its texts; None for a model of images alone.
        config: what besides the weights decides the vectors, as JSON; how texts become tokens is added to it.
        spec: what the user named it by.
        features: of the images, ``projector`` or ``backbone``; of a model of images alone, ``backbone``.
        folder: where its files are.
        code: whose code ran beside the library's; None where none did.
        **options: as of a `VisionEncoder`, whose attributes it has.

    Attributes:
        towers: that it has.
        files: the folder.
        code: as given.
    """

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any,
        config: Mapping[str, Any],
        spec: str,
        features: Features = "projector",
        folder: Path | None = None,
        code: str | None = None,
        **options: Any,
    ) -> None:
        self._family = family_of(model)
        self.towers: tuple[Tower, ...] = self._family.towers
        self.files = () if folder is None else (folder,)
        self.code = code
        asked = features == "backbone" and "text" in self.towers
        self._below = asked and self._family.projects
        if asked and not hasattr(model, "vision_model"):
            raise ModelError(f"where the backbone of {spec} ends is not known; ask for projector features")
        self._tokenizer = tokenizer
        self._length = 0 if tokenizer is None else _text_length(model, tokenizer, offset=self._family.offset)
        self._text_inputs = takes(model, "text")
        super().__init__(
            model,
            config={**config, "texts": self._describe_texts()},
            spec=spec,
            features=features if "text" in self.towers else "backbone",
            **options,
        )
        self._model: Any = model

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """n strings → (n, d) float32, not normalised; longer texts are cut at the model's own length.

        Raises:
            InputError: the model has no text tower.
        """
        if self._tokenizer is None:
            raise InputError(f"{self.spec} is an image encoder without a text tower; ask for its image tower")
        tokens = self._tokens(texts)
        inputs = {name: tokens[name].to(self._device) for name in self._given if name in tokens}
        with autocast(self._device, self.precision):
            return to_numpy(text_vectors(self._model, inputs))

    def content_mask(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """(n, length) which tokens are each text's own, from its start to its end, and not padding."""
        mask: npt.NDArray[np.bool_] = self._tokens(texts)["attention_mask"].bool().numpy()
        return mask

    def tower(self, tower: Tower) -> torch.nn.Module:
        """The module whose submodules are the tower's layers, e.g. for forward hooks.

        Raises:
            InputError: the model has no such tower.
        """
        if tower in self.towers:
            return tower_module(self._model, tower)
        raise InputError(f"{self.spec} has no {tower} tower; ask for its {' or '.join(self.towers)} tower")

    def _describe_texts(self) -> dict[str, Any] | None:
        """What decides beside a tokenizer how texts become tokens."""
        if self._tokenizer is None:
            return None
        padded, sides = self._family.pad_to, (self._tokenizer.padding_side, self._tokenizer.truncation_side)
        return {"length": self._length, "padded_to": padded, "sides": list(sides), "given": self._given}

    @property
    def _given(self) -> list[str]:
        """What of the tokens the model is given: what its tokenizer says and its text tower takes."""
        return [name for name in self._tokenizer.model_input_names if name in self._text_inputs]

    def _tokens(self, texts: Sequence[str]) -> Mapping[str, torch.Tensor]:
        fixed = self._family.pad_to
        length = min(self._length, fixed) if fixed > 0 else self._length
        return self._tokenizer(  # type: ignore[no-any-return]
            list(texts),
            padding="max_length" if fixed else True,
            truncation=True,
            max_length=length,
            return_attention_mask=True,
            return_tensors="pt",
        )

    def _batch(self, pixels: npt.NDArray[np.generic]) -> dict[str, torch.Tensor]:
        if "mean" in self.preprocess_config:
            return {"pixel_values": super()._batch(pixels)}
        several: Any = pixels
        names = pixels.dtype.names
        arrays = {name: several[name] for name in names} if names else {"pixel_values": pixels}
        return {name: torch.from_numpy(np.ascontiguousarray(array)).to(self._device) for name, array in arrays.items()}

    def _of_images(self, batch: Any) -> torch.Tensor:
        return image_vectors(self._model, batch, below=self._below)


def _text_length(model: Any, tokenizer: Any, *, offset: int) -> int:
    """Tokens that a text may have: what the tokenizer says, within what the tower has positions for."""
    config = getattr(model.config, "text_config", model.config)
    positions = getattr(config, "max_position_embeddings", None)
    length = min(tokenizer.model_max_length, (positions or tokenizer.model_max_length) - offset)
    return int(min(length, 2**17))
