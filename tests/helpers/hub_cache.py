"""A cache of the Hugging Face hub, as its library lays it out, with repositories that were never downloaded."""

import json

import pytest

__all__ = ["cached_repository", "hub_cache"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """An empty cache, which every library of the hub then looks into."""
    import huggingface_hub.constants

    place = tmp_path / "hub"
    place.mkdir()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(place))
    monkeypatch.setenv("HF_HUB_CACHE", str(place))
    return place


def cached_repository(cache, name, files=()):
    """The folder of a repository's files in the cache; ``files`` are contents by name, as text or as JSON."""
    repository = cache / f"models--{name.replace('/', '--')}"
    folder = repository / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for file, content in dict(files).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder
