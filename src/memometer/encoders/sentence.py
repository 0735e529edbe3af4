"""sentence-transformers models as text encoders (extra ``[text]``)."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.encoders.base import Tower
from memometer.encoders.bounded import bounded, refusing, tensors_in
from memometer.encoders.checkpoints import hash_tensors
from memometer.encoders.devices import choose_device
from memometer.encoders.forward import autocast, check_precision, to_numpy
from memometer.encoders.hub import cached_folder, download_folder, sentence_cache
from memometer.encoders.sentence_folders import check_sentence_folder
from memometer.encoders.trying import try_out
from memometer.errors import InputError, ModelError, first_of
from memometer.files import hash_bytes, hash_json

__all__ = ["SentenceEncoder", "load_sentence_encoder", "tokenizer_text"]


class SentenceEncoder:
    """A sentence-transformers model.

    Attributes:
        spec: what the user named it by.
        identity: hash of the weights, the config, the prompt and the precision.
        weights_hash: hash of the loaded tensors.
        config: the modules, the transformer and the tokenizer, as JSON.
        prompt: what stands before every text: the model's default prompt; else its prompt for queries, which E5 and
            BGE want before short texts; else nothing.
        precision: ``fp32``, or ``bf16``.
        warnings: what had to be guessed, in sentences.
    """

    def __init__(
        self,
        model: Any,
        *,
        spec: str,
        device: torch.device,
        precision: str = "fp32",
        warnings: Sequence[str] = (),
    ) -> None:
        self.spec = spec
        self.precision = check_precision(precision)
        self.warnings = tuple(warnings)
        self.weights_hash = hash_tensors(model.state_dict())
        self.config = _describe(model)
        prompts = model.prompts or {}
        self.prompt = str(prompts.get(model.default_prompt_name or "query") or "")
        self.identity = hash_json([self.weights_hash, self.config, self.prompt, precision])
        self._device = device
        self._model = model.eval()

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """n strings → (n, d) float32; longer texts are cut at the model's own length."""
        with autocast(self._device, self.precision):
            vectors = self._model.encode(
                list(texts),
                prompt=self.prompt or None,
                batch_size=max(len(texts), 1),
                show_progress_bar=False,
                convert_to_tensor=True,
            )
        return to_numpy(vectors)

    def tower(self, tower: Tower) -> torch.nn.Module:
        """The module whose submodules are the tower's layers, e.g. for forward hooks.

        Raises:
            InputError: it is asked for the image tower.
        """
        if tower == "text":
            return self._model  # type: ignore[no-any-return]
        raise InputError(f"{self.spec} is a text encoder without an image tower; ask for its text tower")


def load_sentence_encoder(spec: str, *, device: str = "cpu", precision: str = "fp32") -> SentenceEncoder:
    """Loads ``text:FOLDER``, which never touches the network, or ``text:NAME``, which downloads what is not cached.

    Raises:
        ModelError: sentence-transformers is not installed, or the model cannot be loaded.
        InputError: the device or the precision is not known.
    """
    chosen = choose_device(device)
    rest = spec.removeprefix("text:")
    folder = Path(rest).expanduser()
    library = _library(spec)
    if folder.is_dir():
        model, warnings = _from_folder(library, folder, device=chosen)
    elif rest.startswith((".", "/", "~")) or rest.count("/") > 1:
        raise ModelError(f"no model at {rest}: there is no such folder")
    else:
        model, warnings = _from_hub(library, rest, device=chosen)
    with refusing(f"{rest} cannot be loaded as a sentence-transformers model"):
        encoder = SentenceEncoder(model, spec=spec, device=chosen, precision=precision, warnings=warnings)
    return try_out(encoder, name=rest)


def _from_hub(library: Any, name: str, *, device: torch.device) -> tuple[Any, list[str]]:
    """A repository that the user named: once it is in the cache, a folder as any other."""
    bare = getattr(library.util, "ORIGINAL_TRANSFORMER_MODELS", ())
    full = name if "/" in name or name.lower() in bare else f"sentence-transformers/{name}"
    folder = cached_folder(full, cache=sentence_cache())
    if folder is not None and _weights(folder):
        return _from_folder(library, folder, device=device)
    advice = "; name a folder that holds it, text:FOLDER, or use text:tfidf, which needs no download"
    with refusing(f"cannot download the text encoder '{name}'", hint=advice):
        folder = download_folder(full, cache=sentence_cache())
    return _from_folder(library, folder, device=device)


