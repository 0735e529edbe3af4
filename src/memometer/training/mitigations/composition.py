"""The mitigations that the options of a training name, in one order."""

from memometer.training.config import TrainConfig
from memometer.training.mitigations.base import Mitigation
from memometer.training.mitigations.caption_sampling import CaptionSampling
from memometer.training.mitigations.image_strength import ImageStrength
from memometer.training.mitigations.losses import LabelSmoothing, SigLip
from memometer.training.mitigations.text_mask import TextMask
from memometer.training.mitigations.text_noise import text_noise

__all__ = ["mitigations_of"]


def mitigations_of(config: TrainConfig) -> tuple[Mitigation, ...]:
    """The mitigations that ``config`` switches on, along the way of a sample: caption, tokens, image, embedding, loss.

    Each draws from a random stream of its own, so switching one on changes no draw of another.

    >>> config = TrainConfig(records="r", out="m", text_mask=0.3, caption_sampling=True, text_noise=0.15)
    >>> mitigations_of(config)
    (CaptionSampling(), TextMask(rate=0.3), TextNoise(std=0.15))
    """
    found: list[Mitigation] = []
    if config.caption_sampling:
        found.append(CaptionSampling())
    if config.text_mask:
        found.append(TextMask(config.text_mask))
    if config.flip or config.color_jitter:
        found.append(ImageStrength(flip=config.flip, color_jitter=config.color_jitter))
    if config.text_noise:
        found.append(text_noise(config.text_noise, at=config.text_noise_at))
    if config.label_smoothing:
        found.append(LabelSmoothing(config.label_smoothing))
    if config.loss == "siglip":
        found.append(SigLip())
    return tuple(found)
