"""Detectors of transformers out of folders and repositories, read as data: no code of theirs, no network unasked."""

import contextlib
import dataclasses
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch

from memometer.annotators.base import Asked
from memometer.encoders.bounded import bounded, refusing, tensors_in
from memometer.encoders.by_order import BY_ORDER
from memometer.encoders.checkpoints import hash_tensors
from memometer.encoders.devices import choose_device
from memometer.encoders.forward import check_precision
from memometer.encoders.hf_folders import TRUST, check_hf_folder, model_kind, weight_files
from memometer.encoders.hf_loading import (
    check_fit,
    find_folder,
    parse_named,
    quiet_library,
    settings_of,
    transformers_library,
)
from memometer.encoders.untrusted import PLAIN_NAME, named_values, read_config
from memometer.errors import ModelError, shown
from memometer.software import versions_of

__all__ = ["Detector", "load_detector"]


@dataclasses.dataclass(frozen=True)
class Detector:
    """A detector and what prepares its input.

    Attributes:
        model: in evaluation mode, on its device.
        processor: the library's, of images and, where there are texts, of texts.
        device: where the model is.
        weights_hash: of its tensors.
        folder: where its files are.
        described: the library's version, the model's settings and the preprocessing's, as JSON without paths.
        warnings: what is loaded in another way than the folder says, in sentences.
    """

    model: Any
    processor: Any
    device: torch.device
    weights_hash: str
    folder: Path
    described: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def image_processor(self) -> Any:
        """The part of the processor that prepares images."""
        return getattr(self.processor, "image_processor", self.processor)


def load_detector(
    place: str,
    *,
    spec: str,
    model_class: str,
    kinds: Collection[str],
    asked: Asked,
    processor_class: str = "AutoProcessor",
) -> Detector:
    """Loads a folder, which never touches the network, or ``OWNER/NAME``, which is downloaded unless it is cached.

    Args:
        place: of the model.
        spec: what the user named it by.
        model_class: of transformers, e.g. ``AutoModelForObjectDetection``.
        kinds: the ``model_type`` that are expected.
        asked: of it where it runs and its precision.
        processor_class: ``AutoProcessor`` or ``AutoImageProcessor``.

    Raises:
        ModelError: transformers is not installed, there is no such model, it is of another kind, its weights do not
            fit, or a file of it names code or other files.
    """
    chosen = choose_device(asked.device)
    check_precision(asked.precision)
    scheme = spec.partition(":")[0]
    library = transformers_library(spec)
    named = parse_named(place, scheme=scheme)
    if named.trusted:
        raise ModelError(f"'{spec}': no annotator runs code of its own; leave ?{TRUST} out")
    if named.by_order:
        raise ModelError(f"'{spec}': the tensors of a detector are taken by their names; leave ?{BY_ORDER} out")
    folder = find_folder(named, scheme=scheme)
    _check_kind(folder, kinds=kinds, scheme=scheme)
    warnings = check_hf_folder(folder, kinds=kinds)
    weights = weight_files(folder)
    if not weights:
        raise ModelError(f"{folder} has no weights; expected model.safetensors beside its config.json")
    numbers = sum(path.stat().st_size for path in weights)  # a number has a byte at least
    with (
        quiet_library(library),
        refusing(f"{folder} cannot be loaded as a detector of transformers"),
        _no_network(),
        bounded(name=str(folder), numbers=numbers, tensors=tensors_in(*weights)),
    ):
        model, found = getattr(library, model_class).from_pretrained(
            str(folder),
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are named below
        )
        processor = getattr(library, processor_class).from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    check_fit(folder, model, missing=found["missing_keys"], mismatched=found["mismatched_keys"])
    prepared = getattr(processor, "image_processor", processor)
    versions = versions_of(("transformers", "torchvision"))
    return Detector(
        model=model.to(chosen).eval(),
        processor=processor,
        device=chosen,
        weights_hash=hash_tensors(model.state_dict()),
        folder=folder,
        described={
            "library": f"transformers {versions['transformers']}",
            "versions": versions,
            "model": type(model).__name__,
            "config": settings_of(model.config),
            "preprocess": {"class": type(prepared).__name__, **settings_of(prepared)},
        },
        warnings=tuple(warnings),
    )


def _check_kind(folder: Path, *, kinds: Collection[str], scheme: str) -> None:
    """Passes where a folder's model is of these kinds, and its config names no backbone that would be looked up.

    A backbone that is named, not described, is one of timm's by a plain name, or is asked for on the hub.
    """
    kind = model_kind(folder)
    if kind is not None and kind not in kinds:
        raise ModelError(
            f"{folder / 'config.json'} has model_type = {shown(kind)}, which {scheme}: does not load; expected "
            f"{', '.join(sorted(kinds))}"
        )
    if kind is None:
        return  # what is wrong is told by who reads the files
    for key, value in named_values(read_config(folder / "config.json")):
        if key == "backbone" and isinstance(value, str) and not PLAIN_NAME.fullmatch(value):
            raise ModelError(
                f"{folder / 'config.json'} has backbone = {shown(value)}, another model; a file never opens the "
                "network here: save the model again with a current transformers, which describes it in backbone_config"
            )


@contextlib.contextmanager
def _no_network() -> Iterator[None]:
    """Within it the hub's library opens no connection: a config may name what it would look for there."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
