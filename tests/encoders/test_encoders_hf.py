"""Models of transformers: each family as the library has it, called by itself through its own processor and model."""

import json
import os
import pickle
import shutil
import time

import numpy as np
import pytest
import torch
from hf_factory import (
    FAMILIES,
    IMAGE_ALONE,
    TEXTS,
    TWO_TOWERS,
    bare_image_vectors,
    bare_text_vectors,
    clip_processor,
    hf_folder,
    square_processor,
)
from hub_cache import cached_repository, hub_cache
from model_factory import noise_image

from memometer.activations.reader import open_tower
from memometer.embeddings import load_encoder
from memometer.encoders import has_tower
from memometer.encoders.forward import normalised
from memometer.encoders.hf_families import FAMILIES as KINDS
from memometer.encoders.hf_families import pooled
from memometer.encoders.hf_preprocessing import LibraryPreprocess, open_processor, processor_preprocess
from memometer.encoders.preprocessing import ImagePreprocess
from memometer.errors import InputError, ModelError

__all__ = ["hub_cache"]

SIZES = [(40, 36), (64, 97), (31, 77), (300, 201), (32, 32), (33, 35), (1, 50)]
IMAGES = [noise_image(n, size=size) for n, size in enumerate(SIZES)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folder of a family's model, made when it is asked for."""
    root, made = tmp_path_factory.mktemp("hf"), {}

    def find(name):
        if name not in made:
            made[name] = hf_folder(root / str(len(made)), name)
        return made[name]

    return find


def image_vectors(encoder, images=IMAGES):
    return encoder.encode_images(np.stack([encoder.preprocess(image) for image in images]))


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


@pytest.mark.parametrize("family", FAMILIES)
def test_torchvisions_filters_move_the_vectors_a_little(models, family):
    """The library's default where torchvision is installed; DINOv3 has no other."""
    folder = models(family)
    ours, theirs = image_vectors(load_encoder(f"hf:{folder}")), bare_image_vectors(folder, IMAGES)
    moved = np.abs(ours - theirs).max() / np.abs(ours).max()
    assert moved < 0.01
    assert (moved == 0) == family.startswith("DINOv3")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_preprocessing_goes_to_worker_processes_and_says_what_it_is(models, family):
    encoder = load_encoder(f"hf:{models(family)}")
    copied = pickle.loads(pickle.dumps(encoder.preprocess))  # noqa: S301 (of our own)
    for image in IMAGES[:3]:
        assert copied(image).tobytes() == encoder.preprocess(image).tobytes()
    settings = json.loads((models(family) / "preprocessor_config.json").read_text())
    recorded = encoder.preprocess_config["processor"]
    assert {key: recorded[key] for key in settings if key in recorded} == {
        key: value for key, value in settings.items() if key in recorded
    }
    library = family.startswith(("ALIGN", "SigLIP 2 NaFlex", "DINOv3"))
    assert isinstance(encoder.preprocess, LibraryPreprocess if library else ImagePreprocess)


PROCESSORS = {
    "CLIP": clip_processor(),
    "a crop smaller than the resize, odd ones": clip_processor(size={"shortest_edge": 47}),
    "a crop that is no square": clip_processor(size={"shortest_edge": 47}, crop_size={"height": 30, "width": 41}),
    "bilinear": clip_processor("BitImageProcessor", resample=2),
    "numbers for sizes": clip_processor(size=37, crop_size=32),
    "not normalised": clip_processor(do_normalize=False),
    "SigLIP": square_processor("SiglipImageProcessor"),
    "BLIP": square_processor("BlipImageProcessor", image_mean=[0.5] * 3, image_std=[0.5] * 3),
    "ViT": square_processor("ViTImageProcessor", resample=2),
    "a square, cropped": {**clip_processor("ChineseCLIPImageProcessor"), "size": {"height": 40, "width": 45}},
}


def processor(folder, settings):
    folder.mkdir()
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return open_processor(folder, trusted=False)


@pytest.mark.parametrize("name", PROCESSORS)
def test_pixels_are_those_of_the_librarys_own_processor_to_the_bit(tmp_path, name):
    theirs = processor(tmp_path / "p", PROCESSORS[name])
    config, ours = processor_preprocess(theirs, name="m")
    assert isinstance(ours, ImagePreprocess)
    sizes = np.random.default_rng(0).integers(20, 140, (40, 2)).tolist()
    images = [noise_image(n, size=tuple(size)) for n, size in enumerate([*SIZES, *sizes])]
    modes = [noise_image(n, size=(45, 61), mode=mode) for n, mode in enumerate(["L", "P", "CMYK", "1"])]
    for image in [*images, *modes]:
        expected = theirs([image.convert("RGB")], return_tensors="pt")["pixel_values"]
        assert torch.equal(normalised(ours(image)[None], config), expected), image.size


@pytest.mark.parametrize(
    "change",
    [
        {"resample": 1},
        {"size": {"shortest_edge": 30, "longest_edge": 60}, "do_center_crop": True},
        {"crop_size": {"height": 64, "width": 64}},
        {"rescale_factor": 1 / 127.5},
        {"do_rescale": False},
    ],
)
def test_what_pillow_alone_does_not_do_the_library_does(tmp_path, change):
    theirs = processor(tmp_path / "p", clip_processor(**change))
    _, ours = processor_preprocess(theirs, name="m")
    assert isinstance(ours, LibraryPreprocess)
    for image in IMAGES:
        assert np.array_equal(ours(image), theirs([image], return_tensors="np")["pixel_values"][0])


@pytest.mark.parametrize(
    "settings",
    [
        clip_processor(do_resize=False, do_center_crop=False),
        clip_processor(do_center_crop=False),
        {"image_processor_type": "ViTImageProcessor", "do_resize": False},
    ],
)
def test_a_processor_whose_images_come_out_in_several_shapes_is_refused(tmp_path, settings):
    with pytest.raises(ModelError, match=r"images of two sizes; expected one shape for all"):
        processor_preprocess(processor(tmp_path / "p", settings), name="m")


def test_a_model_without_preprocessing_is_refused(models, tmp_path):
    folder = shutil.copytree(models("CLIP"), tmp_path / "m")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(
        ModelError, match=r"does not say how its images are prepared; expected preprocessor_config.json"
    ):
        load_encoder(f"hf:{folder}")


def test_what_older_versions_return_is_read_as_well(models, monkeypatch):
    """transformers 4 gives the vectors themselves, transformers 5 an object that holds them."""
    from transformers import CLIPModel

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


def test_the_identity_says_whatever_changes_a_vector(models, tmp_path):
    first = load_encoder(f"hf:{models('CLIP')}")
    moved = shutil.copytree(models("CLIP"), tmp_path / "same")
    assert load_encoder(f"hf:{moved}").identity == first.identity
    assert load_encoder(f"hf:{models('CLIP')}", precision="bf16").identity != first.identity
    for name, change in {
        "preprocessor_config.json": {"image_mean": [0.1, 0.1, 0.1]},
        "tokenizer_config.json": {"model_max_length": 7},
        "config.json": {"vision_config": {**_vision(moved), "hidden_act": "relu"}},
    }.items():
        folder = shutil.copytree(models("CLIP"), tmp_path / name)
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        assert load_encoder(f"hf:{folder}").identity != first.identity, name
    other = hf_folder(tmp_path / "other", "CLIP", seed=1)
    assert load_encoder(f"hf:{other}").weights_hash != first.weights_hash


def _vision(folder):
    return json.loads((folder / "config.json").read_text())["vision_config"]


def test_half_precision_weights_are_loaded_as_float32_and_bf16_is_near(models, tmp_path):
    from transformers import CLIPModel

    folder = shutil.copytree(models("CLIP"), tmp_path / "half")
    CLIPModel.from_pretrained(folder).half().save_pretrained(folder)
    encoder = load_encoder(f"hf:{folder}")
    assert {each.dtype for each in encoder._model.parameters()} == {torch.float32}
    exact, near = (image_vectors(load_encoder(f"hf:{models('CLIP')}", precision=each)) for each in ("fp32", "bf16"))
    assert not np.array_equal(exact, near)
    np.testing.assert_allclose(near, exact, atol=0.1 * np.abs(exact).max())


def test_weights_of_torch_save_are_read(models, tmp_path):
    from transformers import CLIPModel

    folder = shutil.copytree(models("CLIP"), tmp_path / "old")
    state = CLIPModel.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    assert load_encoder(f"hf:{folder}").identity == load_encoder(f"hf:{models('CLIP')}").identity


def test_weights_of_another_architecture_are_refused_by_name(models, tmp_path):
    folder = shutil.copytree(models("CLIP"), tmp_path / "m")
    shutil.copy(models("SigLIP") / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"do not fit CLIPModel, .* tensors are missing \(e\.g\. \w+") as error:
        load_encoder(f"hf:{folder}")
    assert "text_projection.weight" in str(error.value)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "projection_dim": 9}))
    shutil.copy(models("CLIP") / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"2 are of another shape \(e\.g\. text_projection.weight \(8, 16\), expected"):
        load_encoder(f"hf:{folder}")


