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

__all__ = [
    "PLAIN_NAME",
    "Origin",
    "check_additions",
    "check_text_tower",
    "hub_files",
    "named_values",
    "read_config",
    "tokenizer_options",
]

Origin = Literal["library", "file", "hub"]
"""Where a config is from: open_clip itself, a file of the user's, or a repository that the user named."""

PLAIN_NAME = re.compile(r"[\w.]+")
"""Of one of timm's own models: no folder and no repository."""

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

MAX_LAYERS, MAX_NUMBER = 10_000, 2**40
_LAYERS = re.compile(r".*(layers?|depths?|blocks?|stages?|groups?|heads?)", re.IGNORECASE)
"""Keys of numbers that a library counts up to before it makes anything whose size can be seen."""

_ATTENTION = re.compile(r".*(attn|experts)_implementation.*")
_KERNEL = re.compile(r"[/:|@]")
"""In the name of an attention: it is a repository of the hub, whose compiled code transformers downloads and runs."""


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


def check_text_tower(folder: Path) -> None:
    """Passes where a folder's config is of a text tower that open_clip knows.

    Raises:
        ModelError: it is of another model, such as one that is put together of others.
    """
    from open_clip.hf_configs import arch_dict

    config = read_config(folder / "config.json")
    kind = config.get("model_type") if isinstance(config, Mapping) else None
    if kind not in tuple(arch_dict):  # what cannot be hashed is not in it either
        raise ModelError(
            f"{folder / 'config.json'} has model_type = {str(kind)[:80]!r}; open_clip's text towers are "
            f"{', '.join(arch_dict)}"
        )


def read_config(path: Path) -> object:
    """What a config holds.

    Raises:
        ModelError: it is of an implausible size.
        ValueError: it is no JSON.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ModelError(f"{path} has more than {MAX_JSON_BYTES:,} bytes; no config of a model is as large")
    try:
        return json.loads(path.read_bytes())
    except RecursionError as error:
        raise ValueError(str(error)) from None


def check_additions(path: Path, content: object) -> None:
    """Raises ModelError where a config asks for what stands in another repository.

    Args:
        path: of the config.
        content: what it holds.
    """
    name = path.name.lower()  # some file systems tell no capitals
    if name == "adapter_config.json":
        raise ModelError(f"{path} is an adapter to another model; merge the two, and save what comes out")
    if isinstance(content, Mapping) and content.get("quantization_config"):
        raise ModelError(
            f"{path} says that the weights are quantised (quantization_config); save them in full precision"
        )
    for key, value in named_values(content):
        if _ATTENTION.fullmatch(key) and isinstance(value, str) and _KERNEL.search(value):
            raise ModelError(
                f"{path} asks for the attention {value!r}, compiled code of a repository; memometer runs no code of a "
                f"model's own: remove {key}"
            )
        most = MAX_LAYERS if _LAYERS.fullmatch(key) else MAX_NUMBER
        if name == "config.json" and isinstance(value, int) and value > most:
            raise ModelError(f"{path} has {key} = {value:,}; no model has more than {most:,}")


def named_values(content: object, *, key: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Every value with the name that it stands under.

    What stands under any name in ``types``, or in what says of several parts how each attends, stands under that.
    """
    if depth > 50:
        return
    if isinstance(content, Mapping):
        for name, value in content.items():
            whole = key == "types" or _ATTENTION.fullmatch(key)
            yield from named_values(value, key=key if whole else str(name), depth=depth + 1)
    elif isinstance(content, list):
        for value in content:
            yield from named_values(value, key=key, depth=depth + 1)
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
        config = read_config(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    check_additions(path, config)
    if not isinstance(config, dict):
        raise ModelError(f"{path} is no config of a model: it is {type(config).__name__}")
    if config.get("auto_map"):
        from transformers import CONFIG_MAPPING

        if config.get("model_type") not in CONFIG_MAPPING:
            raise ModelError(f"'{repository}' needs code of its own (auto_map in {path}), which memometer does not run")
