"""What the files of a sentence-transformers folder may name: classes and options from short lists, nothing else.

The library imports a class by the name that a JSON file gives, passes on whatever options stand beside it, and looks
for methods by name. Here every such value is compared with what ordinary models need.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from memometer.encoders.untrusted import check_additions, named_values, read_config
from memometer.errors import ModelError, shown

__all__ = ["check_sentence_folder"]

AWAY = "; embed the texts with its own library and give the vectors, embeddings:DIR"
"""What to do with a model that memometer does not load."""

MODULES = {
    "BoW": "bow",
    "CLIPModel": "clip_model",
    "CNN": "cnn",
    "Dense": "dense",
    "Dropout": "dropout",
    "LSTM": "lstm",
    "LayerNorm": "layer_norm",
    "Normalize": "normalize",
    "Pooling": "pooling",
    "StaticEmbedding": "static_embedding",
    "Transformer": "transformer",
    "WeightedLayerPooling": "weighted_layer_pooling",
    "WordEmbeddings": "word_embeddings",
    "WordWeights": "word_weights",
}
"""The library's modules, and the file that each stands in."""

_PLACES = ("models", "sentence_transformer.models", "sentence_transformer.modules", "base.modules")
_WORDS = "WhitespaceTokenizer"
"""The tokenizer of word vectors that reads nothing but its own vocabulary; another one loads any tokenizer, unasked."""

