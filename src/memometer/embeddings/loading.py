"""From what a user names to a model, or to vectors that exist already."""

from memometer.embeddings.stored import StoredVectors, open_stored_vectors
from memometer.encoders.base import Encoder
from memometer.errors import ModelError

__all__ = ["load_encoder"]


def load_encoder(spec: str, *, device: str = "cpu", precision: str = "fp32") -> Encoder | StoredVectors:
    """Loads what a user names, e.g. on the command line.

    Args:
        spec: ``embeddings:DIR`` for vectors that exist already (see `memometer.embeddings.stored`), or ``open_clip:``
            and one of: a folder that ``memometer train`` wrote (or of open_clip's ``local-dir`` layout); a checkpoint
            file; ``MODEL@CHECKPOINT``, a file with its architecture; ``MODEL@TAG``, published weights, which open_clip
            downloads; ``hf-hub:OWNER/NAME``, likewise. MODEL is one of open_clip's names or a model config in JSON.
        device: where a model runs: ``cpu``, ``cuda``, ``cuda:N`` or ``auto``.
        precision: of a model: ``fp32``, or ``bf16`` for autocast.

    Raises:
        ModelError: the spec names no model that can be loaded.
        VectorError: the folder holds no vectors.
        InputError: the device or the precision is not known.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "embeddings":
        return open_stored_vectors(rest)
    if scheme == "open_clip" and rest:
        # torch and open_clip load here, so that the workers that decode images do without them.
        from memometer.encoders.resolve import load_open_clip

        return load_open_clip(spec, device=device, precision=precision)
    raise ModelError(
        f"'{spec}' does not name a model; expected open_clip:FOLDER, open_clip:CHECKPOINT, open_clip:MODEL@TAG, or "
        "embeddings:DIR for vectors that you already have"
    )
