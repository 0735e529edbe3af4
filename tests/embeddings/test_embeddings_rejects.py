"""Vectors without direction, of images and of captions, are rejects and stop no job."""

import numpy as np
import pytest
from pictures import PixelEncoder, write_picture_records

from memometer.data.records import load_records
from memometer.embeddings import embed_images, embed_texts
from memometer.encoders import image_tower
from memometer.encoders.tfidf import Tfidf
from memometer.errors import InputError, VectorError


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Captions "picture 0", "again 0" and so on."""
    return load_records(write_picture_records(tmp_path_factory.mktemp("records") / "r", 12))


def test_a_caption_without_a_known_word_is_a_reject_and_the_others_go_on(records, tmp_path):
    encoder = Tfidf().fitted_on(["10 dogs", "11 cats", "dogs"])
    embedded = embed_texts(records, encoder, store=tmp_path, batch_size=5)
    assert embedded.embeddings.record_ids.to_pylist() == ["r0010", "r0011"]
    reason = "no direction: the model gave a vector of zeros"
    assert embedded.rejects == tuple((f"r{row:04d}", reason) for row in range(10))
    np.testing.assert_allclose(embedded.embeddings[:], encoder.encode_texts(["picture 10", "picture 11"]))
    again = embed_texts(records, encoder, store=tmp_path, batch_size=5)
    assert (again.key, again.rejects) == (embedded.key, embedded.rejects)


class Holes(PixelEncoder):
    """Gives some rows that have no direction."""

    identity = "holes"

    def encode_texts(self, texts):
        vectors = super().encode_texts(texts)
        vectors[[int(text.split()[1]) in (2, 7) for text in texts]] = 0
        vectors[[text.endswith(" 3") for text in texts], 1] = np.nan
        vectors[[text.endswith(" 9") for text in texts], 0] = np.inf
        return vectors

    def encode_images(self, pixels):
        vectors = super().encode_images(pixels)
        vectors[1] = 0
        return vectors


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_vectors_without_direction_are_rejects_in_record_order(batch_size, records, tmp_path):
    embedded = embed_texts(records, Holes(), store=tmp_path, batch_size=batch_size)
    zeros, infinite = "no direction: the model gave a vector of zeros", "no direction: the model gave no finite vector"
    assert embedded.rejects == (("r0002", zeros), ("r0003", infinite), ("r0007", zeros), ("r0009", infinite))
    kept = [row for row in range(12) if row not in (2, 3, 7, 9)]
    assert embedded.embeddings.record_ids.to_pylist() == [f"r{row:04d}" for row in kept]
    expected = unit(PixelEncoder().encode_texts([f"picture {row}" for row in kept]).astype(np.float64))
    np.testing.assert_allclose(embedded.embeddings[:], expected, atol=1e-6)


def test_an_image_vector_without_direction_is_a_reject_beside_unreadable_ones(tmp_path):
    records = load_records(write_picture_records(tmp_path / "r", 6, bad=(0,)))
    embedded = embed_images(records, Holes(), store=tmp_path / "store")
    (unreadable, why), (second, reason) = embedded.rejects
    assert (unreadable, second) == ("r0000", "r0002")  # the second of those that the model saw
    assert reason.startswith("no direction")
    assert not why.startswith("no direction")
    assert embedded.embeddings.record_ids.to_pylist() == ["r0001", "r0003", "r0004", "r0005"]


def test_a_model_that_gives_nothing_of_use_is_an_error(records, tmp_path):
    encoder = Tfidf().fitted_on(["dogs", "cats"])
    with pytest.raises(VectorError, match=r"not one of 12 vectors can be used, e\.g\. that of record 'r0000' \(no dir"):
        embed_texts(records, encoder, store=tmp_path)


class Sight:
    spec, identity = "timm:some", "sight"
    preprocess = staticmethod(PixelEncoder.preprocess)
    encode_images = PixelEncoder.encode_images


def test_a_missing_tower_is_an_error_that_names_the_encoder(records, tmp_path):
    encoder = Tfidf().fitted_on(["dogs"])
    with pytest.raises(InputError, match=r"text:tfidf\?dim=256 is a text encoder without an image tower; use a model"):
        embed_images(records, encoder, store=tmp_path)
    with pytest.raises(InputError, match="timm:some is an image encoder without a text tower; use a model"):
        embed_texts(records, Sight(), store=tmp_path)
    with pytest.raises(InputError, match="knows no text yet"):
        embed_texts(records, Tfidf(), store=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert image_tower(Sight()).identity == "sight"
