"""Image encoders of timm: the vectors are those of the bare models, pixels and all."""

import json
import shutil

import numpy as np
import pytest
import safetensors.torch
import timm
import timm.models._hub
import torch
from model_factory import noise_image
from timm.data import create_transform, resolve_model_data_config
from vision_models import encode, pictures, timm_model, timm_oracle

from memometer.embeddings import load_encoder
from memometer.encoders import ImageEncoder, TextEncoder, has_tower
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.timm_models import classifier_prefixes, timm_preprocess_config
from memometer.encoders.trying import try_out
from memometer.encoders.unwrapping import fit_tower
from memometer.encoders.vision import VisionEncoder
from memometer.errors import InputError, ModelError
from memometer.training.models import preprocess_config


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_a_checkpoint_gives_the_vectors_of_the_bare_timm_model(name, suffix, tmp_path):
    model, path = timm_model(name), tmp_path / f"x.{suffix}"
    state = model.state_dict()
    torch.save(state, path) if suffix == "pt" else safetensors.torch.save_file(state, path)
    encoder = load_encoder(f"timm:{name}@{path}")
    found = encode(encoder, pictures())
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, timm_oracle(model, pictures()))
    assert found.std(axis=0).max() > 1e-4  # the pictures can be told apart


def test_an_image_encoder_fits_its_protocol_and_describes_itself(resnet, checkpoint):
    encoder = load_encoder(f"timm:test_resnet@{checkpoint}")
    assert isinstance(encoder, ImageEncoder)
    assert not isinstance(encoder, TextEncoder)
    assert has_tower(encoder, "image")
    assert not has_tower(encoder, "text")
    assert encoder.spec == f"timm:test_resnet@{checkpoint}"
    assert encoder.features == load_encoder(encoder.spec, features="backbone").features == "backbone"
    assert encoder.dropped == ("fc.bias", "fc.weight")
    names = dict(encoder.tower("image").named_modules())
    assert {"conv1", "layer1.0.conv1", "global_pool"} <= names.keys()
    with pytest.raises(InputError, match="is an image encoder without a text tower"):
        encoder.tower("text")
    json.dumps([encoder.preprocess_config, encoder.config, encoder.weights_hash, encoder.identity])


def test_hooks_on_the_tower_see_the_forward_pass(resnet, checkpoint):
    encoder = load_encoder(f"timm:test_resnet@{checkpoint}")
    seen = []
    encoder.tower("image").global_pool.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    vectors = encode(encoder, pictures())
    np.testing.assert_array_equal(seen[0].numpy(), vectors)


def test_preprocessing_without_a_tag_is_a_guess_and_with_one_is_not(checkpoint):
    (warning,) = load_encoder(f"timm:test_resnet@{checkpoint}").warnings
    assert "stores no preprocessing: timm's default for test_resnet is used" in warning
    assert load_encoder(f"timm:test_resnet.r160_in1k@{checkpoint}").warnings == ()


class Described(torch.nn.Module):
    """What timm asks of a model to know its preprocessing."""

    def __init__(self, **config):
        super().__init__()
        self.pretrained_cfg = config


@pytest.mark.parametrize("size", [(32, 32), (24, 40)])
@pytest.mark.parametrize("crop_pct", [0.875, 1.0, 1.12])
@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_pixels_equal_timms_for_every_crop(size, crop_pct, crop_mode, interpolation):
    model = Described(
        input_size=(3, *size),
        crop_pct=crop_pct,
        crop_mode=crop_mode,
        interpolation=interpolation,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.3, 0.4),
    )
    ours = image_preprocess(timm_preprocess_config(model))
    transform = create_transform(**resolve_model_data_config(model), is_training=False, normalize=False)
    for shape in [(50, 41), (41, 50), (32, 32), (7, 5), (90, 20)]:
        for mode in ["RGB", "L", "P", "RGBA"]:
            image = noise_image(1, mode=mode, size=shape)
            np.testing.assert_array_equal(ours(image), transform(image.convert("RGB")).numpy())


def test_a_model_of_other_channels_is_an_error():
    with pytest.raises(ModelError, match="takes 1 channels and a center crop; expected 3 channels"):
        timm_preprocess_config(Described(input_size=(1, 32, 32)))


def test_a_folder_of_the_hubs_layout_needs_no_guess(tmp_path):
    changes = {"input_size": (3, 64, 64), "crop_pct": 0.8, "mean": (0.5, 0.4, 0.3)}
    model, folder = timm_model("test_vit", num_classes=7, pretrained_cfg_overlay=changes), tmp_path / "hub"
    timm.models._hub.save_for_hf(model, folder, safe_serialization=True)
    encoder = load_encoder(f"timm:{folder}")
    assert encoder.warnings == ()
    assert (encoder.preprocess_config["size"], encoder.preprocess_config["resize_to"]) == ([64, 64], [80, 80])
    assert encoder.preprocess_config["mean"] == [0.5, 0.4, 0.3]
    np.testing.assert_array_equal(encode(encoder, pictures()), timm_oracle(model, pictures()))
    assert load_encoder(f"timm:local-dir:{folder}").identity == encoder.identity
    shutil.move(folder, tmp_path / "elsewhere")
    assert load_encoder(f"timm:{tmp_path / 'elsewhere'}").identity == encoder.identity
    (tmp_path / "elsewhere" / "config.json").unlink()
    with pytest.raises(ModelError, match=r"holds no timm model; expected config\.json and model\.safetensors"):
        load_encoder(f"timm:{tmp_path / 'elsewhere'}")


def test_published_weights_are_timms_download(resnet, checkpoint, tmp_path, monkeypatch):
    safetensors.torch.save_file(resnet.state_dict(), tmp_path / "model.safetensors")
    asked = []

    def download(repo_id, filename, **_options):
        asked.append((repo_id, filename))
        return str(tmp_path / filename)

    monkeypatch.setattr(timm.models._hub, "hf_hub_download", download)
    encoder = load_encoder("timm:test_resnet.r160_in1k")
    assert asked == [("timm/test_resnet.r160_in1k", "model.safetensors")]
    assert encoder.warnings == ()
    assert encoder.weights_hash == load_encoder(f"timm:test_resnet@{checkpoint}").weights_hash


@pytest.mark.parametrize("name", ["efficientvit_m0", "levit_128s", "levit_384_s8", "deit_tiny_distilled_patch16_224"])
def test_classifiers_of_several_layers_are_dropped_whole(name):
    with torch.device("meta"):
        whole, tower = timm.create_model(name), timm.create_model(name, num_classes=0)
    fitted = fit_tower(whole.state_dict(), tower, heads=classifier_prefixes(tower), name=name)
    assert fitted.state.keys() == tower.state_dict().keys()
    assert set(fitted.dropped) == whole.state_dict().keys() - tower.state_dict().keys()


def test_a_model_that_cannot_serve_is_an_error_before_any_job():
    strict = timm.create_model("vit_tiny_patch16_224", depth=1, num_classes=0)
    options = {"config": {}, "spec": "timm:x", "device": torch.device("cpu")}
    with pytest.raises(
        ModelError, match=r"'strict' does not take images of 160 × 160 px, the size that its preprocessing makes"
    ):
        try_out(VisionEncoder(strict, preprocess_config=preprocess_config(160), **options), name="strict")
    maps = VisionEncoder(torch.nn.Identity(), preprocess_config=preprocess_config(8), **options)
    with pytest.raises(ModelError, match=r"'maps' gives \(1, 3, 8, 8\) for one image; expected \(1, d\)"):
        try_out(maps, name="maps")
