"""From what a user names to a model, or to vectors that exist already."""

import functools
from importlib import import_module
from typing import get_args

from memometer.embeddings.embed import AnyEncoder
from memometer.embeddings.stored import open_stored_vectors
from memometer.encoders.base import Features
from memometer.encoders.offered import ENCODERS, load_offered, offered
from memometer.engines.travel import loaded_by
from memometer.errors import InputError, ModelError

__all__ = ["load_encoder"]


LOADERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "open_clip": ("resolve", "load_open_clip", ("device", "precision", "features")),
    "ssl": ("ssl", "load_ssl", ("device", "precision", "features")),
    "timm": ("timm_models", "load_timm", ("device", "precision")),
    "torchvision": ("torchvision_models", "load_torchvision", ("device", "precision")),
    "hf": ("hf_loading", "load_hf", ("device", "precision", "features")),
    "text": ("sentence", "load_sentence_encoder", ("device", "precision")),
    "python": ("offered", "load_python", ("device", "precision", "features")),
    "tfidf": ("tfidf", "parse_tfidf", ()),
}
"""Scheme → module of `memometer.encoders`, its function, and the options that it takes."""


def load_encoder(
    spec: str, *, device: str = "cpu", precision: str = "fp32", features: Features = "projector"
) -> AnyEncoder:
    """Loads what a user names, e.g. on the command line.

    - ``open_clip:`` and one of: a folder that ``memometer train`` wrote (or of open_clip's ``local-dir`` layout); a
      checkpoint file; ``MODEL@CHECKPOINT``, a file with its architecture; ``MODEL@TAG``, published weights, which
      open_clip downloads; ``hf-hub:OWNER/NAME``, likewise. MODEL is one of open_clip's names or a model config in JSON.
    - ``ssl:FOLDER``, what ``memometer train-ssl`` wrote, or a copy of an epoch within it. An image tower alone.
    - ``timm:`` and one of: ``NAME``, published weights, which timm downloads; ``NAME@CHECKPOINT``, a file; a folder
      with ``config.json`` and ``model.safetensors``; ``hf-hub:OWNER/NAME``. An image tower alone.
    - ``torchvision:`` and ``NAME`` or ``NAME@WEIGHTS``, which torchvision downloads, or ``NAME@CHECKPOINT``. Likewise.
    - ``hf:`` and a folder of transformers' layout, or ``OWNER/NAME`` of the hub, which is downloaded unless it is
      cached; DINO's are image towers alone. Its own code does not run, unless ``?trust-remote-code`` stands behind it.
    - ``python:package.module:function``, a function of yours that returns an encoder.
    - ``NAME:…`` for any NAME that an installed package offers among the entry points ``memometer.encoders``.
    - ``text:`` and a folder of a sentence-transformers model, or the name of one, which is downloaded unless it is
      cached; or ``text:tfidf``, which is fitted on the public captions. A text tower alone.
    - ``embeddings:DIR`` for vectors that exist already; see `memometer.embeddings.stored`.

    A checkpoint that holds several models is named with the one that is meant: ``CHECKPOINT?part=teacher``.

    Args:
        spec: as above.
        device: where a model runs: ``cpu``, ``cuda``, ``cuda:N`` or ``auto``.
        precision: of a model: ``fp32``, or ``bf16`` for autocast.
        features: of an image tower: ``projector``, its output, or ``backbone``, the pooled features before its last
            projection. Models of timm and torchvision have no projection, so both name their pooled features, and the
            encoder says ``backbone``.

    Raises:
        ModelError: the spec names no model that can be loaded.
        VectorError: the folder holds no vectors.
        InputError: the device, the precision, the features or an option is not known.
    """
    if features not in get_args(Features):
        raise InputError(f"features '{features}' are not known; expected projector or backbone")
    encoder = _loaded(spec, device=device, precision=precision, features=features)
    again = functools.partial(load_encoder, spec, device=device, precision=precision, features=features)
    loaded_by(encoder, again)
    return encoder


def _loaded(spec: str, *, device: str, precision: str, features: Features) -> AnyEncoder:
    scheme, _, rest = spec.partition(":")
    if scheme == "embeddings":
        return open_stored_vectors(rest)
    if scheme == "text" and rest.partition("?")[0] == "tfidf":
        scheme = "tfidf"
    if scheme in LOADERS and rest:
        # torch and the model libraries load here, so that the workers that decode images do without them.
        module, function, options = LOADERS[scheme]
        given = {"device": device, "precision": precision, "features": features}
        load = getattr(import_module(f"memometer.encoders.{module}"), function)
        loaded: AnyEncoder = load(spec, **{name: given[name] for name in options})
        return loaded
    if rest and scheme in offered(ENCODERS):
        found: AnyEncoder = load_offered(spec, device=device, precision=precision, features=features)
        return found
    raise ModelError(
        f"'{spec}' does not name a model; expected open_clip:FOLDER, open_clip:CHECKPOINT, open_clip:MODEL@TAG, "
        "hf:OWNER/NAME, hf:FOLDER, ssl:FOLDER, timm:NAME, torchvision:NAME, text:NAME, or embeddings:DIR for vectors "
        "that you already have; 'memometer models' lists all that can be named"
    )
