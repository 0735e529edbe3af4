"""An image that is not the one that was imported is measured nowhere, and said to have changed everywhere."""

import dataclasses
import functools
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import picture, write, write_rows, write_tar
from model_factory import tiny_architecture
from pictures import PixelEncoder

from memometer.data import import_records, load_records
from memometer.data.augmentation import Augmentation
from memometer.data.images import UnreadableImageError, open_image, read_or_reason
from memometer.embeddings import embed, embed_images
from memometer.embeddings.means import mean_views
from memometer.embeddings.mended import any_mended
from memometer.embeddings.views import view_batches
from memometer.errors import JobError
from memometer.pieces import in_pieces, packed_rejects
from memometer.references.crop_batches import crop_batches
from memometer.runs.thumbnails import thumbnail
from memometer.training import TrainConfig, train
from memometer.training.samples import CachedImages, EpochBatches

N, CHANGED = 6, 3


def of_files(folder):
    files = {f"{n}.{suffix}": data for n in range(N) for suffix, data in _members(n)}
    return write(folder / "pictures", files), folder / "pictures" / f"{CHANGED}.bmp"


def of_tar(folder):
    members = [(f"s{number}.{suffix}", data) for number in range(N) for suffix, data in _members(number)]
    return write_tar(folder / "a.tar", members), folder / "a.tar"


def _members(number):
    return (("bmp", picture(number, format="BMP")), ("txt", f"picture {number}".encode()))


def of_parquet(folder):
    rows = [
        {"image": {"bytes": picture(n, format="BMP"), "path": f"{n}.bmp"}, "caption": f"picture {n}"} for n in range(N)
    ]
    path = write_rows(folder / "a.parquet", rows)
    return path, path


@pytest.fixture(params=[of_files, of_tar, of_parquet])
def changed(request, tmp_path):
    """Imported records; another picture of the same size has since taken the place of one."""
    source, path = request.param(tmp_path / "source")
    import_records(source, tmp_path / "records")
    records = load_records(tmp_path / "records")
    if path.suffix == ".parquet":
        table = pq.read_table(path).to_pylist()
        table[CHANGED]["image"]["bytes"] = picture(99, format="BMP")
        pq.write_table(pa.Table.from_pylist(table), path)
    else:
        content = path.read_bytes()
        assert content.count(picture(CHANGED, format="BMP")) == 1
        path.write_bytes(content.replace(picture(CHANGED, format="BMP"), picture(99, format="BMP")))
    return records


def name(records):
    return records.record_ids[CHANGED].as_py()


def test_it_cannot_be_opened(changed):
    refs = list(changed.image_refs())
    with pytest.raises(UnreadableImageError, match=r"^changed since the import: .*source"):
        open_image(refs[CHANGED])
    assert all(open_image(ref).size == (16, 12) for place, ref in enumerate(refs) if place != CHANGED)


@pytest.mark.parametrize("workers", [0, 1])
def test_it_is_a_reject_of_embeddings(changed, tmp_path, workers):
    found = embed_images(changed, PixelEncoder(), store=tmp_path / "store", batch_size=4, workers=workers)
    ((record_id, reason),) = found.rejects
    assert (record_id, reason.partition(":")[0]) == (name(changed), "changed since the import")
    assert name(changed) not in found.embeddings.record_ids.to_pylist()
    assert len(found.embeddings) == N - 1


@pytest.fixture
def restorable(tmp_path):
    """Imported records, and the file of one of their images."""
    source, path = of_files(tmp_path / "source")
    import_records(source, tmp_path / "records")
    return load_records(tmp_path / "records"), path


def test_it_is_measured_once_it_is_restored(restorable, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "PIECE_SIZE", 2)
    records, path = restorable
    whole = embed_images(records, PixelEncoder(), store=tmp_path / "whole").embeddings[:]
    content = path.read_bytes()
    for taken in (picture(99), None):
        path.unlink() if taken is None else path.write_bytes(taken)
        for _ in range(2):
            found = embed_images(records, PixelEncoder(), store=tmp_path / "store")
            assert [record_id for record_id, _ in found.rejects] == [name(records)]
        path.write_bytes(content)
        found = embed_images(records, PixelEncoder(), store=tmp_path / "store")
        assert not found.rejects
        np.testing.assert_array_equal(found.embeddings[:], whole)
        means = mean_views(
            records, PixelEncoder(), augmentation=Augmentation(), draws=1, seed=0, store=tmp_path / "store"
        )
        assert not means.rejects
        shutil.rmtree(tmp_path / "store")