def test_every_kind_that_is_known_is_a_model_of_the_library():
    from transformers import CONFIG_MAPPING

    assert set(KINDS) <= set(CONFIG_MAPPING)


# --- by name


def test_a_cached_repository_is_loaded_without_the_network(models, hub_cache):
    folder = cached_repository(hub_cache, "someone/clip")
    shutil.copytree(models("CLIP"), folder, dirs_exist_ok=True)
    encoder = load_encoder("hf:someone/clip")
    assert encoder.identity == load_encoder(f"hf:{models('CLIP')}").identity
    assert encoder.files == (folder,)


def test_a_missing_model_is_told_at_once_with_where_it_was_looked_for(hub_cache, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    start = time.monotonic()
    with pytest.raises(ModelError, match="cannot find 'someone/nothing'") as error:
        load_encoder("hf:someone/nothing")
    assert time.monotonic() - start < 5
    assert f"there is no folder someone/nothing, and the hub's cache, {hub_cache}, has no such" in str(error.value)


@pytest.mark.parametrize("name", ["nothing", "./nothing", "/nothing/at/all", "a/../b", "a/b/c", "~x/y z", "a/b?x=1"])
def test_a_name_that_can_be_none_of_the_hub_is_no_reason_to_ask_it(name, monkeypatch):
    monkeypatch.setattr("memometer.encoders.hf_loading.download_folder", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(ModelError, match=r"expected hf:FOLDER, or hf:OWNER/NAME|is no option of a model"):
        load_encoder(f"hf:{name}")


def test_what_a_repository_is_downloaded_with(models, hub_cache, monkeypatch):
    """Configs, tokenizer, weights and the card; its code only where the user trusts it."""
    import huggingface_hub

    names = ["config.json", "model.safetensors", "pytorch_model.bin", "README.md", "modeling_own.py", "onnx/model.onnx"]
    asked = {}

    class Api:
        def model_info(self, repository, revision=None, timeout=None):
            asked.update(repository=repository, revision=revision, timeout=timeout)
            return type("Info", (), {"siblings": [type("File", (), {"rfilename": name}) for name in names]})

    def snapshot(repository, *, revision, allow_patterns, cache_dir):
        asked["files"] = allow_patterns
        return str(models("CLIP"))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert load_encoder("hf:someone/clip@v2").spec == "hf:someone/clip@v2"
    assert asked == {
        "repository": "someone/clip",
        "revision": "v2",
        "timeout": 10,
        "files": ["config.json", "model.safetensors", "README.md"],
    }
    load_encoder("hf:someone/clip?trust-remote-code")
    assert "modeling_own.py" in asked["files"]


def test_a_folder_of_open_clip_is_said_to_be_one(tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(ModelError, match=f"holds no model of transformers; name it open_clip:{tmp_path}"):
        load_encoder(f"hf:{tmp_path}")


def test_the_library_is_as_loud_as_before(models):
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load_encoder(f"hf:{models('CLIP')}")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_the_environment_is_as_it_was(models):
    before = dict(os.environ)
    load_encoder(f"hf:{models('CLIP')}")
    assert dict(os.environ) == before
