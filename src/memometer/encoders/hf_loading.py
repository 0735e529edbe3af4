"""From what a user writes after ``hf:`` to an encoder."""

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from memometer.encoders.base import Features
from memometer.encoders.bounded import bounded, refusing, tensors_in
from memometer.encoders.by_order import BY_ORDER, Fitted, fit_by_order, order_hint, renamed_words
from memometer.encoders.checkpoints import read_state_dict
from memometer.encoders.devices import choose_device
from memometer.encoders.hf import HfEncoder
from memometer.encoders.hf_families import RETRIEVAL, family_of
from memometer.encoders.hf_folders import TRUST, check_hf_folder, weight_files
from memometer.encoders.hf_preprocessing import open_processor, processor_preprocess
from memometer.encoders.hub import cached_folder, download_folder, hub_cache
from memometer.encoders.sentence import tokenizer_text
from memometer.encoders.trying import try_out
from memometer.errors import ModelError
from memometer.files import hash_bytes

__all__ = [
    "Named",
    "check_fit",
    "find_folder",
    "load_hf",
    "parse_named",
    "quiet_library",
    "settings_of",
    "transformers_library",
]

REPOSITORY = re.compile(r"(?!.*(--|\.\.))(?=.{3,96}$)\w([\w.-]*\w)?/\w([\w.-]*\w)?", re.ASCII)
"""As the hub names them."""

REVISION = re.compile(r"[\w./-]+")
UNTRUSTED_CONFIG = ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype", "auto_map")
"""Of a config, what changes no vector."""


@dataclasses.dataclass(frozen=True)
class Named:
    """What a user named.

    Attributes:
        place: a folder, or a repository of the hub.
        revision: of the repository, behind ``@``; None for its main branch.
        trusted: whether the user lets the model's own code run.
        by_order: whether the tensors of its weights are taken by their order and shapes, whatever they are called.
    """

    place: str
    revision: str | None
    trusted: bool = False
    by_order: bool = False


def load_hf(spec: str, *, device: str = "cpu", precision: str = "fp32", features: Features = "projector") -> HfEncoder:
    """Loads ``hf:FOLDER``, which never touches the network, or ``hf:OWNER/NAME``, which downloads what is not cached.

    Args:
        spec: see `memometer.embeddings.load_encoder`.
        device: where it runs.
        precision: ``fp32``, or ``bf16`` for autocast.
        features: of the images, ``projector`` or ``backbone``; a model of images alone has the latter.

    Raises:
        ModelError: transformers is not installed, or the model cannot be loaded.
        InputError: the device or the precision is not known.
    """
    chosen = choose_device(device)
    named = parse_named(spec)
    library = transformers_library(spec)
    folder = find_folder(named)
    warnings = check_hf_folder(folder, trusted=named.trusted)
    if named.trusted:
        warnings.append(f"code of {named.place} ran, as ?{TRUST} says: it may have done anything")
    with quiet_library(library):
        load = _model_by_order if named.by_order else _model
        model, fitted = load(library, folder, trusted=named.trusted)
        texts = "text" in family_of(model).towers
        with refusing(f"{folder} cannot be used as a model of transformers"):
            processor = open_processor(folder, trusted=named.trusted)
            preprocess_config, preprocess = processor_preprocess(processor, name=named.place)
            tokenizer = _tokenizer(library, folder, trusted=named.trusted) if texts else None
            encoder = HfEncoder(
                model,
                tokenizer=tokenizer,
                config={
                    "library": "transformers",
                    "class": type(model).__name__,
                    "model": settings_of(model.config),
                    "tokenizer": None if tokenizer is None else hash_bytes(tokenizer_text(tokenizer).encode()),
                },
                preprocess_config=preprocess_config,
                preprocess=preprocess,
                spec=spec,
                device=chosen,
                precision=precision,
                features=features,
                dropped=fitted.dropped,
                renamed=fitted.renamed,
                warnings=[*warnings, *renamed_words(fitted)],
                folder=folder,
                code=named.place if named.trusted else None,
            )
    try_out(encoder, name=named.place)
    if texts:
        with refusing(f"the model '{named.place}' can be used, but not with a long text"):
            encoder.encode_texts(["a " * 4096])
    return encoder


def parse_named(spec: str, *, scheme: str = "hf") -> Named:
    """What stands behind ``hf:``, or the name of another scheme.

    Raises:
        ModelError: it is neither a folder nor the name of a repository, or has an option that is none.
    """
    rest, mark, query = spec.removeprefix(f"{scheme}:").partition("?")
    options = query.split("&") if mark else []
    if unknown := [option for option in options if option not in {TRUST, BY_ORDER}]:
        raise ModelError(f"'{unknown[0]}' is no option of a model of transformers; expected ?{TRUST} or ?{BY_ORDER}")
    asked = {"trusted": TRUST in options, "by_order": BY_ORDER in options}
    with contextlib.suppress(RuntimeError):  # ~name of nobody
        if Path(rest).expanduser().is_dir():
            return Named(str(Path(rest).expanduser()), None, **asked)
    place, at, revision = rest.partition("@")
    if not REPOSITORY.fullmatch(place) or (at and not REVISION.fullmatch(revision)):
        raise ModelError(
            f"no model at {rest}: there is no such folder, and no repository of the Hugging Face hub is called that; "
            f"expected {scheme}:FOLDER, or {scheme}:OWNER/NAME"
        )
    return Named(place, revision if at else None, **asked)


