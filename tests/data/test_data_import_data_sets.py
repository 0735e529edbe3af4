"""Data sets of Hugging Face on disk: saved and cached, and what their columns hold."""

import pyarrow as pa
import pytest
from hf_data_sets import N, rows
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
)

from memometer.data import import_records
from memometer.errors import InputError, MemometerError, SourceError

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
