"""The import as a job: the same bytes whatever the workers, a kill or a second run; objects from captions; the CLI."""

import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import invoke
from file_digests import file_digests
from import_sources import Imported, picture, put, records, rejects, sample, write_samples, write_tar

from memometer.cli import data_import
from memometer.data import import_records, importing, load_records
from memometer.data.assembling import Parts, write_records
from memometer.data.images import ImageRef, UnreadableImageError, read_image_bytes
from memometer.data.records import RECORD_SCHEMA
from memometer.data.verifying import PIECE_SCHEMA
from memometer.errors import InputError, RejectsError, SourceError

FLICKR8K = Path(__file__).parents[3] / "shared" / "data" / "flickr8k"


@pytest.fixture
def shards(tmp_path):
    """Four shards with a few bad samples; every other one holds a sample twice."""
    for shard in range(4):
        bad = sample(900 + shard, png=b"x") if shard % 2 else sample(shard * 10 + 1)
        write_samples(tmp_path / "shards" / f"{shard}.tar", range(shard * 10, shard * 10 + 10), bad)
    return tmp_path / "shards"


def import_all(source, out, **options):
    return import_records(source, out, max_rejects=0.2, **options)


def test_the_same_bytes_whatever_the_workers(shards, tmp_path):
    one = import_all(shards, tmp_path / "one", workers=0)
    two = import_all(shards, tmp_path / "two", workers=2)
    assert file_digests(tmp_path / "one") == file_digests(tmp_path / "two")
    assert set(file_digests(tmp_path / "one")) == {"records.parquet", "rejects.parquet", "import.json"}
    assert (one.n_records, one.reasons) == (two.n_records, two.reasons) == (40, {"duplicate id": 2, "not an image": 2})
    assert not (tmp_path / "two" / ".import").exists()


def test_killed_import_goes_on_to_the_same_bytes(tmp_path):
    large = picture(0, size=(400, 300))  # so that a shard takes long enough to be killed in the next one
    for shard in range(5):
        members = [sample(shard * 100 + row, png=large) for row in range(12)]
        write_samples(tmp_path / "shards" / f"{shard}.tar", [], *members)
    import_all(tmp_path / "shards", tmp_path / "whole")
    code = "import sys; from memometer.data import import_records\nimport_records(sys.argv[1], sys.argv[2], workers=1)"
    command = [sys.executable, "-c", code, str(tmp_path / "shards"), str(tmp_path / "killed")]
    process = subprocess.Popen(command, start_new_session=True)
    done = []
    deadline = time.monotonic() + 60
    while not done and time.monotonic() < deadline:
        done = list((tmp_path / "killed").glob(".import/*/*.records.parquet"))
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert done
    assert not (tmp_path / "killed" / "records.parquet").exists()
    stamps = {path: path.stat().st_mtime_ns for path in done}
    replaced = importing.write_records
    seen = {}

    def look(parts, path, **options):
        seen.update({piece: piece.stat().st_mtime_ns for piece in parts.records})
        return replaced(parts, path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "write_records", look)
        import_all(tmp_path / "shards", tmp_path / "killed")
    assert {path: seen[path] for path in done} == stamps, "finished pieces are not done again"
    assert file_digests(tmp_path / "killed") == file_digests(tmp_path / "whole")


