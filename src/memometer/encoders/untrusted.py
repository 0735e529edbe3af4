"""What the files of a model may say to the libraries that load it: nothing that runs code or opens the network.

A config is input. Its values reach calls that would import a class by its name, download a repository, or run what the
repository holds. Here they are checked against what such calls need, before any library sees them.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from memometer.errors import ModelError

__all__ = ["Origin", "check_class_names", "check_model_config", "hub_files", "tokenizer_options"]

Origin = Literal["library", "file", "hub"]
"""Where a config is from: open_clip itself, a file of the user's, or a repository that the user named."""

MAX_JSON_BYTES = 64 * 2**20

_SIMPLE_OPTIONS = {"clean": str, "reduction_mask": str, "additional_special_tokens": list}
_HF_OPTIONS = {
    "clean": str,
    "strip_sep_token": bool,
    "language": str,
    "use_fast": bool,
    "padding_side": str,
    "truncation_side": str,
    "model_max_length": int,
    "add_prefix_space": bool,
    "do_lower_case": bool,
}
"""Options of open_clip's tokenizers that change how texts are cut, and nothing else."""

_CLASS_KEYS = re.compile(r"type|types|class|module|.*_(class|function|fn|module|type)|loss", re.IGNORECASE)
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_LIBRARIES = ("sentence_transformers.", "torch.nn.")
_ATTENTION = re.compile(r".*(attn|experts)_implementation.*")
_KERNEL = re.compile(r"[/:|@]")
"""In the name of an attention: it is a repository of the hub, whose compiled code transformers downloads and runs."""


def check_model_config(config: Mapping[str, Any], *, name: str) -> None:
    """Passes where an open_clip config names architectures alone.

    Raises:
        ModelError: it names a timm model by a folder or a repository, or a part of it is of another type.
    """
    for part in ("vision_cfg", "text_cfg"):
        if not isinstance(config[part], Mapping):
            raise ModelError(f"{name} is no open_clip model config: its {part} is {type(config[part]).__name__}")
    timm_name = config["vision_cfg"].get("timm_model_name")
    if timm_name and (not isinstance(timm_name, str) or not re.fullmatch(r"[\w.]+", timm_name)):
        raise ModelError(
            f"{name} names the image tower {timm_name!r}; expected one of timm's own models, by its plain name"
        )
    for key in ("hf_model_name", "hf_tokenizer_name"):
        value = config["text_cfg"].get(key)
        if value is not None and not isinstance(value, str):
            raise ModelError(f"{name} has {key} = {value!r}; expected a text")