def test_what_layers_answer_is_read_again_once_it_is_restored(restorable, tmp_path):
    records, path = restorable

    def make(span):
        read = {row: read_or_reason(ref) for row, ref in enumerate(records.image_refs(*span), start=span[0])}
        return packed_rejects((row, found) for row, found in read.items() if isinstance(found, str))

    def rejected():
        pieces = in_pieces(tmp_path / "store", n=N, make=make, stale=functools.partial(any_mended, records))
        return [row for row, _ in pieces.rejects()]

    content = path.read_bytes()
    path.unlink()
    assert [rejected(), rejected()] == [[CHANGED], [CHANGED]]
    path.write_bytes(content)
    assert [rejected(), rejected()] == [[], []]


def test_it_is_a_reject_of_views_and_means(changed, tmp_path):
    encoder = PixelEncoder()
    given = {"augmentation": Augmentation(), "draws": 1, "seed": 0, "batch_size": 4}
    batches = list(view_batches(changed, encoder.preprocess, **given))
    rejects = [reject for batch in batches for reject in batch.rejects]
    assert [(row, reason[:7]) for row, reason in rejects] == [(CHANGED, "changed")]
    means = mean_views(changed, encoder, store=tmp_path / "store", **given)
    assert [(record_id, reason[:7]) for record_id, reason in means.rejects] == [(name(changed), "changed")]


def test_it_is_a_reject_of_crops(changed):
    crops = np.tile([0, 0, 8, 8], (N, 1))
    (batch,) = crop_batches(
        changed, crops=crops, batches=[(None, np.arange(N))], preprocess=PixelEncoder.preprocess, workers=0
    )
    assert [(row, reason[:7]) for row, reason in batch.rejects] == [(CHANGED, "changed")]


def test_it_has_no_thumbnail(changed):
    assert [thumbnail(changed, row) is None for row in range(N)] == [row == CHANGED for row in range(N)]


def test_it_stops_a_training(changed):
    images = CachedImages(changed, cache_bytes=0)
    with pytest.raises(JobError, match=rf"'{name(changed)}' cannot be read: changed since the import: .*import the"):
        images._image(CHANGED, name(changed))


def training_without_it(changed, folder, **options):
    """A training with the changed record in no batch of the first epoch, nor of the second, of a tiny model."""
    (folder / "tiny.json").write_text(json.dumps(tiny_architecture().config))
    batches = {seed: EpochBatches(n=N, batch_size=N - 1, epochs=range(1), seed=seed) for seed in range(60)}
    for each in batches.values():
        rows = {row for batch in each for _, row in batch}
        assert each.left_over().tolist() == sorted(set(range(N)) - rows)
    both = {seed: dataclasses.replace(each, epochs=range(2)) for seed, each in batches.items()}
    seed = next(seed for seed, each in both.items() if each.left_over().tolist() == [CHANGED])
    config = {"records": changed.folder, "model": str(folder / "tiny.json"), "batch_size": N - 1, "seed": seed}
    return TrainConfig.checked(**config, device="cpu", out=folder / "model", **options)


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        *[(source, {"epochs": 1}) for source in (of_files, of_tar, of_parquet)],
        (of_files, {"epochs": 3, "checkpoint_epochs": "2"}),  # a later epoch may have it: too late for the copy
    ],
    indirect=["changed"],
)
def test_it_stops_a_training_before_a_manifest_vouches_for_it(changed, options, tmp_path):
    """Also where it was in no batch."""
    config = training_without_it(changed, tmp_path, **options)
    with pytest.raises(JobError, match=rf"'{name(changed)}' cannot be read: changed since the import"):
        train(config)
    assert not list((tmp_path / "model").rglob("manifest.json"))


@pytest.mark.parametrize("changed", [of_files], indirect=True)
def test_copies_read_the_records_of_no_batch_once_and_change_no_weight(changed, tmp_path, monkeypatch):
    rest, read = [], CachedImages.read
    monkeypatch.setattr(CachedImages, "read", lambda self, rows: rest.append(list(rows)) or read(self, rows))
    config = training_without_it(without_hashes(changed, tmp_path), tmp_path, epochs=2)
    plain = train(config)
    copies = train(config.model_copy(update={"out": tmp_path / "copies", "checkpoint_epochs": (1, 2)}))
    assert copies.manifest["model"]["weights_hash"] == plain.manifest["model"]["weights_hash"]
    assert rest == [[CHANGED], [CHANGED]]


def without_hashes(changed, folder):
    column = changed.table.schema.get_field_index("image_hash")
    table = changed.table.set_column(column, "image_hash", pa.nulls(N, pa.string()))
    pq.write_table(table, folder / "records" / "records.parquet")
    return load_records(folder / "records")


def test_records_without_a_hash_are_not_compared(changed, tmp_path):
    records = without_hashes(changed, tmp_path)
    assert not embed_images(records, PixelEncoder(), store=tmp_path / "store").rejects
