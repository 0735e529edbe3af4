"""Repositories of data sets, downloaded or on a hub, in the layouts that the hub shows."""

import json
import time

import huggingface_hub.constants
import huggingface_hub.hf_api
import pyarrow as pa
import pytest
from hf_data_sets import card, parquet, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_sources import (
    Imported,
    image_cells,
    picture,
    stored_bytes,
    write,
    write_pictures,
    write_rows,
    write_samples,
)

from memometer.data import import_records
from memometer.data.sources.hub_layout import choose_rows
from memometer.errors import SourceError

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


CONFIGS = [
    {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"},
                                              {"split": "test", "path": ["data/test-*.parquet"]}]},
    {"config_name": "tiny", "data_files": {"train": "tiny/**/*.parquet"}},
    {"config_name": "zipped", "data_files": "images.zip"},
    {"config_name": "lost", "data_files": "nowhere/*.parquet"},
    {"config_name": "below", "data_dir": "tiny"},
]  # fmt: skip


@pytest.fixture
def repository(tmp_path):
    """A repository with configs in its README, as people download it."""
    folder = tmp_path / "repo"
    for name, number in {"data/train-00000-of-00001": 0, "data/test-00000-of-00001": 1, "tiny/a/b/train": 2}.items():
        write_rows(folder / f"{name}.parquet", rows([number]))
    content = {"README.md": card(configs=CONFIGS, license="cc-by-4.0"), "images.zip": b"PK", ".gitattributes": "x"}
    return write(folder, content)


@pytest.mark.parametrize(
    ("config", "images", "roles"),
    [(None, [0, 1], ["train", "test"]), ("default", [0, 1], ["train", "test"]), ("tiny", [2], [None]),
     ("below", [2], [None])],
)  # fmt: skip
def test_a_repository_with_configs(repository, tmp_path, config, images, roles):
    found = Imported(f"hf-disk:{repository}", tmp_path / "out", config=config)
    numbers = [number for data in stored_bytes(tmp_path / "out") for number in range(4) if data == picture(number)]
    assert sorted(zip(numbers, found.role.values(), strict=True)) == sorted(zip(images, roles, strict=True))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"config": "huge"}, "no config 'huge': its configs are default, tiny"),
        ({"config": "zipped"}, "is of images.zip and the like"),
        ({"config": "lost"}, "that are not there: 'nowhere"),
        ({"splits": ("dev",)}, "no split 'dev': its splits are train, test"),
    ],
)
def test_a_config_that_cannot_be_read(repository, tmp_path, options, match):
    with pytest.raises(SourceError, match=match):
        Imported(f"hf-disk:{repository}", tmp_path / "out", **options)


