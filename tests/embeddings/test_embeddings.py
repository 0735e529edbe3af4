import warnings

import numpy as np
import pyarrow as pa
import pytest
import warm_processes
from file_digests import file_digests
from pictures import PixelEncoder, to_pixels, write_picture_records
from PIL import Image

from memometer.data.records import load_records
from memometer.embeddings import Embeddings, embed, embed_images, embed_texts, normalise
from memometer.embeddings.vectors import check_output
from memometer.errors import VectorError

N = 50


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(embed, "PIECE_SIZE", 16)


def expected_vectors(folder, rows):
    pixels = [to_pixels(Image.open(folder / "pictures" / f"{row:04d}.png")) for row in rows]
    return normalise(PixelEncoder().encode_images(np.stack(pixels)))


def test_vectors_are_those_of_the_encoder_in_record_order(tmp_path, small_pieces):
    folder = write_picture_records(tmp_path / "records", N)
    records = load_records(folder)
    images = embed_images(records, PixelEncoder(), store=tmp_path / "store", batch_size=5)
    np.testing.assert_allclose(images.embeddings[:], expected_vectors(folder, range(N)), atol=1e-6)
    assert images.embeddings.record_ids.equals(records.record_ids)
    assert len(list((tmp_path / "store" / images.key).glob("*.npy"))) == 4  # 16 + 16 + 16 + 2
    texts = embed_texts(records, PixelEncoder(), store=tmp_path / "store", caption=2, batch_size=7)
    again = normalise(PixelEncoder().encode_texts([f"again {row}" for row in range(N)]))
    np.testing.assert_allclose(texts.embeddings[:], again, atol=1e-6)


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_no_byte(tmp_path, small_pieces, workers):
    records = load_records(write_picture_records(tmp_path / "records", N, bad={3, 20}))
    for name, count in (("one", 0), ("many", workers)):
        embed_images(records, PixelEncoder(), store=tmp_path / name, workers=count, batch_size=5)
    assert file_digests(tmp_path / "one") == file_digests(tmp_path / "many")


def test_a_bad_image_is_a_reject_and_the_rest_goes_on(tmp_path, small_pieces):
    folder = write_picture_records(tmp_path / "records", N, bad={0, 17})
    (folder / "pictures" / "0030.png").unlink()
    embedded = embed_images(load_records(folder), PixelEncoder(), store=tmp_path / "store", batch_size=5)
    assert [record_id for record_id, _ in embedded.rejects] == ["r0000", "r0017", "r0030"]
    assert "damaged image" in embedded.rejects[0][1]
    assert "missing image" in embedded.rejects[2][1]
    rest = [row for row in range(N) if row not in {0, 17, 30}]
    assert embedded.embeddings.record_ids.to_pylist() == [f"r{row:04d}" for row in rest]
    np.testing.assert_allclose(embedded.embeddings[:], expected_vectors(folder, rest), atol=1e-6)


def test_decoding_in_threads_leaves_the_warnings_filters_alone(tmp_path):
    records = load_records(write_picture_records(tmp_path / "records", 200))
    before = list(warnings.filters)
    embed_images(records, PixelEncoder(), store=tmp_path / "store", batch_size=100)
    assert warnings.filters == before


def test_a_second_run_embeds_nothing(tmp_path, small_pieces):
    class Never(PixelEncoder):
        def encode_images(self, pixels):
            raise AssertionError("embedded again")

    records = load_records(write_picture_records(tmp_path / "records", N))
    first = embed_images(records, PixelEncoder(), store=tmp_path / "store")
    second = embed_images(records, Never(), store=tmp_path / "store")
    np.testing.assert_array_equal(first.embeddings[:], second.embeddings[:])


def test_another_model_or_another_image_is_embedded_anew(tmp_path):
    class Other(PixelEncoder):
        identity = "other"

    folder = write_picture_records(tmp_path / "records", 4)
    keys = {
        embed_images(load_records(folder), encoder, store=tmp_path / "s").key for encoder in (PixelEncoder(), Other())
    }
    assert len(keys) == 2
    assert embed_images(load_records(folder).take([1, 0, 2, 3]), PixelEncoder(), store=tmp_path / "s").key not in keys


def embed_in_pieces(folder, name, pause):
    """Pieces of 16 records, with a pause in each batch."""
    embed.PIECE_SIZE = 16
    records = load_records(folder / "records")
    embed_images(records, PixelEncoder(pause), store=folder / name, workers=1, batch_size=4)


def test_a_job_killed_in_the_middle_goes_on_and_ends_with_the_same_bytes(tmp_path):
    write_picture_records(tmp_path / "records", N, bad={5})

    def started(name, *, pause):
        return warm_processes.start(embed_in_pieces, tmp_path, name, pause, log=tmp_path / "log")

    def two_pieces_are_there():
        return len(list((tmp_path / "killed").rglob("*.npz"))) >= 2

    warm_processes.kill_once(started("killed", pause=0.1), two_pieces_are_there)
    (store,) = (tmp_path / "killed").iterdir()
    assert 2 <= len(list(store.glob("*.npz"))) < 4
    # What a kill in the very moment of writing leaves behind: large arrays of a piece that does not count yet.
    (store / "00003.vectors.npy").write_bytes((store / "00001.vectors.npy").read_bytes())
    stamps = {path.name: path.stat().st_mtime_ns for path in store.glob("0000[01].*")}
    assert len(stamps) == 4
    for name in ("killed", "whole"):
        process = started(name, pause=0)
        process.join()
        assert process.exitcode == 0, (tmp_path / "log").read_text()
    litter = {name for name in file_digests(tmp_path / "killed") if name.endswith(".tmp")}
    killed = {name: data for name, data in file_digests(tmp_path / "killed").items() if name not in litter}
    assert killed == file_digests(tmp_path / "whole")
    assert {path.name: path.stat().st_mtime_ns for path in store.glob("0000[01].*")} == stamps


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_vector_without_direction_is_named(bad):
    vectors = np.ones((3, 2), np.float32)
    vectors[1] = bad
    embeddings = Embeddings(pa.array(["x", "y", "z"]), (vectors,), np.array([0, 3]), None, 2, "images of m")
    with pytest.raises(VectorError, match=r"images of m: the vector of record 'y' is (zero|not finite)"):
        embeddings[0:3]


def test_selected_rows_are_read_from_several_pieces():
    rng = np.random.default_rng(0)
    pieces = (rng.standard_normal((3, 4)), rng.standard_normal((2, 4)))
    embeddings = Embeddings(pa.array(list("abcde")), pieces, np.array([0, 3, 5]), None, 4, "v")
    whole = normalise(np.concatenate(pieces))
    np.testing.assert_array_equal(embeddings[1:5], whole[1:5])
    chosen = embeddings.select(pa.array(["e", "a", "d"]))
    np.testing.assert_array_equal(chosen[0:3], whole[[4, 0, 3]])
    np.testing.assert_array_equal(chosen.select(pa.array(["d", "e"]))[:], whole[[3, 4]])
    with pytest.raises(VectorError, match="no vector for record 'q'"):
        embeddings.select(pa.array(["a", "q"]))


def test_an_encoder_that_gives_another_number_of_vectors_is_told():
    with pytest.raises(VectorError, match=r"shape \(2, 3\) and type float64 for 4 inputs; expected \(4, d\)"):
        check_output(np.zeros((2, 3)), 4)