def transformers_library(spec: str) -> Any:
    """The library, imported.

    Raises:
        ModelError: it is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise ModelError(f"'{spec}' needs transformers ({error}): pip install 'memometer[hf]'") from error
    return transformers


@contextlib.contextmanager
def quiet_library(library: Any) -> Iterator[None]:
    """Without the library's own bars and notes: what matters of them is said by name."""
    logging = library.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def find_folder(named: Named, *, scheme: str = "hf") -> Path:
    """The folder of a model; one that a user named by its repository is downloaded, unless it is in the cache.

    Raises:
        ModelError: it is nowhere, and cannot be downloaded.
    """
    folder = Path(named.place)
    if folder.is_dir():
        return folder
    cached = cached_folder(named.place, revision=named.revision, cache=hub_cache())
    if cached is not None and weight_files(cached):
        return cached
    looked = f"there is no folder {named.place}, and the hub's cache, {hub_cache()}, has no such model"
    advice = f"; name a folder that holds it, {scheme}:FOLDER, or download it where there is a network: hf download"
    with refusing(f"cannot find '{named.place}': {looked}, nor can it be downloaded", hint=f"{advice} {named.place}"):
        return download_folder(
            named.place,
            revision=named.revision,
            cache=hub_cache(),
            suffixes={".md", ".py"} if named.trusted else {".md"},
        )


def _model(library: Any, folder: Path, *, trusted: bool) -> tuple[torch.nn.Module, Fitted]:
    """A model in float32, with its tensors by the names that the library knows them by."""
    with _building(folder) as weights:
        config, kind, code = _kind(library, folder, trusted=trusted)
        model, found = kind.from_pretrained(
            str(folder),
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are named below
            **code,
        )
    missing, mismatched = found["missing_keys"], found["mismatched_keys"]
    hint = order_hint(_tensors(weights), model.state_dict(), path=weights[0]) if missing or mismatched else None
    check_fit(folder, model, missing=missing, mismatched=mismatched, hint=hint)
    return model, Fitted(model.state_dict(), tuple(sorted(found["unexpected_keys"])))


def _model_by_order(library: Any, folder: Path, *, trusted: bool) -> tuple[torch.nn.Module, Fitted]:
    """The same, with the tensors of its weights in their order."""
    with _building(folder) as weights, torch.random.fork_rng(devices=[]):
        config, kind, code = _kind(library, folder, trusted=trusted)
        build = getattr(kind, "from_config", kind)  # a class of one kind is called itself
        model = build(config, **code).float().eval()
        fitted = fit_by_order(_tensors(weights), model.state_dict(), path=weights[0], name=type(model).__name__)
        model.load_state_dict(fitted.state)
    return model, fitted


@contextlib.contextmanager
def _building(folder: Path) -> Iterator[list[Path]]:
    """The files of weights, while a model is made that they can fill."""
    weights = weight_files(folder)
    if not weights:
        raise ModelError(f"{folder} has no weights; expected model.safetensors beside its config.json")
    numbers = sum(path.stat().st_size for path in weights)  # a number has a byte at least
    with (
        refusing(f"{folder} cannot be loaded as a model of transformers"),
        bounded(name=str(folder), numbers=numbers, tensors=tensors_in(*weights)),
    ):
        yield weights


def _kind(library: Any, folder: Path, *, trusted: bool) -> tuple[Any, Any, dict[str, bool]]:
    """The config of a folder's model, the class that loads it, and whether that may run code."""
    config = library.AutoConfig.from_pretrained(str(folder), trust_remote_code=trusted, local_files_only=True)
    if config.model_type == "blip" and RETRIEVAL in (config.architectures or ()):
        return config, getattr(library, RETRIEVAL), {}
    return config, library.AutoModel, {"trust_remote_code": trusted}


def _tensors(weights: Iterable[Path]) -> dict[str, torch.Tensor]:
    """What files of weights hold, one after another."""
    return {name: tensor for path in weights for name, tensor in read_state_dict(path).items()}


def check_fit(
    folder: Path, model: Any, *, missing: Iterable[str], mismatched: Iterable[Any], hint: str | None = None
) -> None:
    """Raises ModelError where tensors of a model are not in its files: the library fills them at random.

    Args:
        folder: of the model.
        model: as the library made it.
        missing: names.
        mismatched: names with the shape that was found and the one that is expected; transformers 4 gives names alone.
        hint: what to do; None for the usual.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    reshaped = {each: "" for each in mismatched if isinstance(each, str)}
    reshaped |= {each[0]: f" {tuple(each[1])}" for each in mismatched if not isinstance(each, str)}
    lacking = sorted(set(missing) - reshaped.keys())
    parts = []
    if lacking:
        parts.append(f"{len(lacking):,} tensors are missing (e.g. {', '.join(lacking[:3])})")
    if reshaped:
        name, found = min(reshaped.items())
        parts.append(f"{len(reshaped):,} are of another shape (e.g. {name}{found}, expected {expected.get(name)})")
    if parts:
        raise ModelError(
            f"the weights in {folder} do not fit {type(model).__name__}, the model of its config.json: "
            f"{', '.join(parts)}; "
            + (hint or "expected the weights of that model: save it again, or copy all of its files")
        )


def _tokenizer(library: Any, folder: Path, *, trusted: bool) -> Any:
    hint = "; some need more packages: pip install 'memometer[hf]'"
    with refusing(f"cannot load the tokenizer of {folder}", hint=hint):
        tokenizer = library.AutoTokenizer.from_pretrained(str(folder), trust_remote_code=trusted, local_files_only=True)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def settings_of(config: Any) -> dict[str, Any]:
    """What a config of the library, or a processor, says: free of paths and versions."""
    told = json.loads(json.dumps(config.to_dict(), sort_keys=True, default=str))
    return _without(told)  # type: ignore[no-any-return]


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in UNTRUSTED_CONFIG}
    return value
