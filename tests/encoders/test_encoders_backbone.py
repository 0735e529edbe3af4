"""The towers of open_clip's models, and their features below the projection."""

import numpy as np
import pytest
import torch
from model_factory import clip_encoder, tiny_architecture
from vision_models import encode, pictures

from memometer.encoders import Encoder
from memometer.encoders.architectures import architecture_named, build_model
from memometer.encoders.backbone import drop_projection
from memometer.encoders.forward import normalised
from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import ModelError
from memometer.training.models import preprocess_config


def open_clip_encoder(features="projector", **changes):
    torch.manual_seed(0)
    architecture = tiny_architecture(**changes)
    return clip_encoder(build_model(architecture), architecture, spec="open_clip:tiny", features=features)


def test_backbone_features_are_what_the_projection_takes():
    projector, backbone = open_clip_encoder(), open_clip_encoder("backbone")
    assert isinstance(backbone, Encoder)
    assert (projector.features, backbone.features) == ("projector", "backbone")
    assert projector.identity != backbone.identity
    before, after = encode(backbone, pictures()), encode(projector, pictures())
    assert before.shape == (3, 32)
    projection = projector.tower("image").proj.detach().numpy()
    np.testing.assert_allclose(before @ projection, after, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(backbone.encode_texts(["a dog"]), projector.encode_texts(["a dog"]))


@pytest.mark.parametrize("proj", ["linear", "mlp", "none", ""])
def test_backbone_features_of_a_timm_tower_are_its_trunks(proj):
    vision = {"timm_model_name": "test_vit", "image_size": 160, "timm_pool": "token", "timm_proj": proj}
    changes = {"vision_cfg": vision, "embed_dim": 64 if proj == "none" else 16}
    backbone = open_clip_encoder("backbone", **changes)
    pixels = np.stack([image_preprocess({**preprocess_config(160)})(image) for image in pictures()])
    trunk = backbone.tower("image").trunk
    with torch.inference_mode():
        batch = normalised(pixels, backbone.preprocess_config)
        expected = trunk.forward_head(trunk.forward_features(batch), pre_logits=True).numpy()
    np.testing.assert_array_equal(backbone.encode_images(pixels), expected)
    assert open_clip_encoder(**changes).encode_images(pixels).shape == (3, changes["embed_dim"])


@pytest.mark.parametrize(
    ("vision", "why"),
    [
        ({"layers": [1, 1, 1, 1], "width": 8, "image_size": 32}, "its attention pooling projects in the same step"),
        ({"timm_model_name": "resnet10t", "image_size": 176, "timm_pool": "abs_attn", "timm_proj": ""}, "attention"),
    ],
)
def test_a_tower_that_pools_and_projects_in_one_has_no_backbone_of_its_own(vision, why):
    with pytest.raises(ModelError, match=f"open_clip:tiny has no backbone features apart from its projector: .*{why}"):
        open_clip_encoder("backbone", vision_cfg=vision)


def test_a_backbone_of_a_real_architecture_has_its_width():
    with torch.device("meta"):
        model = build_model(architecture_named("ViT-B-32")).eval()
        drop_projection(model, spec="open_clip:ViT-B-32")
        assert model.encode_image(torch.zeros(1, 3, 224, 224)).shape == (1, 768)


@pytest.mark.parametrize("custom", [False, True])
def test_the_towers_of_open_clip_hold_their_own_layers_alone(custom):
    encoder = open_clip_encoder(custom_text=custom)
    assert {"conv1", "transformer.resblocks.0.mlp.gelu"} <= dict(encoder.tower("image").named_modules()).keys()
    text = dict(encoder.tower("text").named_modules())
    layer = "transformer.resblocks.0" if custom else "resblocks.0"
    assert layer in text
    assert not any(name.startswith("visual") for name in text)
    seen = []
    text[layer].register_forward_hook(lambda _module, _inputs, output: seen.append(output.shape))
    encoder.encode_texts(["a", "b"])
    assert seen == [(2, 12, 32)]
