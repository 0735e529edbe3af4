"""open_clip models by every way of naming them; the vectors are open_clip's own."""

import json
import re
import shutil

import numpy as np
import open_clip
import pytest
import safetensors.torch
import torch
from model_factory import noise_image, tiny_architecture

from memometer.embeddings import load_encoder
from memometer.encoders import Encoder, guessing
from memometer.encoders.architectures import architecture_named, build_model
from memometer.encoders.guessing import architecture_from_shapes
from memometer.errors import ModelError
from memometer.training.models import preprocess_config

TEXTS = ["a dog", "two cats beside a very long boat on a river in the evening light of a summer day", ""]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(tiny_architecture()).eval()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """A model folder of open_clip's ``local-dir:`` layout."""
    folder = tmp_path_factory.mktemp("model")
    preprocess = {**preprocess_config(32), "interpolation": "bilinear", "mean": [0.5, 0.4, 0.3]}
    config = {"model_cfg": tiny_architecture().config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture
def known(monkeypatch):
    """Makes the tiny architecture one of open_clip's own, with a QuickGELU twin."""
    config = tiny_architecture().config
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny-32", config)
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny-32-quickgelu", {**config, "quick_gelu": True})


@pytest.fixture
def run(model, tmp_path):
    """A training run of open_clip: ``run/checkpoints/epoch_2.pt`` and, where a test writes it, ``run/params.txt``."""
    path = tmp_path / "run" / "checkpoints" / "epoch_2.pt"
    path.parent.mkdir(parents=True)
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"epoch": 2, "name": "run", "state_dict": state, "optimizer": {}}, path)
    return path


def images():
    return [noise_image(seed, size=(50 + seed, 40)) for seed in range(3)]


def encode(encoder, pictures):
    return encoder.encode_images(np.stack([encoder.preprocess(picture) for picture in pictures]))


def test_vectors_are_bit_for_bit_those_of_open_clip(folder):
    encoder = load_encoder(f"open_clip:{folder}")
    theirs, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    with torch.inference_mode():
        expected_images = theirs.eval().encode_image(torch.stack([transform(picture) for picture in images()])).numpy()
        expected_texts = theirs.encode_text(tokenizer(TEXTS)).numpy()
    found_images, found_texts = encode(encoder, images()), encoder.encode_texts(TEXTS)
    assert found_images.dtype == found_texts.dtype == np.float32
    assert found_images.std(axis=0).max() > 1e-3  # the pictures can be told apart
    np.testing.assert_array_equal(found_images, expected_images)
    np.testing.assert_array_equal(found_texts, expected_texts)


def test_an_encoder_fits_the_protocol_and_describes_itself(folder):
    encoder = load_encoder(f"open_clip:{folder}")
    assert isinstance(encoder, Encoder)
    assert encoder.spec == f"open_clip:{folder}"
    assert encoder.preprocess_config["interpolation"] == "bilinear"
    assert encoder.preprocess_config["mean"] == [0.5, 0.4, 0.3]
    assert encoder.warnings == ()
    json.dumps([encoder.preprocess_config, encoder.config, encoder.weights_hash, encoder.identity])


