import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_digests import file_digests
from pictures import PixelEncoder, to_pixels, write_picture_records
from PIL import Image

from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.records import Records, load_records
from memometer.embeddings import StoredVectors, mean_captions, mean_views, means
from memometer.errors import InputError, VectorError
from memometer.seeds import rng_for

N = 20
VIEWS = {"augmentation": AUGMENTATIONS["ssl"], "draws": 3, "seed": 5, "batch_size": 12}


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(means, "PIECE_SIZE", 6)


def unit(vectors):
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def views_by_hand(folder, rows):
    """The definition in plain loops: the mean of the normalised embeddings of three views each."""
    found = []
    for row in rows:
        image = Image.open(folder / "pictures" / f"{row:04d}.png")
        rng = rng_for(5, "views", f"r{row:04d}")
        views = [AUGMENTATIONS["ssl"](image, rng) for _ in range(3)]
        pixels = np.stack([to_pixels(Image.fromarray(view.transpose(1, 2, 0))) for view in views])
        found.append(unit(PixelEncoder().encode_images(pixels)).mean(axis=0))
    return np.array(found)


def test_means_of_views_are_those_of_a_plain_loop(tmp_path, small_pieces):
    folder = write_picture_records(tmp_path / "records", N, bad={0, 7, 8})
    found = mean_views(load_records(folder), PixelEncoder(), store=tmp_path / "store", **VIEWS)
    kept = [row for row in range(N) if row not in {0, 7, 8}]
    assert found.vectors.record_ids.to_pylist() == [f"r{row:04d}" for row in kept]
    np.testing.assert_allclose(found.vectors.raw(slice(None)), views_by_hand(folder, kept), atol=1e-6)
    assert [record_id for record_id, _ in found.rejects] == ["r0000", "r0007", "r0008"]
    assert all("damaged image" in reason for _, reason in found.rejects)
    lengths = np.linalg.norm(found.vectors.raw(slice(None)), axis=1)
    assert lengths.min() < 0.99  # means of several directions, not normalised again


def test_workers_and_the_order_of_records_change_nothing(tmp_path, small_pieces):
    records = load_records(write_picture_records(tmp_path / "records", N, bad={3}))
    for name, workers in (("one", 0), ("many", 1)):
        mean_views(records, PixelEncoder(), store=tmp_path / name, workers=workers, **VIEWS)
    assert file_digests(tmp_path / "one") == file_digests(tmp_path / "many")
    there, back = (
        mean_views(each, PixelEncoder(), store=tmp_path / "order", **VIEWS)
        for each in (records, records.take(list(range(N))[::-1]))
    )
    ids = there.vectors.record_ids
    np.testing.assert_array_equal(back.vectors.select(ids).raw(slice(None)), there.vectors.raw(slice(None)))


@pytest.mark.parametrize("tower", ["encode_images", "encode_texts"])
def test_a_job_that_stopped_goes_on_at_its_piece_and_ends_with_the_same_bytes(tmp_path, small_pieces, tower):
    class Stops(PixelEncoder):
        """Gives up after some batches, as a killed job does."""

        left = 3

    def encode(self, inputs):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return getattr(PixelEncoder, tower)(self, inputs)

    setattr(Stops, tower, encode)
    records = load_records(write_picture_records(tmp_path / "records", N, bad={9}))

    def run(encoder, store):
        if tower == "encode_images":
            return mean_views(records, encoder, store=store, **VIEWS)
        return mean_captions(records, encoder, captions=2, store=store, batch_size=8)

    with pytest.raises(KeyboardInterrupt):
        run(Stops(), tmp_path / "stopped")
    assert len(list((tmp_path / "stopped").rglob("*.npz"))) == 1
    run(PixelEncoder(), tmp_path / "stopped")
    run(PixelEncoder(), tmp_path / "whole")
    assert file_digests(tmp_path / "stopped") == file_digests(tmp_path / "whole")
    never = Stops()
    never.left = 0
    run(never, tmp_path / "whole")  # all is there: nothing is embedded


def test_what_decides_the_vectors_names_them(tmp_path):
    class Other(PixelEncoder):
        identity = "other"

    records = load_records(write_picture_records(tmp_path / "records", 4))
    changes = [{}, {"draws": 2}, {"seed": 6}, {"augmentation": AUGMENTATIONS["clip"]}, {"batch_size": 3}]
    for change in changes:
        mean_views(records, PixelEncoder(), store=tmp_path / "store", **{**VIEWS, **change})
    mean_views(records, Other(), store=tmp_path / "store", **VIEWS)
    mean_captions(records, PixelEncoder(), store=tmp_path / "store")
    mean_captions(records, PixelEncoder(), captions=2, store=tmp_path / "store")
    assert len(list((tmp_path / "store").iterdir())) == len(changes) + 3


def test_an_augmentation_without_chance_draws_one_view(tmp_path):
    class Counts(PixelEncoder):
        seen = 0

        def encode_images(self, pixels):
            Counts.seen += len(pixels)
            return super().encode_images(pixels)

    records = load_records(write_picture_records(tmp_path / "records", 4))
    found = mean_views(records, Counts(), store=tmp_path / "store", **{**VIEWS, "augmentation": AUGMENTATIONS["none"]})
    assert Counts.seen == 4
    np.testing.assert_allclose(np.linalg.norm(found.vectors.raw(slice(None)), axis=1), 1, rtol=1e-6)