def tokenizer_options(config: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """The options of a config's tokenizer.

    Raises:
        ModelError: one that is not known to be harmless, such as ``trust_remote_code``, or of another type.
    """
    text = config["text_cfg"]
    known = _HF_OPTIONS if text.get("hf_tokenizer_name") else _SIMPLE_OPTIONS
    options = text.get("tokenizer_kwargs") or {}
    if not isinstance(options, Mapping):
        raise ModelError(f"{name} has tokenizer_kwargs of type {type(options).__name__}; expected an object")
    for key, value in options.items():
        kind = known.get(key)
        if kind is None:
            raise ModelError(
                f"{name} gives its tokenizer the option {key!r}, which could run code or read other files; memometer "
                f"passes on {', '.join(known)} alone"
            )
        listed = [value] if not isinstance(value, list) else value
        if type(value) is not kind or (kind is list and not all(isinstance(each, str) for each in listed)):
            raise ModelError(f"{name} gives its tokenizer {key} = {value!r}; expected {kind.__name__}")
    return dict(options)


def hub_files(repository: str, *, origin: Origin, beside: Path | None, wanted: str) -> Path:
    """A folder with the config of what a model's file names, from which it can be loaded without the network.

    Args:
        repository: what the file says: a repository of the Hugging Face hub, or anything else.
        origin: of the file; what the user named on the command line may be downloaded, what a file names may not.
        beside: the model's own folder, which is looked into first.
        wanted: the file that must be there, e.g. ``config.json``.

    Raises:
        ModelError: it is not there; or it needs code of its own.
    """
    if beside is not None and (beside / wanted).is_file():
        folder = beside
    else:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", repository) or ".." in repository:
            raise ModelError(f"a model's file names {repository!r}; expected a repository of the Hugging Face hub")
        folder = _cached(repository, wanted) or _downloaded(repository, wanted, origin=origin)
    _check_code(folder, repository)
    return folder


def check_class_names(folder: Path) -> None:
    """Passes where the JSON files of a sentence-transformers folder, nested ones too, name the library's classes alone.

    Raises:
        ModelError: one names another class, which could run code, or asks for code of its own.
    """
    for path in sorted(folder.rglob("*.json")):
        if path.name in {"tokenizer.json", "vocab.json"}:
            continue  # these two hold texts alone
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ModelError(f"{path} has more than {MAX_JSON_BYTES:,} bytes; no config of a model is as large")
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue  # the library says what is wrong with it
        _check_additions(path, content)
        for key, value in _named_values(content):
            if key == "trust_remote_code" and value is True:
                raise ModelError(f"{path} asks for trust_remote_code; memometer runs no code of a model's own")
            dotted = isinstance(value, str) and _DOTTED.fullmatch(value)
            if dotted and _CLASS_KEYS.fullmatch(key) and not str(value).startswith(_LIBRARIES):
                raise ModelError(
                    f"{path} names the class {value}, which could run code; expected classes of sentence_transformers "
                    "alone"
                )


def _check_additions(path: Path, content: object) -> None:
    """Raises ModelError where a config asks for what stands in another repository.

    Args:
        path: of the config.
        content: what it holds.
    """
    if path.name == "adapter_config.json":
        raise ModelError(f"{path} is an adapter to another model; merge the two, and save what comes out")
    for key, value in _named_values(content):
        if _ATTENTION.fullmatch(key) and isinstance(value, str) and _KERNEL.search(value):
            raise ModelError(
                f"{path} asks for the attention {value!r}, compiled code of a repository; memometer runs no code of a "
                f"model's own: remove {key}"
            )


def _named_values(content: object, *, key: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Every value with the name that it stands under; what stands in ``types`` under any name stands under it."""
    if depth > 50:
        return
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _named_values(value, key=key if key == "types" else str(name), depth=depth + 1)
    elif isinstance(content, list):
        for value in content:
            yield from _named_values(value, key=key, depth=depth + 1)
    else:
        yield key, content


def _cached(repository: str, wanted: str) -> Path | None:
    """The folder of a repository in the hub's cache; None where it was never downloaded."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, wanted)
    return Path(found).parent if isinstance(found, str | os.PathLike) else None


def _downloaded(repository: str, wanted: str, *, origin: Origin) -> Path:
    if origin == "file":
        raise ModelError(
            f"the model's file names '{repository}' of the Hugging Face hub, which is not in the cache; a file never "
            f"opens the network here: download it once, 'hf download {repository}', or put its files beside the model"
        )
    from huggingface_hub import snapshot_download

    # Configs and tokenizers alone: never weights, and never code.
    patterns = ["*.json", "*.txt", "*.model", "*.vocab"]
    try:
        folder = Path(snapshot_download(repository, allow_patterns=patterns))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"cannot download '{repository}' from the Hugging Face hub: {error}") from error
    if not (folder / wanted).is_file():
        raise ModelError(f"'{repository}' of the Hugging Face hub has no {wanted}")
    return folder


def _check_code(folder: Path, repository: str) -> None:
    """Raises ModelError where a config cannot be loaded without the repository's own code."""
    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    _check_additions(path, config)
    if isinstance(config, dict) and config.get("auto_map"):
        from transformers import CONFIG_MAPPING

        if config.get("model_type") not in CONFIG_MAPPING:
            raise ModelError(f"'{repository}' needs code of its own (auto_map in {path}), which memometer does not run")
