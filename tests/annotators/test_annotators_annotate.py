"""Records and an annotator → labelled records: what is written, counted, left out; killed and gone on with."""

import functools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_digests import file_digests
from kills import killed_at
from pictures import write_picture_records
from pixel_annotator import PixelAnnotator, expected

from memometer import InputError, annotate, load_records, split_records
from memometer.annotators import annotating
from memometer.annotators.labelling import Labels, write_labelled
from memometer.audits.guards import check_annotators
from memometer.data import Records
from memometer.data.beside import read_annotation
from memometer.data.checking import verify_records
from memometer.errors import DamagedError, RejectsError
from memometer.objects import boxes_of, label_union, object_sets


@pytest.fixture
def records(tmp_path):
    return write_picture_records(tmp_path / "records", 11)


def rows(folder):
    return pq.read_table(folder / "records.parquet").to_pylist()


@pytest.mark.parametrize("boxes", [True, False])
def test_every_record_gets_what_is_in_its_image(records, tmp_path, boxes):
    summary = annotate(records=records, with_=PixelAnnotator(boxes=boxes), out=tmp_path / "out", batch_size=4)
    found = rows(tmp_path / "out")
    assert [row["record_id"] for row in found] == [f"r{n:04d}" for n in range(11)]
    n = 0
    for row, source in zip(found, rows(records), strict=True):
        wanted = expected(records / source["image_path"], boxes=boxes)
        assert row["objects"] == [label for label, *_ in wanted]
        assert row["scores"] == pytest.approx([score for _, score, _ in wanted], abs=1e-6)
        if boxes:
            assert row["boxes"] == [box for *_, box in wanted]
        else:
            assert row["boxes"] is None
        assert row["captions"] == source["captions"]
        assert row["image_path"] == str(records.resolve() / source["image_path"])  # they stay where they are
        n += len(wanted)
    assert n > 10
    assert any(not row["objects"] for row in found)
    assert summary.n_objects == n
    assert summary.n_records == 11
    assert summary.n_without_objects == sum(not row["objects"] for row in found)
    assert summary.n_labels == (3 if boxes else 4)
    assert summary.boxes.keys() == ({"clipped to the image", "left out: beside the image"} if boxes else set())
    assert sum(summary.commonest.values()) == n
    loaded = load_records(tmp_path / "out")
    places = boxes_of(loaded.column("objects"), loaded.column("boxes"), loaded.column("scores"))
    assert len(places.labels) == n
    assert object_sets(loaded.column("objects"), labels=label_union([loaded.column("objects")])).sizes.sum() == n
    assert not verify_records(tmp_path / "out", workers=0).images.get("changed")


def test_clipped_and_left_out_boxes_are_counted(records, tmp_path):
    summary = annotate(records=records, with_=PixelAnnotator(), out=tmp_path / "out")
    every = [label for row in rows(records) for label, *_ in expected(records / row["image_path"], boxes=False)]
    assert summary.boxes == {
        "clipped to the image": every.count("green"),
        "left out: beside the image": every.count("blue"),
    }
    assert every.count("green")
    assert every.count("blue")


def test_images_that_cannot_be_read_are_counted_and_listed(tmp_path):
    records = write_picture_records(tmp_path / "records", 10, bad=(3,))
    with pytest.raises(RejectsError, match=r"1 of 10 records were rejected, 10.0%, more than the 5.0% allowed"):
        annotate(records=records, with_=PixelAnnotator(), out=tmp_path / "out")
    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert [reject["record_id"] for reject in rejects] == ["r0003"]
    assert rejects[0]["reason"].startswith("damaged image")
    assert rejects[0]["source"] == "pictures/0003.png"
    annotator = PixelAnnotator()
    summary = annotate(records=records, with_=annotator, out=tmp_path / "out", max_rejects=0.2)
    assert annotator.n_batches == 0  # what was found is kept
    assert summary.reasons == {"damaged image": 1}
    assert [row["record_id"] for row in rows(tmp_path / "out")] == [f"r{n:04d}" for n in range(10) if n != 3]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_no_byte(records, tmp_path, workers):
    alone, several = tmp_path / "alone", tmp_path / "several"
    annotate(records=records, with_=PixelAnnotator(), out=alone, batch_size=3)
    annotate(records=records, with_=PixelAnnotator(), out=several, batch_size=3, workers=workers)
    assert file_digests(alone) == file_digests(several)