def some_captions(folder):
    """Records of no, one, two and three captions in turn."""
    path = write_picture_records(folder, N) / "records.parquet"
    table = pq.read_table(path).to_pydict()
    table["captions"] = [[f"words {row} {number}" for number in range(row % 4)] for row in range(N)]
    pq.write_table(pa.table(table), path)
    return load_records(folder), table["captions"]


def test_means_of_captions_take_what_a_record_has_and_reject_what_has_none(tmp_path, small_pieces):
    records, captions = some_captions(tmp_path / "records")
    for most in (1, 2, 5):
        found = mean_captions(records, PixelEncoder(), captions=most, store=tmp_path / "store", batch_size=7)
        expected = [unit(PixelEncoder().encode_texts(each[:most])).mean(axis=0) for each in captions if each]
        np.testing.assert_allclose(found.vectors.raw(slice(None)), expected, atol=1e-6)
        assert found.rejects == tuple((f"r{row:04d}", "no caption") for row in range(0, N, 4))


def write_vectors(folder, ids, texts_of, *, seed=0):
    """Vectors of images and of every caption, in a shuffled order."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for kind, names in (("images", list(ids)), ("texts", [name for name, n in texts_of.items() for _ in range(n)])):
        np.save(folder / f"{kind}.npy", rng.standard_normal((len(names), 5)).astype(np.float32))
        pq.write_table(pa.table({"record_id": pa.array(names, pa.string())}), folder / f"{kind}.parquet")
    return StoredVectors(folder)


def test_stored_vectors_stand_for_the_views_and_their_captions_are_averaged(tmp_path, small_pieces):
    records, captions = some_captions(tmp_path / "records")
    ids = records.record_ids.to_pylist()
    counts = dict(zip(ids, map(len, captions), strict=True))
    stored = write_vectors(tmp_path / "vectors", ids[::-1], counts)
    images = mean_views(records, stored, store=tmp_path / "store", **VIEWS)
    np.testing.assert_allclose(
        images.vectors.raw(slice(None)), unit(np.load(stored.folder / "images.npy"))[::-1], atol=1e-6
    )
    texts = np.split(unit(np.load(stored.folder / "texts.npy")), np.cumsum(list(counts.values()))[:-1])
    for most in (1, 2, 3):
        found = mean_captions(records, stored, captions=most, store=tmp_path / "store")
        expected = [each[:most].mean(axis=0) for each in texts if len(each)]
        np.testing.assert_allclose(found.vectors.raw(slice(None)), expected, atol=1e-6)
        assert len(found.rejects) == 5


@pytest.mark.parametrize(("bad", "reason"), [(0.0, "a zero vector"), (np.nan, "a vector that is not finite")])
def test_a_vector_without_direction_is_a_reject(tmp_path, bad, reason):
    records = load_records(write_picture_records(tmp_path / "records", 6))
    ids = records.record_ids.to_pylist()
    stored = write_vectors(tmp_path / "vectors", ids, dict.fromkeys(ids, 2))
    for kind, row in (("images", 2), ("texts", 9)):  # record 2's image, record 4's second caption
        vectors = np.load(stored.folder / f"{kind}.npy")
        vectors[row] = bad
        np.save(stored.folder / f"{kind}.npy", vectors)
    assert mean_views(records, stored, store=tmp_path / "s", **VIEWS).rejects == (("r0002", reason),)
    assert mean_captions(records, stored, captions=2, store=tmp_path / "s").rejects == (("r0004", reason),)
    assert mean_captions(records, stored, store=tmp_path / "s").rejects == ()

    class Silent(PixelEncoder):
        def encode_texts(self, texts):
            return np.full((len(texts), 5), bad, np.float32)

    nothing = mean_captions(records, Silent(), store=tmp_path / "silent")
    assert len(nothing.rejects) == 6
    assert len(nothing.vectors) == 0


def test_wrong_input_is_a_sentence(tmp_path):
    class Broken(PixelEncoder):
        def encode_images(self, pixels):
            return super().encode_images(pixels)[:1]

    records: Records = load_records(write_picture_records(tmp_path / "records", 2))
    with pytest.raises(VectorError, match=r"shape \(1, 5\) .* for 6 inputs"):
        mean_views(records, Broken(), store=tmp_path / "store", **VIEWS)
    with pytest.raises(InputError, match="0 views per record"):
        mean_views(records, PixelEncoder(), store=tmp_path / "store", **{**VIEWS, "draws": 0})
    with pytest.raises(InputError, match="0 captions per record"):
        mean_captions(records, PixelEncoder(), captions=0, store=tmp_path / "store")
    stored = write_vectors(tmp_path / "vectors", ["r0000"], {"r0000": 1, "r0001": 1})
    with pytest.raises(VectorError, match="1 of 2 records have no vector in images"):
        mean_views(records, stored, store=tmp_path / "store", **VIEWS)
