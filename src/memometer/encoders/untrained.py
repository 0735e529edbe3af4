"""Models that were trained on nothing: small open_clip models as their first weights are drawn."""

import dataclasses

import torch
from open_clip.transform import PreprocessCfg

from memometer.encoders.architectures import Architecture, build_model, build_tokenizer
from memometer.encoders.devices import choose_device
from memometer.encoders.open_clip import OpenClipEncoder
from memometer.seeds import seed_for

__all__ = ["untrained"]

CONFIG = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 64, "layers": 2, "head_width": 32},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}
PREPROCESS = dataclasses.asdict(PreprocessCfg(size=32, mean=(0.5,) * 3, std=(0.25,) * 3))


def untrained(seed: int, name: str, *, device: str = "cpu") -> OpenClipEncoder:
    """A model of random weights, cheap enough to be drawn twenty times over.

    It sees images and texts through a fixed random network: alike inputs get alike vectors, and nothing is memorized.

    Args:
        seed: with ``name``, decides the weights.
        name: e.g. ``"target"``.
        device: where it runs.
    """
    architecture = Architecture(name="untrained", config=CONFIG)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "untrained", name))
        model = build_model(architecture)
    return OpenClipEncoder(
        model,
        tokenizer=build_tokenizer(architecture),
        config=CONFIG,
        preprocess_config=PREPROCESS,
        spec=f"untrained:{seed}",
        device=choose_device(device),
    )