def test_stopped_while_assembling_goes_on(shards, tmp_path, monkeypatch):
    import_all(shards, tmp_path / "whole")
    for step in ("write_rejects", "write_records", "_keep_vocabulary", "write_sealed_json"):

        def stop(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(importing, step, stop)
            with pytest.raises(KeyboardInterrupt):
                import_all(shards, tmp_path / "stopped", overwrite=step == "write_rejects")
    import_all(shards, tmp_path / "stopped")
    assert file_digests(tmp_path / "stopped") == file_digests(tmp_path / "whole")


def test_a_second_run_is_free(shards, tmp_path, monkeypatch, capsys):
    first = import_all(shards, tmp_path / "out")
    monkeypatch.setattr(importing, "_plan", None)
    assert import_all(shards, tmp_path / "out") == first
    assert "already holds this import" in capsys.readouterr().err


def test_other_records_are_not_replaced_unasked(shards, tmp_path):
    import_all(shards, tmp_path / "out", limit=5)
    before = file_digests(tmp_path / "out")
    with pytest.raises(InputError, match=r"already holds other records; choose another --out, .* --overwrite"):
        import_all(shards, tmp_path / "out")
    assert file_digests(tmp_path / "out") == before
    assert import_all(shards, tmp_path / "out", overwrite=True).n_records == 40
    (tmp_path / "out" / "import.json").unlink()  # such as the built-in scenes leave
    with pytest.raises(InputError, match="already holds other records"):
        import_all(shards, tmp_path / "out")


def test_a_changed_source_is_another_import(shards, tmp_path):
    import_all(shards, tmp_path / "out")
    write_samples(shards / "0.tar", [77])
    with pytest.raises(InputError, match="already holds other records"):
        import_all(shards, tmp_path / "out")


def test_overwriting_with_a_wrong_source_leaves_the_records(shards, tmp_path):
    import_all(shards, tmp_path / "out")
    before = file_digests(tmp_path / "out")
    (tmp_path / "gz.tar").write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(SourceError):
        import_records(tmp_path / "gz.tar", tmp_path / "out", overwrite=True)
    assert file_digests(tmp_path / "out") == before
    assert not (tmp_path / "out" / ".import").exists()


def test_overwriting_that_fails_leaves_no_old_records_beside_new_rejects(shards, tmp_path):
    import_all(shards, tmp_path / "out")
    write_samples(tmp_path / "bad.tar", [1], sample(2, json=None))
    with pytest.raises(RejectsError):
        import_records(tmp_path / "bad.tar", tmp_path / "out", overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_file()] == ["rejects.parquet"]


@pytest.mark.parametrize("limit", [1, 10, 11, 25, 40, 99])
def test_limit(shards, tmp_path, limit):
    summary = import_records(shards, tmp_path / "out", limit=limit, max_rejects=0.5)
    assert [row["record_id"] for row in records(tmp_path / "out")] == [f"s{n:04d}" for n in range(min(limit, 40))]
    assert summary.n_records == min(limit, 40)
    assert summary.reasons.get("duplicate id", 0) == (limit > 10) + (limit > 20)  # of shards that were read to the end
    assert summary.n_rejected == len(rejects(tmp_path / "out"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rejects": 5}, "expected 0 to 1"),
        ({"limit": 0}, "expected 1 record or more"),
        ({"objects": "both"}, "'auto', 'source' or 'captions'; got 'both'"),
        ({"vocabulary": "nouns.tsv"}, "no vocabulary at nouns.tsv"),
    ],
)
def test_contradicting_options(shards, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        import_records(shards, tmp_path / "out", **options)


def test_out_that_cannot_be_written(shards, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; --out names the folder"):
        import_records(shards, tmp_path / "file")
    (tmp_path / "parts" / "records.parquet").mkdir(parents=True)
    with pytest.raises(InputError, match=r"records.parquet is a folder"):
        import_records(shards, tmp_path / "parts", overwrite=True)


def test_row_groups_do_not_depend_on_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.data.assembling.ROW_GROUP", 7)
    row = dict.fromkeys(PIECE_SCHEMA.names) | {"captions": ["x"], "width": 1, "height": 1}
    rows = [row | {"record_id": str(n), "id_hash": n, "objects": ["a"] * (n % 3)} for n in range(30)]

    def written(sizes):
        starts = np.concatenate(([0], np.cumsum(sizes)))
        files = []
        for number, (start, stop) in enumerate(itertools.pairwise(starts)):
            files.append(tmp_path / f"{len(sizes)}-{number}.parquet")
            pq.write_table(pa.Table.from_pylist(rows[start:stop], schema=PIECE_SCHEMA), files[-1])
        counts = write_records(Parts.of(files, files, limit=None), tmp_path / "out.parquet")
        return (tmp_path / "out.parquet").read_bytes(), counts.summary()

    assert written([30]) == written([1, 0, 20, 2, 7]) == written([2] * 15)
    assert written([30])[1] == {
        "n_records": 30,
        "n_captions": 30,
        "n_without_captions": 0,
        "n_objects": 30,
        "n_without_objects": 10,
        "width": (1, 1, 1),
        "height": (1, 1, 1),
    }
    groups = pq.ParquetFile(tmp_path / "out.parquet").metadata
    assert [groups.row_group(group).num_rows for group in range(groups.num_row_groups)] == [7, 7, 7, 7, 2]
    assert pq.read_schema(tmp_path / "out.parquet") == RECORD_SCHEMA


def test_equal_hashes_of_other_ids_are_no_duplicates(tmp_path):
    row = dict.fromkeys(PIECE_SCHEMA.names)
    files = []
    for name, ids in (("one", ["a", "b", "c"]), ("two", ["d", "b", "a"])):
        files.append(tmp_path / name)
        rows = [row | {"record_id": id_, "id_hash": {"c": 7, "d": 7}.get(id_, ord(id_))} for id_ in ids]
        pq.write_table(pa.Table.from_pylist(rows, schema=PIECE_SCHEMA), files[-1])
    assert Parts.of(files, files, limit=None).keep.tolist() == [True, True, True, True, False, False]
    assert Parts.of(files, files, limit=5).keep.tolist() == [True, True, True, True, False, False]
    assert Parts.of(files, files, limit=2).keep.tolist() == [True, True, False, False, False, False]


# --- objects from captions ---


NOUNS = "cat\tcat cats kitten\ndog\tdog dogs\nskateboard\tskateboard\n"


@pytest.mark.parametrize(
    ("objects", "labelled", "found", "origin"),  # --objects, the source's labels, what is found, where it comes from
    [
        ("auto", ["sofa"], ["sofa"], "source"),
        ("auto", [], ["cat", "dog"], "captions"),
        ("auto", None, ["cat", "dog"], "captions"),
        ("captions", ["sofa"], ["cat", "dog"], "captions"),
        ("source", None, None, None),
    ],
)
def test_objects_from_captions(tmp_path, objects, labelled, found, origin):
    captions = {"captions": ["Two dogs run .", "a KITTEN and a dog"], "objects": labelled}
    if labelled is not None:
        captions |= {"boxes": [[0, 0, 1, 1]] * len(labelled), "scores": [0.5] * len(labelled)}
    source = write_tar(tmp_path / "0.tar", sample(1, json=json.dumps(captions).encode()))
    vocabulary = put(tmp_path / "nouns.tsv", NOUNS)
    made = Imported(source, tmp_path / "out", objects=objects, vocabulary=vocabulary)
    (row,) = made.rows
    assert (sorted(row["objects"]) if row["objects"] is not None else None) == found
    assert (row["boxes"] is None) == (origin != "source")
    assert made.objects_from == origin
    assert (tmp_path / "out" / "vocabulary.tsv").read_bytes() == vocabulary.read_bytes()


def test_objects_from_captions_by_the_built_in_vocabulary(tmp_path):
    source = write_tar(tmp_path / "0.tar", sample(1, json=None, txt=b"Two dogs on a surfboard"))
    assert Imported(source, tmp_path / "out", objects="captions").objects == {"s0001": ["dog", "surfboard"]}
    assert not (tmp_path / "out" / "vocabulary.tsv").exists()


def test_vocabulary_may_lie_where_it_is_kept(shards, tmp_path):
    kept = put(tmp_path / "out" / "vocabulary.tsv", NOUNS)
    import_all(shards, tmp_path / "out", vocabulary=kept)
    assert kept.read_text() == NOUNS
    import_all(shards, tmp_path / "out", overwrite=True)
    assert not kept.exists(), "a vocabulary of other records would mislead the audit"


# --- reading images back ---


def test_images_that_went_away_say_so(tmp_path):
    write_samples(tmp_path / "0.tar", range(3))
    import_records(tmp_path / "0.tar", tmp_path / "out")
    refs = list(load_records(tmp_path / "out").image_refs())
    os.truncate(tmp_path / "0.tar", refs[2].offset + 5)
    assert read_image_bytes(refs[1]) == picture(1)
    with pytest.raises(UnreadableImageError, match="ends before the image's last byte"):
        read_image_bytes(refs[2])
    pq.write_table(pa.table({"image": [picture(0), None]}), tmp_path / "t.parquet")
    for column, row, message in (("image", 1, "holds no bytes"), ("image", 2, "no row 2"), ("other", 0, "holds no")):
        with pytest.raises(UnreadableImageError, match=message):
            read_image_bytes(ImageRef(str(tmp_path / "t.parquet"), row=row, column=column))
    with pytest.raises(UnreadableImageError, match="unreadable image"):
        read_image_bytes(ImageRef(str(tmp_path / "0.tar"), row=0, column="image"))


# --- the command ---


run = functools.partial(invoke, data_import.command)


def test_command_prints_what_it_found(shards, tmp_path):
    result = run(shards, "--out", tmp_path / "out", "--max-rejects", "0.2", "--workers", "0")
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    for part in (
        "(webdataset, 4 files)",
        "records 40",
        "captions 80, 2.0 per record",
        "objects 80 from the source's labels, 2.0 per record",
        "image size 16 × 12 px",
        "rejected 4",
        "duplicate id 2",
        "not an image 2",
        "next: memometer data split",
    ):
        assert part in words
    assert "importing: 4 pieces" in result.stderr


def test_command_prints_json_and_takes_options(pictures):
    source = put(pictures / "t.csv", "img|a|b|o|n\n0.png|x|y|cat,dog|7\n")
    words = "--image-column img --caption-column b --caption-key a --objects-key o --objects-separator , --id-column n"
    words += " --separator | --workers 0 --json --format csv"
    result = run(source, "--out", pictures / "out", *words.split())
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert (summary["n_records"], summary["n_captions"], summary["n_objects"], summary["format"]) == (1, 2, 2, "csv")
    (row,) = records(pictures / "out")
    assert (row["record_id"], row["captions"], row["objects"]) == ("7", ["y", "x"], ["cat", "dog"])


def test_command_raises_sentences(tmp_path):
    result = run(tmp_path / "nowhere", "--out", tmp_path / "out")
    assert isinstance(result.exception, SourceError)


# --- real photographs ---


@pytest.mark.skipif(not FLICKR8K.is_dir(), reason="the Flickr8k shards are not here")
def test_flickr8k(tmp_path):
    summary = Imported(FLICKR8K / "00008.tar", tmp_path / "out", fields={"captions": ("caption",)}).summary
    assert (summary.n_records, summary.n_rejected, summary.n_captions, summary.width) == (91, 0, 91, (112, 112, 112))