def _from_folder(library: Any, folder: Path, *, device: torch.device) -> tuple[Any, list[str]]:
    """A model, and warnings; an error where the folder names what is not the library's own."""
    warnings = check_sentence_folder(folder)
    if not (folder / "modules.json").is_file():
        warnings.append(f"{folder} has no modules.json: sentence-transformers takes the mean of the token embeddings")
    doing = f"{folder} cannot be loaded as a sentence-transformers model"
    weights = _weights(folder)
    numbers = sum(path.stat().st_size for path in weights)  # a number has a byte at least
    with refusing(doing), bounded(name=str(folder), numbers=numbers, tensors=tensors_in(*weights)):
        model = library.SentenceTransformer(
            str(folder), device=str(device), trust_remote_code=False, local_files_only=True
        )
        unfilled = _unfilled(model, folder)
    if unfilled:
        raise ModelError(
            f"{folder} is a model with {len(unfilled):,} tensors that its weights lack, which would be random: "
            f"{first_of(unfilled, 3)}; expected the weights "
            "of the model that config.json describes: save it again, or copy all of its files"
        )
    return model, warnings


def _library(spec: str) -> Any:
    try:
        import sentence_transformers
    except ImportError as error:
        raise ModelError(
            f"'{spec}' needs sentence-transformers ({error}): pip install 'memometer[text]'; "
            "text:tfidf needs nothing more"
        ) from error
    return sentence_transformers


def _unfilled(model: Any, folder: Path) -> list[str]:
    """Tensors of the transformer that its files do not hold; a library fills them at random and only prints so.

    The one that pools for a classifier is often left out on purpose, and no vector passes through it unless the pooling
    takes its output.
    """
    transformer = getattr(model[0], "auto_model", None)
    if transformer is None:
        return []
    places = json.loads((folder / "modules.json").read_bytes()) if (folder / "modules.json").is_file() else [{}]
    _, found = type(transformer).from_pretrained(
        folder / places[0].get("path", ""), config=transformer.config, local_files_only=True, output_loading_info=True
    )
    lacking = [*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])]
    return sorted(key for key in lacking if not key.startswith("pooler."))


def _weights(folder: Path) -> list[Path]:
    return [path for suffix in ("safetensors", "bin") for path in folder.rglob(f"*.{suffix}")]


def _describe(model: Any) -> dict[str, Any]:
    """What besides the weights decides the vectors, free of paths and versions."""
    modules: list[list[Any]] = [
        [type(module).__name__, getattr(module, "get_config_dict", dict[str, Any])()] for module in model
    ]
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    transformer = config.to_dict() if config is not None else {}
    for name in ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype"):
        transformer.pop(name, None)
    described = {
        "modules": modules,
        "transformer": transformer,
        "tokenizer": hash_bytes(tokenizer_text(model.tokenizer).encode()),
        "max_seq_length": None if model.max_seq_length == math.inf else model.max_seq_length,
    }
    return json.loads(json.dumps(described, sort_keys=True, default=str))  # type: ignore[no-any-return]


def tokenizer_text(tokenizer: Any) -> str:
    """All that decides how a tokenizer cuts texts, free of paths."""
    inner = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(inner, "to_str"):
        return str(inner.to_str())
    kept = ("stop_words", "do_lower_case", "special_tokens_map", "init_kwargs")
    told = {key: getattr(tokenizer, key, None) for key in kept}
    places = ("_file", "_path", "_dir", "_or_path")
    given = told["init_kwargs"] or {}
    told["init_kwargs"] = {key: value for key, value in given.items() if not key.endswith(places)}
    told["stop_words"] = sorted(told["stop_words"] or ())
    return json.dumps([type(tokenizer).__name__, told, tokenizer.get_vocab()], sort_keys=True, default=str)
