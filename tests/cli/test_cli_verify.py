"""``memometer data verify``: what of a folder of records is not what was imported."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clip_training import flipped
from commands import invoke
from import_sources import picture, write_samples

from memometer.cli.data_verify import command
from memometer.data import import_records, load_records, make_scenes, split_records
from memometer.data.beside import vocabulary_beside
from memometer.data.checking import verify_records
from memometer.errors import DamagedError, SourceError

N = 6


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(N):
        (folder / f"{number}.png").write_bytes(picture(number))
        (folder / f"{number}.txt").write_text(f"picture {number}")
    import_records(folder, tmp_path / "records")
    return folder


def test_what_was_imported_is_as_it_was(source, tmp_path):
    split_records(tmp_path / "records", {"a": 3, "b": "rest"})
    done = invoke(command, tmp_path / "records")
    assert done.exit_code == 0, done.output
    assert f"images same: {N}\nall {N} records are as they were written" in done.output
    found = json.loads(invoke(command, tmp_path / "records", "--json").stdout)
    assert found["images"] == {"same": N}
    assert set(found["files"].values()) == {"whole"}
    assert set(found["files"]) == {"records.parquet", "rejects.parquet", "import.json", "split.json"}
    assert (found["n_records"], found["differs"], found["differing"]) == (N, False, [])


@pytest.mark.parametrize("workers", [0, 1])
def test_images_that_changed_or_went_are_counted_and_named(source, tmp_path, monkeypatch, workers):
    monkeypatch.setattr("memometer.data.checking.FEW", 0)
    (source / "1.png").write_bytes(picture(99))
    flipped(source / "2.png")
    (source / "4.png").unlink()
    found = verify_records(tmp_path / "records", workers=workers)
    assert found.images == {"same": N - 3, "changed since the import": 2, "missing image": 1}
    assert [(record_id, kind) for record_id, kind, _ in found.differing] == [
        ("1", "changed since the import"),
        ("2", "changed since the import"),
        ("4", "missing image"),
    ]
    assert str(source / "1.png") in found.differing[0][2]
    done = invoke(command, tmp_path / "records", "--workers", workers)
    assert done.exit_code == 1
    assert "images changed since the import: 2\n  1: changed since the import: " in done.output


def test_a_damaged_shard_costs_the_images_in_it(tmp_path):
    shard = write_samples(tmp_path / "a.tar", range(3))
    import_records(shard, tmp_path / "records")
    content = shard.read_bytes()
    place = content.index(picture(1)) + 40
    shard.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert verify_records(tmp_path / "records").images == {"same": 2, "changed since the import": 1}


@pytest.mark.parametrize("name", ["records.parquet", "rejects.parquet", "import.json", "vocabulary.tsv"])
def test_a_damaged_file_is_named(source, tmp_path, name):
    words = tmp_path / "words.tsv"
    words.write_text("picture\tpicture pictures\n")
    import_records(source, tmp_path / "again", objects="captions", vocabulary=words)
    assert not verify_records(tmp_path / "again").differs
    flipped(tmp_path / "again" / name)
    found = verify_records(tmp_path / "again")
    assert found.differs
    state = found.files["import.json" if name == "vocabulary.tsv" else name]
    assert state.startswith("damaged: ")
    assert name in state
    assert invoke(command, tmp_path / "again").exit_code == 1
    if name == "vocabulary.tsv":
        with pytest.raises(DamagedError, match=r"vocabulary\.tsv is damaged.*pass --vocabulary"):
            vocabulary_beside(tmp_path / "again")


def test_scenes_are_verified_too(tmp_path):
    make_scenes(tmp_path / "scenes", n=4, size=32, miscaptioned=2)
    found = verify_records(tmp_path / "scenes")
    assert not found.differs
    assert set(found.files) == {"records.parquet", "planted.parquet", "scenes.json"}
    assert vocabulary_beside(tmp_path / "scenes") == tmp_path / "scenes" / "vocabulary.tsv"


def test_records_made_by_hand_have_nothing_to_be_compared_with(source, tmp_path):
    table = load_records(tmp_path / "records").table.drop_columns("image_hash")
    other = tmp_path / "by-hand"
    (other / "records.parquet").mkdir(parents=True)
    paths = [None, *(str(source / f"{number}.png") for number in range(1, N))]
    table = table.set_column(table.schema.get_field_index("image_path"), "image_path", pa.array(paths, pa.string()))
    pq.write_table(table.slice(0, 2), other / "records.parquet" / "0.parquet")
    pq.write_table(table.slice(2), other / "records.parquet" / "1.parquet")
    found = verify_records(other)
    assert found.images == {"without a hash": N - 1, "no image": 1}
    assert found.files == {
        "records.parquet/0.parquet": "without a checksum",
        "records.parquet/1.parquet": "without a checksum",
    }
    assert not found.differs


def test_no_records_are_a_sentence(tmp_path):
    with pytest.raises(SourceError, match="no records at"):
        verify_records(tmp_path)
