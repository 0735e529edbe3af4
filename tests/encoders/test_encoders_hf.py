"""Models of transformers: each family as the library has it, called by itself through its own processor and model."""

import json
import shutil

import numpy as np
import pytest
import torch
from hf_factory import FAMILIES, IMAGE_ALONE, TEXTS, TWO_TOWERS, bare_image_vectors, bare_text_vectors
from hf_models import IMAGES, TRANSFORMERS, image_vectors, models

from memometer.activations.reader import open_tower
from memometer.embeddings import load_encoder
from memometer.encoders import has_tower
from memometer.encoders.hf_families import pooled
from memometer.errors import InputError

__all__ = ["models"]


@pytest.mark.parametrize("family", FAMILIES)
def test_images_have_the_vectors_that_the_library_gives_them(models, family):
    folder = models(family)
    encoder = load_encoder(f"hf:{folder}")
    assert np.array_equal(image_vectors(encoder), bare_image_vectors(folder, IMAGES, backend="pil"))
    assert encoder.towers == (("image", "text") if family in TWO_TOWERS else ("image",))
    assert encoder.features == ("projector" if family in TWO_TOWERS else "backbone")
    assert encoder.warnings == ()


@pytest.mark.parametrize("family", TWO_TOWERS)
def test_texts_have_the_vectors_that_the_library_gives_them(models, family):
    if family == "Chinese-CLIP" and TRANSFORMERS == 4:
        pytest.skip("the library's own method for its texts fails")
    folder = models(family)
    encoder = load_encoder(f"hf:{folder}")
    options = {"padding": "max_length"} if "SigLIP" in family or family == "ALIGN" else {}
    lengths = {"ALIGN": 64, "AltCLIP": 20, "Chinese-CLIP": 24, "BLIP": 24, "BLIP, not of retrieval": 24}
    length = lengths.get(family, 10 if "SigLIP" in family else 12)
    for texts in (TEXTS, TEXTS[:1]):  # the long ones decide how the short are padded
        found = bare_text_vectors(folder, texts, **options, max_length=length)
        assert np.array_equal(encoder.encode_texts(texts), found)


def test_a_tokenizer_of_sentencepiece_is_read_as_the_first_siglip_has_it(models, tmp_path):
    pieces = pytest.importorskip("sentencepiece")
    folder = shutil.copytree(models("SigLIP"), tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    text = iter(
        ["a dog and two cats beside a boat", "the kite the lamp the drum", "horse park jumps quick brown fox lazy"]
    )
    with (folder / "spiece.model").open("wb") as file:
        pieces.SentencePieceTrainer.train(
            sentence_iterator=text, model_writer=file, vocab_size=30, pad_id=-1, bos_id=-1, eos_id=1, unk_id=0,
            hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
    special = {"unk_token": "<unk>", "pad_token": "</s>", "eos_token": "</s>", "model_input_names": ["input_ids"]}
    config = {"tokenizer_class": "SiglipTokenizer", "model_max_length": 10, "do_lower_case": True, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    found = bare_text_vectors(folder, TEXTS, padding="max_length", max_length=10)
    assert np.array_equal(load_encoder(f"hf:{folder}").encode_texts(TEXTS), found)


def test_what_older_versions_return_is_read_as_well(models, monkeypatch):
    """transformers 4 gives the vectors themselves, transformers 5 an object that holds them."""
    from transformers import CLIPModel

    if TRANSFORMERS == 4:
        pytest.skip("they are what runs here")
    encoder = load_encoder(f"hf:{models('CLIP')}")
    images, texts = image_vectors(encoder), encoder.encode_texts(TEXTS)
    for name in ("get_image_features", "get_text_features"):
        newer = getattr(CLIPModel, name)

        def older(self, *args, newer=newer, **given):
            return pooled(newer(self, *args, **given))

        monkeypatch.setattr(CLIPModel, name, older)
    assert np.array_equal(image_vectors(encoder), images)
    assert np.array_equal(encoder.encode_texts(TEXTS), texts)


@pytest.mark.parametrize("family", TWO_TOWERS)
def test_backbone_features_are_what_the_projection_takes(models, family):
    projector, backbone = (load_encoder(f"hf:{models(family)}", features=each) for each in ("projector", "backbone"))
    ours, below = image_vectors(projector), image_vectors(backbone)
    assert backbone.features == "backbone"
    assert projector.identity != backbone.identity
    model = projector._model
    projection = getattr(model, "visual_projection", getattr(model, "vision_proj", None))
    with torch.inference_mode():
        expected = below if projection is None else projection(torch.from_numpy(below)).numpy()
    assert np.array_equal(ours, expected)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("read", ["blocks", "units"])
def test_the_layers_of_every_tower_are_found(models, family, read):
    encoder = load_encoder(f"hf:{models(family)}")
    for tower in encoder.towers:
        reader = open_tower(encoder, tower, read=read)
        found = reader.texts(TEXTS) if tower == "text" else reader.images(np.stack([encoder.preprocess(IMAGES[0])] * 3))
        blocks = 5 if "ConvNeXt" in family else 2
        assert len(found) == blocks + (read == "blocks")
        assert all(np.ptp(values, axis=1).all() for values in found)


def test_the_layers_of_a_text_are_read_without_its_padding(models):
    """A longer text beside it, which lengthens the padding, changes nothing that is read of a text."""
    for family in ("CLIP", "Chinese-CLIP", "BLIP"):
        reader = open_tower(load_encoder(f"hf:{models(family)}"), "text", read="blocks")
        alone, beside = reader.texts(TEXTS[:1]), reader.texts(TEXTS)
        for one, several in zip(alone, beside, strict=True):
            np.testing.assert_allclose(several[0], one[0], rtol=1e-4, atol=1e-5)


def test_a_text_longer_than_the_model_takes_is_cut_where_the_model_ends(models):
    encoder = load_encoder(f"hf:{models('CLIP')}")
    assert np.array_equal(*encoder.encode_texts(["a " * 10, "a " * 900]))
    assert encoder.content_mask(["a", "a a"]).tolist() == [[True, True, True, False], [True] * 4]


@pytest.mark.parametrize("family", IMAGE_ALONE)
def test_a_model_of_images_alone_has_no_text_tower(models, family):
    encoder = load_encoder(f"hf:{models(family)}")
    assert not has_tower(encoder, "text")
    with pytest.raises(InputError, match="without a text tower"):
        encoder.encode_texts(["a"])
    with pytest.raises(InputError, match="has no text tower"):
        encoder.tower("text")
