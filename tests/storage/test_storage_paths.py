"""One table of behaviours: a folder here, a store in memory and S3 behave alike."""

import numpy as np
import pyarrow as pa
import pytest
from object_store import BUCKET

from memometer.arrays import map_array, read_arrays, write_arrays
from memometer.errors import DamagedError, InputError
from memometer.files import atomic_path, create_file, hash_bytes, hash_file, read_json, write_json, write_text
from memometer.sealing import check_files, check_seal, is_whole, read_sealed_json, write_sealed_json
from memometer.storage.paths import StorePath, open_whole, path_of
from memometer.tables import open_table, read_table, write_table

KINDS = ("folder", "memory", "s3")


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    """An empty folder of each kind."""
    if request.param == "folder":
        return tmp_path / "place"
    if request.param == "memory":
        request.getfixturevalue("memory")
        return path_of("gs://bucket/place/")
    request.getfixturevalue("store")
    return path_of(f"s3://{BUCKET}/place")


def names(place):
    return [each.name for each in place.iterdir()] if place.exists() else []


def spoil(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def test_what_is_not_there(place):
    path = place / "a" / "b.npz"
    assert not path.exists()
    assert not path.is_file()
    assert not path.is_dir()
    assert read_arrays(path) is None
    assert not is_whole(path)
    for read in (type(path).read_bytes, hash_file, map_array, open_whole, open_table, read_json):
        with pytest.raises(FileNotFoundError):
            read(path)
    with pytest.raises(FileNotFoundError):
        path.unlink()
    path.unlink(missing_ok=True)


def test_what_is_written_is_there(place):
    write_text(place / "a" / "x.txt", "déjà")
    write_text(place / "a" / "y.txt", "")
    write_text(place / "z.txt", "z")
    assert (place / "a" / "x.txt").read_text(encoding="utf-8") == "déjà"
    assert (place / "a/y.txt").read_bytes() == b""
    assert (place / "a").is_dir()
    assert not (place / "a").is_file()
    assert (place / "z.txt").is_file()
    assert sorted(names(place)) == ["a", "z.txt"]
    assert sorted(str(each)[len(str(place)) :] for each in place.rglob("*.txt")) == ["/a/x.txt", "/a/y.txt", "/z.txt"]
    assert (place / "a" / "x.txt").parent == place / "a"
    assert ((place / "z.txt").suffix, (place / "z.txt").name) == (".txt", "z.txt")
    with (place / "z.txt").open("rb") as file:
        assert file.read() == b"z"


def test_the_last_write_counts_and_a_failed_one_does_not(place):
    path = place / "x"
    for text in ("one", "another", "one"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
        assert hash_file(path) == hash_bytes(text.encode())

    def fail_half_way():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text(encoding="utf-8") == "one"
    assert names(place) == ["x"]
    path.unlink()
    assert not path.exists()


def test_one_of_several_creates(place):
    path = place / "00012.claim-1"
    assert create_file(path, b"first")
    assert not create_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert names(place) == [path.name]
    path.unlink()
    assert create_file(path, b"third")


def test_arrays(place):
    path, arrays = place / "00000.npz", {"rows": np.arange(9), "reasons": np.array(["a", "déjà"])}
    write_arrays(path, arrays)
    found = read_arrays(path, ("rows",))
    assert found is not None
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert read_arrays(path, ("columns",)) is None
    assert check_seal(path)
    spoil(path)
    assert read_arrays(path) is None
    with pytest.raises(DamagedError, match="is damaged"):
        check_seal(path)


def test_arrays_have_the_same_bytes_everywhere(place, tmp_path):
    arrays = {"a": np.arange(6).reshape(2, 3)}
    write_arrays(place / "a.npz", arrays)
    write_arrays(tmp_path / "b.npz", arrays)
    assert (place / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_large_array_is_mapped(place):
    path, array = place / "vectors.npy", np.arange(12, dtype=np.float32).reshape(4, 3)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
    mapped = map_array(path)
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, array)
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"no array")
    with pytest.raises(DamagedError):
        map_array(path)


def test_json(place):
    write_json(place / "x.json", {"word": "déjà"})
    assert read_json(place / "x.json") == {"word": "déjà"}
    write_sealed_json(place / "y.json", {"n": 1})
    assert read_sealed_json(place / "y.json") == {"n": 1}
    spoil(place / "y.json")
    with pytest.raises(DamagedError):
        read_sealed_json(place / "y.json")


def test_noted_files(place):
    write_text(place / "x.txt", "x")
    noted = {"x.txt": hash_file(place / "x.txt")}
    check_files(place, noted)
    with pytest.raises(DamagedError, match="which is not in it"):
        check_files(place, {"../x.txt": ""})
    write_text(place / "x.txt", "y")
    with pytest.raises(DamagedError):
        check_files(place, noted)
    (place / "x.txt").unlink()
    with pytest.raises(DamagedError, match=r"lacks x\.txt"):
        check_files(place, noted)


def test_tables(place):
    table = pa.table({"id": [str(n) for n in range(1000)], "n": range(1000)})
    write_table(place / "t.parquet", table, row_group_size=300)
    assert read_table(place / "t.parquet") == table
    assert read_table(place / "t.parquet", ["n"]) == table.select(["n"])
    with pytest.raises(DamagedError, match="no column m"):
        read_table(place / "t.parquet", ["m"])
    with atomic_path(place / "t.parquet") as temporary:
        temporary.write_bytes(b"no table")
    with pytest.raises(DamagedError, match="cannot be read as Parquet"):
        read_table(place / "t.parquet")


def test_a_damaged_page_of_a_table_is_found(place):
    write_table(place / "t.parquet", pa.table({"n": np.arange(100_000) * 7919 % 100_003}))
    spoil(place / "t.parquet")
    with pytest.raises(DamagedError):
        read_table(place / "t.parquet")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a//b/./c/", "s3://bucket/a/b/c"),
        ("s3:/bucket/a", "s3://bucket/a"),
        ("s3://bucket/a/../../../b", "s3://bucket/b"),
        ("hf://datasets/someone/birds/data/", "hf://datasets/someone/birds/data"),
    ],
)
def test_an_address_has_one_form(given, address):
    assert str(path_of(given)) == address
    assert path_of(address) == path_of(given) == path_of(path_of(given))


def test_no_name_leads_out_of_a_bucket():
    place = path_of("s3://bucket/a")
    assert str(place / "../../other/x") == "s3://bucket/other/x"
    assert str(place / "b/1.png") == "s3://bucket/a/b/1.png"
    assert place.parent.parent.parent == path_of("s3://bucket")
    assert place.resolve() == place


@pytest.mark.parametrize("given", ["s3://", "gs:///a"])
def test_an_address_without_a_bucket(given):
    with pytest.raises(InputError, match="names no bucket"):
        path_of(given)


def test_a_hub_is_not_written():
    path = StorePath("hf://datasets/someone/birds/x.txt")
    for write in (lambda: write_text(path, "x"), lambda: create_file(path, b"x"), path.unlink):
        with pytest.raises(InputError, match=r"cannot be written: hubs are read alone"):
            write()
