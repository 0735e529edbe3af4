"""Image encoders of torchvision: the vectors are those of the bare models, pixels and all."""

import numpy as np
import pytest
import torch
import torchvision
from model_factory import noise_image
from vision_models import encode, pictures, saved, torchvision_model

from memometer.embeddings import load_encoder
from memometer.encoders.forward import normalised
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.torchvision_models import drop_classifier, torchvision_preprocess_config
from memometer.errors import ModelError


@torch.inference_mode()
def torchvision_oracle(model, last, weights, images):
    """What the last layer takes, seen by a hook during the whole model's forward pass under its own transform."""
    seen = []
    handle = last.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    transform = weights.transforms()
    model(torch.stack([transform(image.convert("RGB")) for image in images]))
    handle.remove()
    return seen[0].numpy()


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("resnet18", lambda model: model.fc),
        ("mobilenet_v3_small", lambda model: model.classifier[3]),
        ("shufflenet_v2_x0_5", lambda model: model.fc),
        ("mnasnet0_5", lambda model: model.classifier[1]),
    ],
)
def test_a_checkpoint_gives_what_torchvisions_last_layer_takes(name, last, tmp_path):
    model = torchvision_model(name)
    path = saved({"model": model.state_dict(), "epoch": 1}, tmp_path / "x.pt")
    encoder = load_encoder(f"torchvision:{name}@{path}")
    (warning,) = encoder.warnings
    assert "stores no preprocessing: torchvision's for " in warning
    assert warning.count("IMAGENET1K_V1") == 1
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    expected = torchvision_oracle(model, last(model), weights, pictures())
    np.testing.assert_array_equal(encode(encoder, pictures()), expected)


def test_squeezenet_has_its_features_pooled(tmp_path):
    model = torchvision_model("squeezenet1_1")
    path = saved(model.state_dict(), tmp_path / "x.pt")
    encoder = load_encoder(f"torchvision:squeezenet1_1@{path}")
    pixels = np.stack([encoder.preprocess(image) for image in pictures()])
    with torch.inference_mode():
        maps = model.features(normalised(pixels, encoder.preprocess_config))
    np.testing.assert_allclose(encode(encoder, pictures()), maps.mean(dim=(2, 3)).numpy(), rtol=1e-6, atol=1e-7)
    assert encoder.dropped == ("classifier.1.bias", "classifier.1.weight")


@pytest.mark.parametrize(
    ("name", "prefix", "dim"),
    [
        ("vgg11", "classifier.6.", 4096),
        ("convnext_tiny", "classifier.2.", 768),
        ("densenet121", "classifier.", 1024),
        ("swin_t", "head.", 768),
        ("vit_b_32", "heads.head.", 768),
        ("maxvit_t", "classifier.5.", 512),
        ("efficientnet_b0", "classifier.1.", 1280),
    ],
)
def test_the_last_layer_is_found_in_every_family(name, prefix, dim):
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None).eval()
        assert drop_classifier(model) == prefix
        assert model(torch.zeros(2, 3, 224, 224)).shape == (2, dim)


@pytest.mark.parametrize(
    "name", ["resnet50", "mobilenet_v2", "efficientnet_b1", "swin_v2_t", "inception_v3", "vit_h_14"]
)
def test_pixels_equal_torchvisions_for_all_its_weights(name):
    for weights in torchvision.models.get_model_weights(name):
        ours = image_preprocess(torchvision_preprocess_config(weights))
        transform = weights.transforms()
        transform.mean, transform.std = [0.0] * 3, [1.0] * 3
        for mode, shape in [("RGB", (50, 41)), ("P", (300, 400)), ("L", (333, 90))]:
            image = noise_image(2, mode=mode, size=shape)
            found = torch.from_numpy(ours(image)).float().div(255)
            assert torch.equal(found, transform(image.convert("RGB")))


def test_published_torchvision_weights_are_read_as_data_with_their_own_transform(monkeypatch):
    model, asked = torchvision_model("resnet18"), []

    def download(url, **options):
        asked.append((url, options))
        return model.state_dict()

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", download)
    encoder = load_encoder("torchvision:resnet18")
    weights = torchvision.models.ResNet18_Weights.DEFAULT
    assert asked == [(weights.url, {"progress": False, "check_hash": True, "weights_only": True})]
    assert encoder.warnings == ()
    np.testing.assert_array_equal(encode(encoder, pictures()), torchvision_oracle(model, model.fc, weights, pictures()))
    assert load_encoder("torchvision:resnet18@IMAGENET1K_V1").identity == encoder.identity
    with pytest.raises(
        ModelError, match=r"'IMAGENET1K_V3' is neither a checkpoint nor published weights of resnet18; .*V1"
    ):
        load_encoder("torchvision:resnet18@IMAGENET1K_V3")


def test_the_published_names_of_densenet_are_understood(monkeypatch):
    model = torchvision_model("densenet121")
    old = {
        name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2.") if "denselayer" in name else name: tensor
        for name, tensor in model.state_dict().items()
        if "num_batches" not in name
    }
    assert any("denselayer1.norm.1.weight" in name for name in old)
    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", lambda _url, **_options: old)
    encoder = load_encoder("torchvision:densenet121")
    assert encoder.dropped == ("classifier.bias", "classifier.weight")
    for name, tensor in encoder.tower("image").state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]) or name.endswith("num_batches_tracked")
