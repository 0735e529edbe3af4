"""Repositories of the Hugging Face hub as folders, whose files are checked as those of any other; never their code."""

import contextlib
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

__all__ = ["cached_folder", "download_first", "download_folder", "hub_cache", "sentence_cache", "wanted_files"]

MARKS = ("modules.json", "config.json", "config_sentence_transformers.json")
"""Files that a model of sentence-transformers has at its root, one at least."""

SUFFIXES = frozenset({".json", ".txt", ".model", ".vocab", ".codes", ".tiktoken", ".jinja", ".safetensors"})
PICKLED = "pytorch_model*.bin"
"""Weights that are read as data too, but only where there are none in safetensors."""

OTHER_FORMATS = frozenset({"onnx", "openvino", "coreml", "tensorrt"})
"""Folders of what other libraries load."""


SECONDS = 10
"""That the hub may take to answer what a repository holds."""


def cached_folder(repository: str, *, revision: str | None = None, cache: str | None = None) -> Path | None:
    """The folder of a repository in the hub's cache; None where it was never downloaded."""
    from huggingface_hub import try_to_load_from_cache

    for name in MARKS:
        found = try_to_load_from_cache(repository, name, revision=revision, cache_dir=cache)
        if isinstance(found, str | os.PathLike):
            return Path(found).parent
    return None


def download_folder(
    repository: str, *, revision: str | None = None, cache: str | None = None, suffixes: Collection[str] = ()
) -> Path:
    """Downloads the configs, tokenizers and weights of a repository into the hub's cache.

    Args:
        repository: OWNER/NAME.
        revision: a branch, a tag or a commit; None for the main branch.
        cache: the folder of the cache; None for the hub's own.
        suffixes: of further files, e.g. of its code.

    Raises:
        Exception: whatever the hub's library raises.
    """
    from huggingface_hub import HfApi, snapshot_download

    held = HfApi().model_info(repository, revision=revision, timeout=SECONDS).siblings or ()
    names = [each.rfilename for each in held]
    wanted = [*wanted_files(names), *(name for name in names if PurePosixPath(name).suffix in suffixes)]
    return Path(snapshot_download(repository, revision=revision, allow_patterns=wanted, cache_dir=cache))


def download_first(repository: str, names: Sequence[str], *, revision: str | None = None) -> Path:
    """The first of the files that a repository has, from the cache or downloaded into it.

    Raises:
        Exception: whatever the hub's library raises where there is none.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    *others, last = names
    for name in others:
        with contextlib.suppress(EntryNotFoundError):
            return Path(hf_hub_download(repository, name, revision=revision))
    return Path(hf_hub_download(repository, last, revision=revision))


def wanted_files(names: Iterable[str]) -> list[str]:
    """Of the files of a repository those that sentence-transformers reads; pickled weights only where no others are."""
    paths = [path for path in map(PurePosixPath, names) if path.parts[0] not in OTHER_FORMATS]
    whole = {path.parent for path in paths if path.suffix == ".safetensors"}
    return [
        str(path) for path in paths if path.suffix in SUFFIXES or (path.match(PICKLED) and path.parent not in whole)
    ]


def hub_cache() -> str:
    """Where the hub's library keeps what it downloads."""
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)


def sentence_cache() -> str | None:
    """Where sentence-transformers keeps what it downloads; None for the hub's own cache."""
    return os.environ.get("SENTENCE_TRANSFORMERS_HOME")