def test_identity_follows_weights_preprocessing_and_precision(folder, model, tmp_path):
    def identity(change_config=None, *, precision="fp32", state=None):
        config = json.loads((folder / "open_clip_config.json").read_text())
        if change_config:
            change_config(config)
        (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
        safetensors.torch.save_file(state or model.state_dict(), tmp_path / "open_clip_model.safetensors")
        return load_encoder(f"open_clip:{tmp_path}", precision=precision).identity

    base = load_encoder(f"open_clip:{folder}").identity
    changed = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    changed["ln_final.bias"][0] += 1e-6
    assert identity() == base
    others = [
        identity(lambda config: config["preprocess_cfg"].update(interpolation="bicubic")),
        identity(lambda config: config["preprocess_cfg"].update(std=[0.5, 0.5, 0.5])),
        identity(lambda config: config["model_cfg"].update(quick_gelu=True)),
        identity(precision="bf16"),
        identity(state=changed),
    ]
    assert len({base, *others}) == 6


def test_a_relative_path_and_local_dir_name_the_same_model(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    expected = load_encoder(f"open_clip:{folder}").identity
    assert load_encoder(f"open_clip:{folder.name}").identity == expected
    assert load_encoder(f"open_clip:local-dir:{folder.name}").identity == expected


def test_a_training_checkpoint_with_its_log_needs_no_guess(run, known, folder):
    log = "batch_size: 64\nimage_interpolation: bilinear\nimage_mean: [0.5, 0.4, 0.3]\nmodel: Tiny-32\npretrained: \n"
    (run.parent.parent / "params.txt").write_text(log)
    encoder = load_encoder(f"open_clip:{run}")
    assert encoder.warnings == ()
    assert encoder.preprocess_config["interpolation"] == "bilinear"
    assert encoder.weights_hash == load_encoder(f"open_clip:{folder}").weights_hash
    np.testing.assert_array_equal(encode(encoder, images()), encode(load_encoder(f"open_clip:{folder}"), images()))


def test_the_log_tells_of_forced_options(run, known):
    (run.parent.parent / "params.txt").write_text("model: Tiny-32\nforce_quick_gelu: True\nforce_image_size: [32]\n")
    assert load_encoder(f"open_clip:{run}").config["quick_gelu"] is True
    (run.parent.parent / "params.txt").write_text("model: Tiny-32\nforce_image_size: 64\n")
    with pytest.raises(ModelError, match=r"1 are of another shape \(e\.g\. visual\.positional_embedding \(5, 32\)"):
        load_encoder(f"open_clip:{run}")


def test_a_bare_checkpoint_is_guessed_and_says_so(run, known):
    encoder = load_encoder(f"open_clip:{run}")
    assert not encoder.config.get("quick_gelu")
    preprocessing, architecture = encoder.warnings
    assert "stores no preprocessing: open_clip's default (shortest side, bicubic, " in preprocessing
    assert "architecture Tiny-32 was guessed" in architecture
    assert "Tiny-32-quickgelu would fit as well; to be sure, name the architecture" in architecture


def test_a_named_architecture_with_a_file_leaves_the_preprocessing_to_guess(run, known):
    encoder = load_encoder(f"open_clip:Tiny-32-quickgelu@{run}")
    assert encoder.config["quick_gelu"] is True
    assert len(encoder.warnings) == 1
    assert "stores no preprocessing" in encoder.warnings[0]


def test_a_model_config_in_json_names_an_architecture(run, tmp_path, folder):
    (tmp_path / "mine.json").write_text(json.dumps(tiny_architecture().config))
    encoder = load_encoder(f"open_clip:{tmp_path / 'mine.json'}@{run}")
    expected = load_encoder(f"open_clip:{folder}").encode_texts(TEXTS)
    np.testing.assert_array_equal(encoder.encode_texts(TEXTS), expected)


def test_a_checkpoint_with_custom_text_and_a_logit_bias_loads(tmp_path, known):
    torch.manual_seed(1)
    trained = build_model(tiny_architecture(custom_text=True, init_logit_bias=-10.0)).eval()
    state = trained.state_dict()
    torch.save({"state_dict": {**state, "logit_scale": state["logit_scale"].reshape(1)}}, tmp_path / "x.pt")
    encoder = load_encoder(f"open_clip:Tiny-32@{tmp_path / 'x.pt'}")
    tokens = open_clip.SimpleTokenizer(context_length=12)(TEXTS)
    with torch.inference_mode():
        np.testing.assert_array_equal(encoder.encode_texts(TEXTS), trained.encode_text(tokens).numpy())
    guessed = load_encoder(f"open_clip:{tmp_path / 'x.pt'}")
    assert guessed.identity == encoder.identity


def test_a_plain_checkpoint_fits_a_model_that_keeps_its_text_tower_apart(tmp_path, model):
    safetensors.torch.save_file(model.state_dict(), tmp_path / "plain.safetensors")
    (tmp_path / "apart.json").write_text(json.dumps(tiny_architecture(custom_text=True).config))
    encoder = load_encoder(f"open_clip:{tmp_path / 'apart.json'}@{tmp_path / 'plain.safetensors'}")
    tokens = open_clip.SimpleTokenizer(context_length=12)(TEXTS)
    with torch.inference_mode():
        np.testing.assert_allclose(encoder.encode_texts(TEXTS), model.encode_text(tokens).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wrong", [7, ["size"], "RGB", {"mean": "evil"}, {"std": 0}, {"fill_color": "x"}], ids=str)
def test_a_folder_whose_preprocessing_is_none_is_an_error(folder, tmp_path, wrong):
    shutil.copytree(folder, tmp_path / "wrong")
    path = tmp_path / "wrong" / "open_clip_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "preprocess_cfg": wrong}))
    with pytest.raises(ModelError, match="preprocess"):
        load_encoder(f"open_clip:{tmp_path / 'wrong'}")


def test_a_tag_is_downloaded_by_open_clip_with_its_own_preprocessing(known, model, tmp_path, monkeypatch):
    safetensors.torch.save_file(model.state_dict(), tmp_path / "x.safetensors")
    published = {"url": "", "hf_hub": "someone/tiny/", "mean": (0.5, 0.5, 0.5), "quick_gelu": True}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "Tiny-32", {"some_tag": published})
    monkeypatch.setattr(open_clip, "download_pretrained", lambda _config: str(tmp_path / "x.safetensors"))
    encoder = load_encoder("open_clip:Tiny-32@some_tag")
    assert encoder.preprocess_config["mean"] == [0.5, 0.5, 0.5]
    (warning,) = encoder.warnings
    assert warning.endswith("its vectors will be off; use open_clip:Tiny-32-quickgelu@some_tag")
    with pytest.raises(
        ModelError, match="'some_tga' is neither a file nor a published tag of Tiny-32; its tags are some_tag"
    ):
        load_encoder("open_clip:Tiny-32@some_tga")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no open_clip model config: it lacks embed_dim, vision_cfg, text_cfg"),
        ('{"embed_dim": 4, "vision_cfg": {}}', "it lacks text_cfg"),
        ('{"embed_dim": 4, "vision_cfg": {"colour": 1}, "text_cfg": {}}', "cannot build the model .*colour"),
    ],
)
def test_a_wrong_model_config_is_an_error(run, tmp_path, content, message):
    (tmp_path / "wrong.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        load_encoder(f"open_clip:{tmp_path / 'wrong.json'}@{run}")


def test_weights_of_another_model_are_an_error_that_counts_the_differences(tmp_path, folder):
    config = tiny_architecture().config
    config["text_cfg"]["layers"] = 2
    config["vision_cfg"]["patch_size"] = 8
    (tmp_path / "other.json").write_text(json.dumps(config))
    with pytest.raises(ModelError) as caught:
        load_encoder(f"open_clip:{tmp_path / 'other.json'}@{folder / 'open_clip_model.safetensors'}")
    assert re.search(
        r"does not fit the model 'other': 12 tensors are missing \(e\.g\. transformer\.resblocks\.1\S+\), "
        r"2 are of another shape \(e\.g\. visual\.conv1\.weight \(32, 3, 16, 16\), expected \(32, 3, 8, 8\)\)",
        str(caught.value),
    )


def test_weights_that_fit_no_architecture_are_an_error_that_asks_for_one(run):
    with pytest.raises(ModelError, match=rf"fit none of open_clip's \d+ architectures, .*open_clip:MODEL@{run}"):
        load_encoder(f"open_clip:{run}")


def test_an_architecture_that_cannot_be_built_is_named_where_none_fits_and_hinders_no_other(run, known, monkeypatch):
    built, broken = guessing.build_model, {"Tiny-32"}

    def build(architecture):
        if architecture.name in broken:
            raise ModelError(f"cannot build the model '{architecture.name}': no such layer")
        return built(architecture)

    monkeypatch.setattr(guessing, "build_model", build)
    assert load_encoder(f"open_clip:{run}").config["quick_gelu"] is True
    broken.add("Tiny-32-quickgelu")
    with pytest.raises(
        ModelError, match=r"\(2 could not be tried, e\.g\.: cannot build the model 'Tiny-32'.*: no such"
    ):
        load_encoder(f"open_clip:{run}")


def test_weights_that_fit_two_different_architectures_are_an_error(run, known, monkeypatch):
    twin = tiny_architecture().config
    twin["vision_cfg"]["head_width"] = 8
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny-heads", twin)
    with pytest.raises(ModelError, match="have the shapes of Tiny-32 or Tiny-32-quickgelu or Tiny-heads; name the"):
        load_encoder(f"open_clip:{run}")


@pytest.mark.parametrize("name", ["ViT-B-32", "RN50", "ViT-B-16-SigLIP"])
def test_shapes_tell_real_architectures_apart(name):
    with torch.device("meta"):
        state = build_model(architecture_named(name)).state_dict()
    architecture, warning = architecture_from_shapes(state, path="x.pt")
    assert architecture.name == name
    assert f"the architecture {name} was guessed from the shapes" in warning


def test_device_auto_takes_what_is_there(folder):
    assert load_encoder(f"open_clip:{folder}", device="auto").encode_texts(["x"]).shape == (1, 16)