def test_what_the_hub_converted(tmp_path):
    for config, split, number in (("birds", "train", 0), ("birds", "partial-test", 1), ("cats", "train", 2)):
        write_rows(tmp_path / "repo" / config / split / "0000.parquet", rows([number]))
    with pytest.raises(SourceError, match="several configs: birds, cats"):
        import_records(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out")
    found = Imported(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out", config="birds")
    assert sorted(found.role.values()) == ["test", "train"]


def test_names_of_classes_in_the_readme(tmp_path):
    """Tables that pandas wrote have no features of their own."""
    bare = pa.table({"image": image_cells(range(2)), "text": ["a", "b"], "label": [1, 0]})
    write_rows(tmp_path / "repo" / "train.parquet", bare)
    features = [{"name": "label", "dtype": {"class_label": {"names": {"0": "cat", "1": "dog"}}}}, {"name": "image"}]
    write(tmp_path / "repo", {"README.md": card(dataset_info={"features": features})})
    found = Imported(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out")
    assert list(found.label.values()) == ["dog", "cat"]


def test_a_repository_of_images(tmp_path):
    write_pictures(tmp_path / "repo" / "train", ["cat/0.png", "dog/1.png"])
    write(tmp_path / "repo", {"README.md": card(configs=[{"config_name": "default", "data_files": "train/**"}])})
    found = Imported(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out", captions="optional")
    assert list(found.label.values()) == ["cat", "dog"]


def test_a_repository_of_shards(tmp_path):
    for split, number in (("train", 0), ("test", 4)):
        write_samples(tmp_path / "repo" / "data" / f"{split}-0000.tar", range(number, number + 2))
    found = Imported(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out")
    assert sorted(found.role.values()) == ["test", "test", "train", "train"]


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({"birds.py": "import os", "README.md": "none"}, "a script that makes them, which memometer never runs"),
        ({"data/train.parquet": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"}, "git lfs pull"),
        ({"README.md": "---\nconfigs: [\n---\n", "train.parquet": "x"}, "YAML that cannot be read"),
        ({"README.md": '---\nconfigs: !!python/object/apply:os.getcwd []\n---\n', "train.parquet": "x"},
         "YAML that cannot be read"),
        ({"README.md": "---\na: &a [x]\nb: &b [*a, *a]\nconfigs: [{data_files: *b}]\n---\n", "train.parquet": "x"},
         "refers to its own parts"),
    ],
)  # fmt: skip
def test_a_repository_that_cannot_be_read(tmp_path, files, match):
    with pytest.raises(SourceError, match=match):
        import_records(f"hf-disk:{write(tmp_path / 'repo', files)}", tmp_path / "out")


def test_no_pattern_leads_out_of_the_repository(tmp_path):
    write_rows(tmp_path / "secret" / "train.parquet", rows([0]))
    for pattern in ("../secret/*.parquet", str(tmp_path / "secret" / "*.parquet")):
        write(tmp_path / "repo", {"README.md": card(configs=[{"config_name": "default", "data_files": pattern}])})
        with pytest.raises(SourceError, match="not there"):
            import_records(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out")


def test_a_data_set_of_the_hub(hub, tmp_path):
    files = {
        "README.md": card(configs=CONFIGS).encode(),
        "data/train-00000-of-00001.parquet": parquet([0, 1], tmp_path),
        "data/test-00000-of-00001.parquet": parquet([2], tmp_path),
        "tiny/a/train.parquet": parquet([3], tmp_path),
        "images.zip": b"PK" * 1000,
        "birds.py": b"raise SystemExit",
    }
    hub.files["someone/birds"] = files
    found = Imported("hf:someone/birds", tmp_path / "out")
    assert sorted(found.role.values()) == ["test", "train", "train"]
    assert sorted(stored_bytes(tmp_path / "out")) == sorted(picture(n) for n in range(3))
    fetched = {path.partition("/resolve/")[2].partition("/")[2] for path in hub.asked if "/resolve/" in path}
    assert fetched == {"README.md", "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"}
    Imported("hf:someone/birds@main", tmp_path / "one", splits=("test",))
    assert stored_bytes(tmp_path / "one") == [picture(2)]
    hub.shutdown()
    hub.server_close()
    start = time.monotonic()
    Imported("hf:someone/birds", tmp_path / "again", splits=("test",))
    assert time.monotonic() - start < 20
    assert stored_bytes(tmp_path / "again") == [picture(2)]


def test_data_sets_that_the_hub_does_not_give(hub, tmp_path):
    hub.files["someone/secret"] = {"train.parquet": b"x"}
    hub.private.add("someone/secret")
    for name, match in (("someone/secret", "log in"), ("someone/else", "check the name"), ("a b", "no name of")):
        with pytest.raises(SourceError, match=match):
            import_records(f"hf:{name}", tmp_path / "out")


@pytest.mark.parametrize("offline", [False, True])
def test_without_a_network_the_answer_comes_at_once(hub_cache, tmp_path, monkeypatch, offline):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(SourceError, match=rf"hf:someone/birds is not in the cache at {hub_cache}, and http.* did not "):
        import_records("hf:someone/birds", tmp_path / "out")
    assert time.monotonic() - start < 5


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["train", "**", "data/*", "[b-a]"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["split", "path", "config_name", "data_files", "data_dir", "default", "names", "features"]),
            inner,
        )
    ),
    max_leaves=8,
)
notes = st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(["splits", "_data_files", "_split", "configs", "dataset_info", "filename"]), values
).map(lambda content: json.dumps(content).encode())


@FUZZ
@given(
    st.dictionaries(
        st.sampled_from(["dataset_dict.json", "state.json", "train/state.json", "dataset_info.json", "README.md"]),
        notes | notes.map(lambda data: b"---\n" + data + b"\n---\n"),
    ),
    st.none() | st.just("default"),
    st.just(()) | st.just(("train",)),
)
def test_any_notes_of_a_data_set(files, config, splits):
    names = [*files, "data/train-00000-of-00001.parquet", "a/b-test.arrow", "x.txt"]
    try:
        found = choose_rows(names, files.__getitem__, config=config, splits=splits, where="it")
    except SourceError:
        return
    assert found.kind is None or set(found.splits) <= set(names)
    assert all(isinstance(split, str) for split in found.splits.values())
