"""Data sets of Hugging Face: saved, cached, downloaded, or on a hub, in the layouts that its libraries write."""

import json
import time

import huggingface_hub.constants
import huggingface_hub.hf_api
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_sources import (
    Imported,
    image_cells,
    picture,
    rejects,
    stored_bytes,
    write,
    write_pictures,
    write_rows,
    write_samples,
)

from memometer.data import import_records
from memometer.data.sources.hub_layout import choose_rows
from memometer.errors import InputError, MemometerError, SourceError

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
N = 5


def rows(numbers, **columns):
    """A table as the library writes it: images as structs, features in the schema's metadata."""
    kept = {"image": image_cells(numbers, named=False), "text": [f"a picture {n}" for n in numbers], **columns}
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    note = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    return pa.table(kept).replace_schema_metadata(note)


def parquet(numbers, folder, **columns):
    return write_rows(folder / "made.parquet", rows(numbers, **columns)).read_bytes()


def card(**content):
    """A README whose beginning is YAML, of which JSON is a part."""
    return f"---\n{json.dumps(content)}\n---\n# A data set\n"


@pytest.fixture
def saved(tmp_path):
    """What the library itself saves: two splits, of several files, and one data set alone."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=["cat", "dog"]),
        "sentences": [{"raw": datasets.Value("string"), "sentid": datasets.Value("int64")}],
    })  # fmt: skip

    def of(numbers):
        cells = [{"bytes": picture(n), "path": None} for n in numbers]
        sentences = [[{"raw": f"{word} {n}", "sentid": n} for word in ("one", "two")] for n in numbers]
        columns = {"image": cells, "label": [n % 2 for n in numbers], "sentences": sentences}
        return datasets.Dataset.from_dict(columns, features=features)

    datasets.disable_progress_bars()
    both = datasets.DatasetDict({"train": of(range(N)), "validation": of(range(N, N + 2))})
    both.save_to_disk(tmp_path / "both", num_shards={"train": 2, "validation": 1})
    of(range(N)).save_to_disk(tmp_path / "one")
    of(range(N)).to_parquet(tmp_path / "repo" / "data" / "train-00000-of-00001.parquet")
    return tmp_path


def test_what_the_library_saves(saved):
    found = Imported(f"hf-disk:{saved / 'both'}", saved / "out")
    assert list(found.role.values()) == ["train"] * N + ["validation"] * 2
    assert list(found.label.values()) == ["cat", "dog", "cat", "dog", "cat", "dog", "cat"]
    assert list(found.captions.values())[-1] == ["one 6", "two 6"]
    assert stored_bytes(saved / "out") == [picture(n) for n in range(N + 2)]
    assert found.left_aside == {".json": 5}


def test_one_split_of_what_is_saved(saved):
    found = Imported(f"hf-disk:{saved / 'both'}", saved / "out", splits=("validation",))
    assert stored_bytes(saved / "out") == [picture(n) for n in (N, N + 1)]
    assert found.left_aside == {".json": 5, ".arrow": 2}
    with pytest.raises(SourceError, match="no split 'test': its splits are train, validation"):
        Imported(f"hf-disk:{saved / 'both'}", saved / "other", splits=("test",))


@pytest.mark.parametrize("source", ["one", "repo"])
def test_data_sets_of_one_split(saved, source):
    found = Imported(f"hf-disk:{saved / source}", saved / "out")
    assert list(found.label.values()) == ["cat", "dog", "cat", "dog", "cat"]
    assert stored_bytes(saved / "out") == [picture(n) for n in range(N)]


def test_what_a_map_left_beside_is_not_read(saved):
    (saved / "one" / "cache-0123456789abcdef.arrow").write_bytes((saved / "one/data-00000-of-00001.arrow").read_bytes())
    assert len(Imported(f"hf-disk:{saved / 'one'}", saved / "out").ids) == N


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda folder: (folder / "train/data-00001-of-00002.arrow").unlink(), "lacks train/data-00001"),
        (lambda folder: (folder / "validation/state.json").unlink(), "lacks validation/state.json"),
        (lambda folder: (folder / "train/state.json").write_text('{"_data_files": [{"fi'), "cannot be read as JSON"),
        (lambda folder: (folder / "dataset_dict.json").write_text('{"splits": 3}'), "names no splits"),
        (lambda folder: (folder / "dataset_dict.json").write_text("[1]"), "holds list"),
        (lambda folder: (folder / "train/data-00000-of-00002.arrow").write_bytes(b"ARROW1"), "as Arrow"),
    ],
)
def test_a_saved_data_set_that_is_damaged(saved, damage, match):
    damage(saved / "both")
    with pytest.raises(SourceError, match=match):
        import_records(f"hf-disk:{saved / 'both'}", saved / "out")


def test_the_cache_of_the_library(tmp_path):
    folder = tmp_path / "someone___birds" / "small" / "0.0.0" / "f00d"
    write(folder, {"dataset_info.json": {"splits": {"train": {}, "train_extra": {}, "test": {}}}})
    for name, number in {"birds-train-00000-of-00002": 0, "birds-train-00001-of-00002": 1, "birds-train_extra": 2,
                         "birds-test": 3}.items():  # fmt: skip
        write_rows(folder / f"{name}.arrow", rows([number]))
    for source in (tmp_path, folder):
        found = Imported(f"hf-disk:{source}", tmp_path / "out", overwrite=True)
        assert sorted(map(str, found.role.values())) == ["test", "train", "train", "train_extra"]
    write(tmp_path / "someone___birds" / "large" / "0.0.0" / "beef", {"dataset_info.json": {}})
    write_rows(tmp_path / "someone___birds" / "large" / "0.0.0" / "beef" / "birds-test.arrow", rows([9]))
    with pytest.raises(SourceError, match=r"several configs: .*large"):
        import_records(f"hf-disk:{tmp_path / 'someone___birds'}", tmp_path / "other")
    found = Imported(f"hf-disk:{tmp_path / 'someone___birds'}", tmp_path / "other", config="large")
    assert stored_bytes(tmp_path / "other") == [picture(9)]


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


def test_an_image_that_is_broken_in_one_row(tmp_path):
    cells = [{"bytes": picture(n), "path": None} for n in range(N)]
    cells[2]["bytes"], cells[3] = picture(2)[:400], None
    table = rows(range(N)).set_column(0, "image", pa.array(cells, image_cells([]).type))
    write_rows(tmp_path / "repo" / "data" / "train-00000-of-00001.parquet", table)
    found = Imported(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out", max_rejects=0.5)
    assert found.why == ["damaged image", "no image"]
    assert found.members == ["row 3", "row 4"]
    assert len(found.ids) == N - 2


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"sentences": [[{"raw": "a"}, {"raw": "b"}]]}, ["a", "b"]),
        ({"sentences": [{"raw": ["a", "b"], "tokens": [["a"], ["b"]]}]}, ["a", "b"]),  # as older versions save the same
        ({"captions": [["a", "b"]]}, ["a", "b"]),
        ({"caption_0": ["a"], "caption_1": ["b"], "caption_10": ["c"]}, ["a", "b", "c"]),
    ],
)
def test_several_captions_of_an_image(tmp_path, columns, expected):
    write_rows(tmp_path / "repo" / "train.parquet", pa.table({"image": image_cells([0]), **columns}))
    found = Imported(f"hf-disk:{tmp_path / 'repo'}", tmp_path / "out")
    assert list(found.captions.values()) == [expected]


def test_images_within_a_table_go_before_their_names(tmp_path):
    """COCO's and Flickr30k's data sets on the hub have both."""
    columns = {"filepath": ["val2014/0.jpg"], "filename": ["0.jpg"], "image": image_cells([0]), "sentences": [["a"]]}
    write_rows(tmp_path / "t.parquet", pa.table(columns))
    Imported(tmp_path / "t.parquet", tmp_path / "out")
    assert stored_bytes(tmp_path / "out") == [picture(0)]


def test_several_captions_in_one_text(tmp_path):
    (tmp_path / "0.png").write_bytes(picture(0))
    (tmp_path / "t.csv").write_text("image,caption\n0.png,a dog | a hound |  | NULL\n")
    found = Imported(tmp_path / "t.csv", tmp_path / "out", fields={"captions_separator": "|"})
    assert found.captions == {"0": ["a dog", "a hound"]}
    (tmp_path / "0.txt").write_text("a dog | a hound")
    (tmp_path / "t.csv").unlink()
    found = Imported(tmp_path, tmp_path / "again", format="folder", fields={"captions_separator": "|"})
    assert found.captions == {"0": ["a dog", "a hound"]}


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


@pytest.mark.parametrize(
    ("source", "options", "match"),
    [
        ("hf-disk:/nowhere/at/all", {}, "there is no folder at /nowhere/at/all"),
        ("karpathy:/nowhere.json", {}, "there is nothing at /nowhere.json"),
        ("csv:t.csv", {"format": "parquet"}, "names its format itself"),
        ("csv:t.csv", {"config": "x"}, "--config means nothing"),
    ],
)
def test_formats_before_the_colon(tmp_path, monkeypatch, source, options, match):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, ["0.png"])
    (tmp_path / "t.csv").write_text("image,caption\n0.png,a\n")
    assert Imported("csv:t.csv", tmp_path / "good").captions == {"0": ["a"]}
    with pytest.raises(InputError, match=match):
        Imported(source, tmp_path / "out", **options)


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


@FUZZ
@given(
    cut=st.integers(0, 4000),
    at=st.integers(0, 4000),
    extra=st.binary(max_size=4),
    suffix=st.sampled_from(["parquet", "arrow"]),
)
def test_any_damaged_table_of_a_data_set(tmp_path, cut, at, extra, suffix):
    folder = tmp_path / f"repo-{suffix}"
    path = folder / f"train-00000-of-00001.{suffix}"
    whole = write_rows(path, rows(range(3), label=[0, 1, 0])).read_bytes()
    broken = whole[:at] + extra + whole[at + len(extra) :]
    path.write_bytes(broken[: cut or None] if cut < len(broken) else broken)
    try:
        found = Imported(f"hf-disk:{folder}", tmp_path / "out", max_rejects=1, overwrite=True)
    except MemometerError:
        return
    assert len(found.ids) + len(rejects(tmp_path / "out")) >= 1