def test_killed_before_any_operation_it_goes_on(records, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(annotating, "PIECE_SIZE", 4)
    shutil.copyfile(records / "records.parquet", tmp_path / "copy")
    (records / "vocabulary.tsv").write_text("red\tred\n")

    def work(name):
        return annotate(records=records, with_=PixelAnnotator(), out=tmp_path / name, batch_size=3)

    work("whole")
    whole = file_digests(tmp_path / "whole")
    assert whole.keys() == {"annotation.json", "records.parquet", "rejects.parquet", "vocabulary.tsv"}
    number = 1
    while killed_at(number, functools.partial(work, f"{number}")):
        work(f"{number}")
        assert file_digests(tmp_path / f"{number}") == whole, f"killed before operation {number}"
        number += 1
    assert number > 25


def test_a_finished_one_is_not_done_twice(records, tmp_path, capsys):
    first = annotate(records=records, with_=PixelAnnotator(), out=tmp_path / "out")
    before = file_digests(tmp_path / "out")
    annotator = PixelAnnotator()
    assert annotate(records=records, with_=annotator, out=tmp_path / "out") == first
    assert annotator.n_batches == 0
    assert "already holds these labels" in capsys.readouterr().err
    assert file_digests(tmp_path / "out") == before
    split_records(tmp_path / "out", "a=0.5,b=rest")  # roles are the user's: they stay
    assert annotate(records=records, with_=annotator, out=tmp_path / "out") == first
    assert load_records(tmp_path / "out", role="a")


def test_other_records_are_not_replaced_unasked(records, tmp_path):
    out = tmp_path / "out"
    annotate(records=records, with_=PixelAnnotator(), out=out)
    with pytest.raises(InputError, match="already holds other records; choose another --out, or replace them"):
        annotate(records=records, with_=PixelAnnotator(boxes=False), out=out)
    annotate(records=records, with_=PixelAnnotator(boxes=False), out=out, overwrite=True)
    assert all(row["boxes"] is None for row in rows(out))
    with pytest.raises(InputError, match="holds the records themselves"):
        annotate(records=records, with_=PixelAnnotator(), out=records)
    with pytest.raises(InputError, match="'out' is missing"):
        annotate(records=records, with_=PixelAnnotator())


def test_the_note_says_what_labelled_the_records(records, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("# colours\nred\nRed\ngreen\n")
    annotate(records=records, with_=PixelAnnotator(), out=tmp_path / "out", vocabulary=names, threshold=0.4)
    note = read_annotation(tmp_path / "out")
    assert note["annotator"] == {
        "spec": "pixels",
        "identity": "pixels, boxes: True",
        "weights_hashes": ["0" * 32],
        "kind": "pixels",
    }
    assert note["threshold"] == 0.4
    assert note["vocabulary"] == {
        "source": str(names),
        "n": 2,
        "n_merged": 1,
        "hash": note["vocabulary"]["hash"],
        "first": ["red", "green"],
    }
    content = json.loads((tmp_path / "out" / "annotation.json").read_text())
    (tmp_path / "out" / "annotation.json").write_text(json.dumps({**content, "threshold": 0.5}))
    with pytest.raises(DamagedError, match=r"annotation.json"):
        annotate(records=records, with_=PixelAnnotator(), out=tmp_path / "out", vocabulary=names, threshold=0.4)


def test_files_beside_the_records_come_along(records, tmp_path):
    (records / "vocabulary.tsv").write_text("red\tred scarlet\n")
    split_records(records, "a=0.5,b=rest", max_distance=2)
    annotate(records=records, with_=PixelAnnotator(), out=tmp_path / "out")
    for name in ("vocabulary.tsv", "split.json"):
        assert (tmp_path / "out" / name).read_bytes() == (records / name).read_bytes()
    assert read_annotation(tmp_path / "out")["files"].keys() == {"vocabulary.tsv"}
    assert {row["role"] for row in rows(tmp_path / "out")} == {"a", "b"}


def test_no_model_marks_its_own_work(records, tmp_path):
    annotate(records=records, with_=PixelAnnotator(), out=tmp_path / "out")
    labelled = load_records(tmp_path / "out")
    check_annotators({"weights_hash": "1" * 32}, [labelled])
    check_annotators({"weights_hash": None}, [labelled])
    check_annotators(None, [labelled, load_records(records)])
    with pytest.raises(InputError, match="are what pixels found in the images, and that is the model under test"):
        check_annotators({"weights_hash": "0" * 32}, [load_records(records), labelled])


def test_images_of_other_modes_and_shards_are_read_where_they_lie(tmp_path):
    from import_sources import write_samples

    from memometer.data import import_records

    import_records(write_samples(tmp_path / "a.tar", range(3)), tmp_path / "records")
    annotate(records=tmp_path / "records", with_=PixelAnnotator(), out=tmp_path / "deep" / "out")
    for ref in load_records(tmp_path / "deep" / "out").image_refs():
        assert Path(ref.path).samefile(tmp_path / "a.tar")


def test_images_in_buckets_stay_there(records, tmp_path):
    table = load_records(records).table
    paths = pa.array([f"s3://bucket/{row}.png" for row in range(table.num_rows)])
    there = Records(table.set_column(table.schema.get_field_index("image_path"), "image_path", paths), records)
    found = Labels(
        np.array([2, 5]), np.array([1, 0]), pa.array(["red"]), np.ones(1, np.float32), np.ones((1, 4), np.float32)
    )
    write_labelled(there, [found], tmp_path / "records.parquet", folder=tmp_path)
    assert [row["image_path"] for row in rows(tmp_path)] == ["s3://bucket/2.png", "s3://bucket/5.png"]
    assert [row["objects"] for row in rows(tmp_path)] == [["red"], []]


def test_nothing_to_label_is_an_error(tmp_path):
    with pytest.raises(Exception, match="no records at"):
        annotate(records=tmp_path / "none", with_=PixelAnnotator(), out=tmp_path / "out")


def test_one_thread_for_each_and_as_many_as_before_for_all():
    import concurrent.futures

    import torch

    from memometer.threads import one_thread

    def inside(_):
        with one_thread():
            return torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert set(pool.map(inside, range(50))) == {1}
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _: torch.get_num_threads(), range(4))) == {3}
        assert inside(0) == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert np.isfinite(before)
