"""What the files of a folder of transformers may name: classes of the library by their plain names, and no code.

The library imports a class by the name that a JSON file gives, opens whatever path stands in a list of shards, and asks
on the terminal whether to run what a folder holds. Here every such value is compared with what ordinary models need.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from memometer.encoders.bounded import first_line
from memometer.encoders.hf_families import FAMILIES
from memometer.encoders.untrusted import check_additions, named_values, read_config
from memometer.errors import ModelError, shown

__all__ = ["TRUST", "check_hf_folder", "model_kind", "weight_files"]

TRUST = "trust-remote-code"
"""The option behind a model's name that lets its own code run."""

CONFIG = "config.json"
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
READ = frozenset(
    {
        *(CONFIG, *PROCESSOR_FILES, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
        *("generation_config.json", "adapter_config.json", "chat_template.json", "video_preprocessor_config.json"),
    }
)
"""JSON files that the library reads by their names, beside those of shards."""

_CLASSES = {
    "tokenizer_class": re.compile(r"(?!Auto)[A-Za-z0-9]+(Tokenizer|TokenizerFast|TokenizersBackend)"),
    "image_processor_type": re.compile(r"(?!Auto)[A-Za-z0-9]+ImageProcessor(Fast|Pil)?"),
    "feature_extractor_type": re.compile(r"(?!Auto)[A-Za-z0-9]+(FeatureExtractor|ImageProcessor)"),
    "processor_class": re.compile(r"(?!Auto)[A-Za-z0-9]+Processor"),
}
"""Options that name a class, and how the classes that they are meant for are called."""

_FILES = re.compile(r"(?!special_tokens_map|added_tokens|tokenizer_config|chat_template).*_file")
"""Options of a tokenizer that it reads a file by; those left out are what older versions noted of a download."""
_PLAIN_FILE = re.compile(r"[\w.-]+")
_AWAY = "; use its own library, and give the vectors: embeddings:DIR"


def check_hf_folder(folder: Path, *, trusted: bool = False, kinds: Collection[str] = FAMILIES) -> list[str]:
    """Passes where the files of a folder are of a model of transformers, and name nothing but its own classes.

    Args:
        folder: of the model.
        trusted: whether the user lets the code in it run; then classes may be its own.
        kinds: the ``model_type`` that are expected.

    Returns:
        What is loaded in another way than the folder says, in sentences.

    Raises:
        ModelError: it is of another kind, or a file names what could run code, read other files or open the network.
    """
    warnings: list[str] = []
    contents = {}
    for path in sorted(folder.iterdir()):
        name = path.name.lower()  # some file systems tell no capitals
        if name in READ or name.endswith(".index.json"):
            contents[name] = _read(path)
            _check(path, contents[name], trusted=trusted)
    if CONFIG not in contents:
        expected = "expected config.json, preprocessor_config.json and model.safetensors"
        other = f"name it open_clip:{folder}" if (folder / "open_clip_config.json").is_file() else expected
        raise ModelError(f"{folder} holds no model of transformers; {other}")
    config = contents[CONFIG]
    if isinstance(config, Mapping) and config.get("transformers_weights"):
        raise ModelError(
            f"{folder / CONFIG} names a file of weights (transformers_weights); call that file model.safetensors, and "
            "remove the name"
        )
    if not isinstance(config, Mapping):
        raise ModelError(f"{folder / CONFIG} is no config of a model: it holds {shown(config)}")
    named = config.get("auto_map")
    kind = config.get("model_type")
    if not trusted and not (isinstance(kind, str) and kind in kinds):
        if named:
            raise ModelError(
                f"{folder} needs code of its own (auto_map in {CONFIG}), which is not run unasked; ?{TRUST} behind the "
                f"model's name runs it{_AWAY.replace('; use', ', or use')}"
            )
        raise ModelError(
            f"{folder / CONFIG} has model_type = {shown(kind)}; expected one of {', '.join(sorted(kinds))}{_AWAY}"
        )
    if named and not trusted:
        warnings.append(
            f"{folder / CONFIG} names code of its own (auto_map), which is not run: transformers' own {kind} is used, "
            "whose vectors may differ from those of that code"
        )
    if not any(name in contents for name in PROCESSOR_FILES):
        raise ModelError(
            f"{folder} does not say how its images are prepared; expected {' or '.join(PROCESSOR_FILES)} beside "
            f"{CONFIG}, as the model's publisher has it: other preprocessing than in training makes a model look as if "
            "it memorized less"
        )
    return warnings


def model_kind(folder: Path) -> str | None:
    """The ``model_type`` of a folder's config; None where it has none."""
    try:
        config = read_config(folder / CONFIG)
    except (OSError, ValueError):
        return None
    kind = config.get("model_type") if isinstance(config, Mapping) else None
    return kind if isinstance(kind, str) else None


def weight_files(folder: Path) -> list[Path]:
    """The files of weights that the library reads: safetensors, else what ``torch.save`` wrote."""
    for suffix in ("model*.safetensors", "pytorch_model*.bin"):
        found = sorted(folder.glob(suffix))
        if found:
            return found
    return []


def _read(path: Path) -> object:
    try:
        return read_config(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {first_line(error)}") from None


def _check(path: Path, content: object, *, trusted: bool) -> None:
    check_additions(path, content)
    for key, value in named_values(content):
        pattern = None if trusted or value is None else _CLASSES.get(key)
        if pattern is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
            raise ModelError(f"{path} has {key} = {shown(value)}; expected the name of a class of transformers")
        if key == "trust_remote_code" and value and not trusted:
            raise ModelError(f"{path} asks for trust_remote_code; that is for you: ?{TRUST} behind the model's name")
    name = path.name.lower()
    if name.endswith(".index.json"):
        shards = content.get("weight_map") if isinstance(content, Mapping) else None
        if not isinstance(shards, Mapping) or not all(
            isinstance(each, str) and _PLAIN_FILE.fullmatch(each) for each in shards.values()
        ):
            raise ModelError(f"{path} is no list of shards: expected a weight_map of tensors' names to files beside it")
    elif name == "tokenizer_config.json" and isinstance(content, Mapping):
        _check_tokenizer(path, content)


def _check_tokenizer(path: Path, content: Mapping[str, object]) -> None:
    """A tokenizer's files stand beside its config under their usual names; a config that names one means another."""
    for key, value in content.items():
        if _FILES.fullmatch(key) and value is not None:
            raise ModelError(
                f"{path} has {key} = {shown(value)}, another file; remove it: a tokenizer's files stand beside its "
                "config under their usual names"
            )
