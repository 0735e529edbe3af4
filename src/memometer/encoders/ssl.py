"""Self-supervised image models that memometer trained, as encoders."""

from pathlib import Path

import torch

from memometer.encoders.base import Features
from memometer.encoders.bounded import bounded, refusing
from memometer.encoders.checkpoints import hash_tensors, read_state_dict
from memometer.encoders.devices import choose_device
from memometer.encoders.fitting import shape_difference
from memometer.encoders.ssl_model import CONFIG_NAME, WEIGHTS_NAME, SslArchitecture, SslModel
from memometer.encoders.trained import check_trained_files, check_trained_weights
from memometer.encoders.trying import try_out
from memometer.encoders.vision import VisionEncoder
from memometer.errors import ModelError
from memometer.files import read_json

__all__ = ["load_ssl"]


def load_ssl(
    spec: str, *, device: str = "cpu", precision: str = "fp32", features: Features = "projector"
) -> VisionEncoder:
    """Loads a folder that ``memometer train-ssl`` wrote, or a copy of an epoch within it.

    Args:
        spec: ``ssl:FOLDER``.
        device: see `memometer.embeddings.load_encoder`.
        precision: ``fp32`` or ``bf16``.
        features: the projector's output, as D searches, or the backbone's features.

    Raises:
        ModelError: the folder holds no such model.
        InputError: the device or the precision is not known.
    """
    folder = Path(spec.removeprefix("ssl:")).expanduser()
    architecture = _read_architecture(folder)
    state = read_state_dict(folder / WEIGHTS_NAME)
    check_trained_weights(folder / WEIGHTS_NAME, state)
    numbers = sum(tensor.numel() for tensor in state.values())
    with (
        torch.random.fork_rng(devices=[]),
        refusing(f"cannot build the model of {folder}"),
        bounded(name=str(folder), numbers=numbers, tensors=len(state)),
    ):
        model = SslModel(architecture)  # its fresh weights are replaced below
    if difference := shape_difference(model.state_dict(), state):
        raise ModelError(f"the weights in {folder} do not fit its {CONFIG_NAME}: {difference}")
    model.load_state_dict(state, strict=True)
    encoder = VisionEncoder(
        model if features == "projector" else model.backbone,
        config=architecture.model_dump(mode="json"),
        preprocess_config=architecture.preprocess_cfg,
        spec=spec,
        device=choose_device(device),
        precision=precision,
        features=features,
        weights_hash=hash_tensors(state),
    )
    return try_out(encoder, name=str(folder))


def _read_architecture(folder: Path) -> SslArchitecture:
    path = folder / CONFIG_NAME
    if not (path.is_file() and (folder / WEIGHTS_NAME).is_file()):
        unfinished = (folder / "state").is_dir()
        hint = (
            "its training has not finished: run the same 'memometer train-ssl' again"
            if unfinished
            else f"expected {CONFIG_NAME} and {WEIGHTS_NAME}, as 'memometer train-ssl' writes them"
        )
        raise ModelError(f"{folder} holds no self-supervised model; {hint}")
    check_trained_files(folder)
    try:
        content = read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"cannot read {path}: {error}") from error
    return SslArchitecture.from_json(content, source=str(path))
