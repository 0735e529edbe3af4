"""Image encoders of every library: how they are named, their options, identity and precision."""

import json

import numpy as np
import pytest
import timm
import timm.models._hub
from model_factory import noise_image
from PIL import Image
from vision_models import encode, pictures, saved, torchvision_model

from memometer.embeddings import load_encoder
from memometer.errors import InputError, ModelError


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("timm:resnet_50", "timm has no model 'resnet_50', and there is no such folder; did you mean resnet50"),
        ("timm:qqqqqqqqqq", r"there is no such folder; .*list_models"),
        ("timm:test_vit.none_in1k", "publishes no weights 'none_in1k' for test_vit; there are test_vit.r160_in1k"),
        ("timm:vit_small_patch16_18x2_224", r"publishes no weights for vit_small_patch16_18x2_224; add a checkpoint"),
        ("timm:test_vit@none.pt", r"no checkpoint at none\.pt; expected timm:test_vit@PATH, or timm:test_vit for publ"),
        ("torchvision:resnet_18", "torchvision has no classifier 'resnet_18'; did you mean resnet18"),
        ("torchvision:fcn_resnet50", "torchvision has no classifier 'fcn_resnet50'"),
        ("torchvision:resnet18@none.pt", r"'none\.pt' is neither a checkpoint nor published weights of resnet18"),
        ("torchvision:", "'torchvision:' does not name a model"),
    ],
)
def test_a_spec_that_names_nothing_says_what_to_do(spec, message):
    with pytest.raises(ModelError, match=message):
        load_encoder(spec)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"precision": "fp8"}, "precision 'fp8' is not known"),
        ({"features": "head"}, "features 'head' are not known; expected projector or backbone"),
    ],
)
@pytest.mark.parametrize("scheme", ["timm:test_resnet", "torchvision:squeezenet1_1"])
def test_unknown_options_are_errors(scheme, options, message, checkpoint, tmp_path):
    path = checkpoint
    if scheme.startswith("torchvision"):
        path = saved(torchvision_model("squeezenet1_1").state_dict(), tmp_path / "x.pt")
    with pytest.raises(InputError, match=message):
        load_encoder(f"{scheme}@{path}", **options)


def test_identity_follows_weights_preprocessing_and_precision(resnet, checkpoint, tmp_path):
    base = load_encoder(f"timm:test_resnet@{checkpoint}")
    changed = {name: tensor.clone() for name, tensor in resnet.state_dict().items()}
    changed["bn1.bias"][0] += 1e-6
    weights = load_encoder(f"timm:test_resnet@{saved(changed, tmp_path / 'x.pt')}")
    head = {name: tensor + 1 if name.startswith("fc.") else tensor for name, tensor in resnet.state_dict().items()}
    timm.models._hub.save_for_hf(resnet, tmp_path / "hub", safe_serialization=True)
    config = json.loads((tmp_path / "hub" / "config.json").read_text())
    config["pretrained_cfg"]["crop_pct"] = 0.5
    (tmp_path / "hub" / "config.json").write_text(json.dumps(config))
    others = [
        weights.identity,
        load_encoder(f"timm:{tmp_path / 'hub'}").identity,
        load_encoder(base.spec, precision="bf16").identity,
    ]
    assert len({base.identity, *others}) == 4
    assert load_encoder(f"timm:test_resnet@{saved(head, tmp_path / 'y.pt')}").identity == base.identity


def test_bf16_is_near_fp32_and_still_gives_float32(checkpoint):
    exact, rough = (
        encode(load_encoder(f"timm:test_resnet@{checkpoint}", precision=precision), pictures())
        for precision in ("fp32", "bf16")
    )
    assert rough.dtype == np.float32
    assert 0 < np.abs(exact - rough).max() < 0.1 * np.abs(exact).max()


def test_pictures_of_every_mode_are_encoded(checkpoint):
    encoder = load_encoder(f"timm:test_resnet@{checkpoint}")
    images = [noise_image(1).convert(mode) for mode in ("L", "P", "CMYK", "RGBA", "1")]
    assert np.isfinite(encode(encoder, [*images, Image.new("RGB", (1, 900))])).all()
