"""``embeddings:DIR``: vectors joined to records by id."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from memometer.embeddings import load_encoder
from memometer.embeddings.stored import StoredVectors
from memometer.encoders import has_tower
from memometer.errors import VectorError

IDS = ["a", "b", "c", "d"]
IMAGES = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 3], [3, 4, 0]], np.float32)
TEXT_IDS = ["b", "a", "b", "d", "b", "a"]
TEXTS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, -1, 0], [0, 0, -1]], np.float64)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "images", IMAGES, IDS)
    write(tmp_path, "texts", TEXTS, TEXT_IDS)
    return tmp_path


def images_of(folder, ids=("a",)):
    return load_encoder(f"embeddings:{folder}").images(pa.array(ids))


def write(folder, kind, array, ids):
    np.save(folder / f"{kind}.npy", array)
    pq.write_table(pa.table({"record_id": ids, "other": list(range(len(ids)))}), folder / f"{kind}.parquet")


def test_images_are_joined_by_id_whatever_the_order(folder):
    vectors = load_encoder(f"embeddings:{folder}")
    assert isinstance(vectors, StoredVectors)
    found = vectors.images(pa.array(["d", "a", "a", "c"]))
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found[0:4], [[0.6, 0.8, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]], rtol=1e-6)
    assert found.record_ids.to_pylist() == ["d", "a", "a", "c"]


def test_vectors_in_record_order_are_read_without_a_table_of_rows(folder):
    assert load_encoder(f"embeddings:{folder}").images(pa.array(IDS)).rows is None
    assert load_encoder(f"embeddings:{folder}").images(pa.array(IDS[:3])).rows is not None


@pytest.mark.parametrize(
    ("caption", "ids", "expected"),
    [
        (1, ["a", "b", "d"], [[0, 1, 0], [1, 0, 0], [1, 0, 0]]),
        (2, ["b", "a"], [[0, 0, 1], [0, 0, -1]]),
        (3, ["b"], [[0, -1, 0]]),
    ],
)
def test_a_records_captions_are_its_rows_in_order(folder, caption, ids, expected):
    found = load_encoder(f"embeddings:{folder}").texts(pa.array(ids), caption=caption)
    np.testing.assert_array_equal(found[0 : len(ids)], expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("ids", "last"), [(IDS, "d"), ([10, 20, 30, 40], "40"), (pa.array(IDS, "large_string"), "d")])
def test_every_type_of_floats_and_of_ids_is_read(tmp_path, dtype, ids, last):
    write(tmp_path, "images", IMAGES.astype(dtype), ids)
    np.testing.assert_allclose(images_of(tmp_path, [last])[0:1], [[0.6, 0.8, 0]], rtol=1e-3)


def test_identity_follows_the_content_and_not_the_place(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy")
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    base = load_encoder(f"embeddings:{folder}").identity
    assert load_encoder(f"embeddings:{copy}").identity == base
    write(copy, "texts", TEXTS + 1e-9, TEXT_IDS)
    changed = load_encoder(f"embeddings:{copy}").identity
    write(copy, "texts", TEXTS, TEXT_IDS[::-1])
    assert len({base, changed, load_encoder(f"embeddings:{copy}").identity}) == 3


def test_a_missing_id_is_named_and_counted(folder):
    vectors = load_encoder(f"embeddings:{folder}")
    with pytest.raises(VectorError, match=r"2 of 3 records have no vector in images\.npy of .*, e\.g\. 'x'; add"):
        vectors.images(pa.array(["a", "x", "y"]))
    with pytest.raises(VectorError, match=r"1 of 2 records have no vector of caption 3 in texts\.npy of .*e\.g\. 'a'"):
        vectors.texts(pa.array(["b", "a"]), caption=3)


@pytest.mark.parametrize(
    ("array", "ids", "message"),
    [
        (IMAGES, ["a", "b", "a", "b"], r"images\.parquet names 2 records more than once, e\.g\. 'a'"),
        (IMAGES, IDS[:3], r"images\.parquet names 3 rows, images\.npy has 4; row i of the one"),
        (IMAGES, ["a", None, "c", "d"], "has 1 rows without a record_id"),
        (IMAGES[:, 0], IDS, r"has shape \(4,\) and type float32; expected \(m, d\) of float16"),
        (IMAGES.astype(np.int32), IDS, r"type int32; expected \(m, d\) of float16"),
        (np.array([{"a": 1}], object), IDS, "is not an array of numbers in NumPy's format"),  # a pickle
    ],
)
def test_other_files_are_errors(tmp_path, array, ids, message):
    write(tmp_path, "images", array, ids)
    with pytest.raises(VectorError, match=message):
        images_of(tmp_path)


def test_several_arrays_and_other_columns_are_errors(folder):
    pq.write_table(pa.table({"id": IDS}), folder / "images.parquet")
    with pytest.raises(VectorError, match="has no column record_id, only id; expected"):
        images_of(folder)
    with (folder / "images.npy").open("wb") as file:
        np.savez(file, a=IMAGES, b=IMAGES)
    with pytest.raises(VectorError, match="has several arrays; expected"):
        images_of(folder)


@pytest.mark.parametrize("name", ["images.npy", "images.parquet"])
def test_a_damaged_file_is_an_error(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:40])
    with pytest.raises(VectorError, match=rf"{name} (is not an array|cannot be read)"):
        images_of(folder)


@pytest.mark.parametrize("name", ["texts.npy", "texts.parquet"])
def test_a_missing_file_is_named_with_the_layout(folder, name):
    (folder / name).unlink()
    with pytest.raises(VectorError, match=rf"{name} is missing; expected images\.npy \(m, d\) with images\.parquet"):
        load_encoder(f"embeddings:{folder}").texts(pa.array(["a"]))


def test_a_folder_without_vectors_says_what_is_expected(tmp_path):
    with pytest.raises(VectorError, match=r"has neither images\.npy nor texts\.npy; expected"):
        load_encoder(f"embeddings:{tmp_path}")
    with pytest.raises(VectorError, match="there is no such folder"):
        load_encoder(f"embeddings:{tmp_path / 'none'}")


def test_the_towers_are_those_that_have_vectors(folder, tmp_path):
    assert load_encoder(f"embeddings:{folder}").towers == ("image", "text")
    (tmp_path / "alone").mkdir()
    for name in ("images.npy", "images.parquet"):
        (tmp_path / "alone" / name).write_bytes((folder / name).read_bytes())
    alone = load_encoder(f"embeddings:{tmp_path / 'alone'}")
    assert alone.towers == ("image",)
    assert has_tower(alone, "image")
    assert not has_tower(alone, "text")
