"""Grounding DINO, MM-Grounding-DINO, LLMDet: any vocabulary, in prompts of as many names as their text tower takes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from memometer.annotators.base import Asked, Found, Seen
from memometer.annotators.folders import Detector, load_detector
from memometer.annotators.groups import grouped
from memometer.annotators.seeing import alike, stacked
from memometer.annotators.vocabulary_detector import VocabularyDetector
from memometer.encoders.forward import autocast, to_numpy
from memometer.files import hash_json

__all__ = ["GroundingDinoAnnotator", "joined", "load_grounding_dino"]


@dataclasses.dataclass(frozen=True)
class _Prompt:
    """Several names as one text.

    Attributes:
        places: of the names in the vocabulary.
        tokens: the text tower's arguments, of one text.
        owners: (t,) the name within the prompt that each token is of; -1 of those that stand between names.
    """

    places: tuple[int, ...]
    tokens: dict[str, torch.Tensor]
    owners: torch.Tensor


class GroundingDinoAnnotator(VocabularyDetector):
    """A detector that is asked for several names in one text, ``a cat. a dog.``.

    A box is its most probable name's, with the highest probability among the tokens of that name. Names that share a
    prompt compete for the model's boxes, so the prompts are part of what is recorded. A box of one prompt and one of
    another may be of the same object.

    Attributes:
        identity: hash of the weights, settings, versions, prompts and the threshold.
    """

    def __init__(self, detector: Detector, *, spec: str, asked: Asked) -> None:
        super().__init__(detector, spec=spec, asked=asked)
        # A full stop ends a name for the model.
        self._texts = [" ".join(name.lower().replace(".", " ").split()) for name in self.labels]
        groups = grouped(self._texts, length=self._length, most=self._most, spec=spec)
        self._prompts = [self._prompt(places) for places in groups]
        self.identity = hash_json([self.described(), self.weights_hashes, self.labels])

    @torch.inference_mode()
    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """The boxes of each image, of all prompts, whose name is above the threshold."""
        found: dict[int, list[Found]] = {place: [] for place in range(len(images))}
        for places in alike(images):
            batch = stacked(images, places, self._detector.device)
            for prompt in self._prompts:
                texts = {name: tokens.expand(len(places), -1) for name, tokens in prompt.tokens.items()}
                with autocast(self._detector.device, self._asked.precision):
                    outputs = self._detector.model(**batch, **texts)
                shares = torch.sigmoid(outputs.logits.float())[..., : len(prompt.owners)]
                for place, *each in zip(places, shares, outputs.pred_boxes.float(), strict=True):
                    found[place].append(self._of_image(prompt, *each, size=images[place].size))
        return [joined(found[place]) for place in range(len(images))]

    def described(self) -> dict[str, Any]:
        """See `Annotator`."""
        return {
            "kind": "grounding-dino",
            **self._detector.described,
            "score": "the highest probability among a name's tokens",
            "prompts": [[self.labels[place] for place in prompt.places] for prompt in self._prompts],
            "threshold": self._asked.threshold,
            "precision": self._asked.precision,
        }

    @property
    def _most(self) -> int:
        config, tokenizer = self._detector.model.config, self._detector.processor.tokenizer
        limits = (config.max_text_len, tokenizer.model_max_length, config.text_config.max_position_embeddings)
        return int(min(limits))

    def _length(self, texts: Sequence[str]) -> int:
        tokens: list[int] = self._detector.processor.tokenizer(_merged(texts))["input_ids"]
        return len(tokens)

    def _prompt(self, places: tuple[int, ...]) -> _Prompt:
        texts = [self._texts[place] for place in places]
        encoded = self._detector.processor.tokenizer(
            _merged(texts), return_tensors="pt", return_token_type_ids=True, return_offsets_mapping=True
        )
        ends = np.cumsum([len(text) + len(". ") for text in texts])
        starts = ends - [len(text) + len(". ") for text in texts]
        spans = encoded.pop("offset_mapping")[0].numpy()
        name = np.searchsorted(ends, spans[:, 0], side="right").clip(max=len(texts) - 1)
        inside = (spans[:, 1] > spans[:, 0]) & (spans[:, 1] <= starts[name] + [len(texts[each]) for each in name])
        owners = torch.from_numpy(np.where(inside, name, -1)).to(self._detector.device)
        return _Prompt(places, dict(encoded.to(self._detector.device)), owners)

    def _of_image(self, prompt: _Prompt, shares: torch.Tensor, boxes: torch.Tensor, *, size: tuple[int, int]) -> Found:
        """(q, t) probabilities of tokens and (q, 4) boxes in shares of the image → those above the threshold."""
        own = prompt.owners >= 0
        index = prompt.owners[own].expand(len(shares), -1)
        names = shares.new_zeros(len(shares), len(prompt.places)).scatter_reduce(1, index, shares[:, own], "amax")
        scores, best = names.max(1)
        keep = scores > self._asked.threshold
        center, sides = boxes[keep, :2], boxes[keep, 2:]
        corners = torch.cat([center - 0.5 * sides, center + 0.5 * sides], 1)
        scale = corners.new_tensor([size[1], size[0], size[1], size[0]])
        labels = np.array(prompt.places, np.int32)[best[keep].cpu().numpy()]
        return Found(labels, to_numpy(scores[keep]), to_numpy(corners * scale))


def _merged(texts: Sequence[str]) -> str:
    """Names as the library joins them."""
    return ". ".join(texts) + "."


def joined(parts: Sequence[Found]) -> Found:
    """What several prompts found in one image."""
    return Found(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([np.empty((0, 4), np.float32), *(part.boxes for part in parts if part.boxes is not None)]),
    )


def load_grounding_dino(rest: str, asked: Asked) -> GroundingDinoAnnotator:
    """Loads ``grounding-dino:FOLDER`` or ``grounding-dino:OWNER/NAME``.

    Raises:
        ModelError: it cannot be loaded.
        InputError: there is no vocabulary, or a name is longer than a prompt.
    """
    detector = load_detector(
        rest,
        spec=f"grounding-dino:{rest}",
        model_class="AutoModelForZeroShotObjectDetection",
        kinds={"grounding-dino", "mm-grounding-dino"},
        asked=asked,
    )
    return GroundingDinoAnnotator(detector, spec=f"grounding-dino:{rest}", asked=asked)