CLASSES = frozenset(
    f"sentence_transformers.{place}.{name}"
    for place in _PLACES
    for names in (
        *((name, f"{file}.{name}", f"{name}.{name}") for name, file in MODULES.items()),
        *((f"{inner}.{_WORDS}" for inner in ("tokenizer", f"tokenizer.{_WORDS}", "tokenizer.whitespace")),),
    )
    for name in names
) | frozenset(
    f"torch.nn.{place}{name}"
    for place in ("", "modules.activation.", "modules.linear.")
    for name in (
        *("CELU", "ELU", "GELU", "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "Mish", "PReLU", "ReLU", "ReLU6"),
        *("SELU", "SiLU", "Sigmoid", "Softplus", "Softsign", "Tanh"),
    )
)
"""Every spelling that a version of the library has saved; and the activations of its dense layers."""

_ROUTERS = re.compile(r"sentence_transformers\.[\w.]+\.(Asym|Router)")

_CLASS_KEYS = re.compile(r"type|types|class|module|.*_(class|function|fn|module|type)|loss", re.IGNORECASE)
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")

_KWARGS = {
    **dict.fromkeys(
        ("model_args", "model_kwargs"),
        frozenset({"torch_dtype", "dtype", "attn_implementation", "add_pooling_layer", "use_safetensors"}),
    ),
    **dict.fromkeys(
        ("tokenizer_args", "processor_kwargs"),
        frozenset(
            {
                *("model_max_length", "padding_side", "truncation_side", "use_fast", "do_lower_case", "strip_accents"),
                *("add_bos_token", "add_eos_token", "add_prefix_space", "clean_up_tokenization_spaces", "legacy"),
                "fix_mistral_regex",
            }
        ),
    ),
    **dict.fromkeys(("config_args", "config_kwargs"), frozenset({"use_cache", "is_causal", "is_decoder"})),
}
_TRANSFORMER_KEYS = frozenset(
    {
        *("max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name"),
        *("processing_kwargs", "unpad_inputs", "query_length", "document_length", "query_expansion"),
        *_KWARGS,
    }
)
_METHODS = frozenset({"forward", "get_text_features", "get_image_features"})
_TASK = "feature-extraction"
_STATIC = "model2vec"
"""A table of vectors of tokens, whose config no library reads."""


def check_sentence_folder(folder: Path) -> list[str]:
    """Passes where the JSON files of a folder, nested ones too, name what ordinary models name.

    Returns:
        What is loaded in another way than the folder says, in sentences.

    Raises:
        ModelError: one names another class or option, which could run code, read other files or open the network.
    """
    warnings: list[str] = []
    for path in _json_files(folder):
        name = path.name.lower()  # some file systems tell no capitals
        if name in {"tokenizer.json", "vocab.json"}:
            continue  # these two hold texts alone
        try:
            content = read_config(path)
        except (OSError, ValueError):
            continue  # where the library reads it, it says what is wrong
        check_additions(path, content)
        _check_classes(path, content)
        if name == "config.json":
            warnings += _check_model(path, content)
        elif name == "modules.json":
            _check_modules(path, content)
        elif re.fullmatch(r"sentence_[\w-]+_config\.json", name):
            _check_transformer(path, content)
        elif name == "config_sentence_transformers.json":
            _check_settings(path, content)
    return warnings


def _json_files(folder: Path) -> list[Path]:
    """Those that a library may open by their paths in the folder: in folders that are links, too."""
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()  # a link to a folder around it
        seen.add(real)
        found += [Path(place, name) for name in files if name.lower().endswith(".json")]
    return sorted(found)


def _check_classes(path: Path, content: object) -> None:
    for key, value in named_values(content):
        if key == "trust_remote_code" and value:
            raise ModelError(f"{path} asks for trust_remote_code; memometer runs no code of a model's own{AWAY}")
        if isinstance(value, str) and _ROUTERS.fullmatch(value):
            raise ModelError(
                f"{path} has a Router, several encoders of which a text alone names none; save the encoder that is "
                "meant as a model of its own"
            )
        dotted = isinstance(value, str) and _DOTTED.fullmatch(value)
        if dotted and _CLASS_KEYS.fullmatch(key) and value not in CLASSES:
            raise ModelError(
                f"{path} names the class {value}, which could run code; expected modules of sentence_transformers "
                f"alone{AWAY}"
            )


def _check_modules(path: Path, content: object) -> None:
    if not isinstance(content, list) or not content:
        raise ModelError(f"{path} is no list of sentence-transformers modules: it is {shown(content)}")
    for module in content:
        texts = [module.get(key) for key in ("type", "name", "path")] if isinstance(module, Mapping) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise ModelError(f"{path} is no list of sentence-transformers modules: one is {shown(module)}")
        if module["type"] not in CLASSES:
            raise ModelError(
                f"{path} names the class {module['type'][:100]}, which could run code; expected modules of "
                f"sentence_transformers alone{AWAY}"
            )


def _check_transformer(path: Path, content: object) -> None:
    """Of the file that the options of the transformer stand in."""
    config = _object(path, content)
    for key, value in _unknown(config, _TRANSFORMER_KEYS):
        if key == "tokenizer_name_or_path" and value is None:
            continue
        raise ModelError(f"{path} has the option {key!r} = {shown(value)}, which memometer does not pass on; remove it")
    for name, allowed in _KWARGS.items():
        for key, value in _unknown(_object(path, config.get(name) or {}), allowed):
            raise ModelError(
                f"{path} has the option {key!r} = {shown(value)} in {name}, which could run code or read other files; "
                "remove it"
            )
    if config.get("transformer_task", _TASK) != _TASK:
        raise ModelError(f"{path} has transformer_task = {shown(config['transformer_task'])}; expected {_TASK}")
    for modality, entry in _object(path, config.get("modality_config") or {}).items():
        method = _object(path, entry).get("method")
        if method not in _METHODS:
            raise ModelError(
                f"{path} has texts encoded by the method {shown(method)} ({modality}); expected one of "
                f"{', '.join(sorted(_METHODS))}"
            )


def _check_model(path: Path, content: object) -> list[str]:
    """Of a transformer's config: its kind is one that gives vectors, none that is put together of other models."""
    if not isinstance(content, Mapping) or content.get("model_type") is None:
        return []
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    kind, named = content["model_type"], content.get("auto_map")
    known = kind in (*MODEL_MAPPING_NAMES, _STATIC)  # as a tuple: what cannot be hashed is not in it either
    if named and not known:
        raise ModelError(f"{path} needs code of its own (auto_map), which memometer does not run{AWAY}")
    if not known:
        raise ModelError(f"{path} has model_type = {shown(kind)}; expected a model of transformers that gives vectors")
    if isinstance(named, Mapping) and {"AutoModel", "AutoConfig"} & named.keys():
        how = f"transformers' own {kind} is used, whose vectors may differ from those of that code"
        return [f"{path} names code of its own (auto_map), which memometer does not run: {how}"]
    return []


def _check_settings(path: Path, content: object) -> None:
    config = _object(path, content)
    if config.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        raise ModelError(f"{path} has model_type = {shown(config['model_type'])}; expected SentenceTransformer")
    prompts = _object(path, config.get("prompts") or {})
    if not all(text is None or isinstance(text, str) for text in prompts.values()):
        raise ModelError(f"{path} has prompts = {shown(prompts)}; expected names with texts")


def _unknown(config: Mapping[str, Any], known: frozenset[str]) -> Iterator[tuple[str, object]]:
    return ((key, value) for key, value in config.items() if key not in known)


def _object(path: Path, content: object) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise ModelError(f"{path} has {shown(content)} where an object belongs")
    return content
