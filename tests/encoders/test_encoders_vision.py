"""Image encoders of every library: how they are named, their options, identity and precision."""

import json

import numpy as np
import pytest
import timm
import timm.models._hub
from hostile_models import clip_folder
from huggingface_hub.errors import LocalEntryNotFoundError
from model_factory import noise_image
from PIL import Image
from vision_models import encode, pictures, saved, torchvision_model

from memometer.embeddings import load_encoder
from memometer.encoders import has_tower
from memometer.errors import InputError, ModelError


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("models/a", "'models/a' does not name a model; expected open_clip:FOLDER"),
        ("timm:", "'timm:' does not name a model; .* timm:NAME, torchvision:NAME, text:NAME"),
        ("open_clip:", "'open_clip:' does not name a model"),
        (
            "open_clip:ViT-B-32",
            "is an architecture without weights; add a checkpoint, open_clip:ViT-B-32@PATH, or .* openai",
        ),
        ("open_clip:ViT-B/32", "is an architecture without weights"),
        ("open_clip:Vit-b-33", "no such file or folder, and open_clip has no model 'Vit-b-33'; did you mean ViT-B-32"),
        ("open_clip:ViT-B-33@openai", "open_clip has no model 'ViT-B-33'; did you mean ViT-B-32"),
        ("open_clip:qqqqqqqq@x", r"open_clip has no model 'qqqqqqqq'; .*list_models"),
        ("open_clip:models/none.pt", "no model at models/none.pt: there is no such file or folder"),
        ("open_clip:./models/none", "no model at ./models/none: there is no such file or folder"),
        ("open_clip:none.json@x", "cannot read the model config none.json: No such file"),
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
    ("place", "spec", "message"),
    [
        ("open_clip.download_pretrained", "open_clip:ViT-B-32@openai", "the weights 'openai' of ViT-B-32: no network"),
        ("timm.models._hub.hf_hub_download", "timm:test_vit", "the weights of timm's model 'test_vit': .*no network"),
        ("huggingface_hub.hf_hub_download", "timm:hf-hub:a/b", "timm's model 'hf-hub:a/b': no network"),
        (
            "torchvision.models._api.load_state_dict_from_url",
            "torchvision:resnet18",
            r"torchvision's weights ResNet18_Weights\.IMAGENET1K_V1: no net",
        ),
    ],
)
def test_a_download_that_fails_is_an_error(monkeypatch, place, spec, message):
    def offline(*_names, **_options):
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(place, offline)
    with pytest.raises(ModelError, match=f"cannot download {message}"):
        load_encoder(spec)


@pytest.fixture(params=["open_clip", "timm", "torchvision"])
def spec(request, checkpoint, tmp_path):
    """A model of each library."""
    if request.param == "open_clip":
        return f"open_clip:{clip_folder(tmp_path / 'm')}"
    if request.param == "timm":
        return f"timm:test_resnet@{checkpoint}"
    return f"torchvision:squeezenet1_1@{saved(torchvision_model('squeezenet1_1').state_dict(), tmp_path / 'x.pt')}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "unknown device 'gpu'; expected cpu, cuda"),
        ({"device": "meta"}, "device 'meta' is not supported"),
        ({"device": "cuda:99"}, "torch sees \\d+ CUDA devices; use --device cpu"),
        ({"precision": "fp8"}, "precision 'fp8' is not known; expected fp32 or bf16"),
        ({"features": "head"}, "features 'head' are not known; expected projector or backbone"),
    ],
)
def test_unknown_options_are_errors(spec, options, message):
    with pytest.raises(InputError, match=message):
        load_encoder(spec, **options)


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


def test_bf16_is_near_fp32_and_still_gives_float32(spec):
    fp32, bf16 = (load_encoder(spec, precision=precision) for precision in ("fp32", "bf16"))
    pairs = [(encode(fp32, pictures()), encode(bf16, pictures()))]
    if has_tower(fp32, "text"):
        texts = ["a dog", "two cats beside a very long boat on a river", ""]
        pairs.append((fp32.encode_texts(texts), bf16.encode_texts(texts)))
    for exact, rough in pairs:
        assert rough.dtype == np.float32
        assert 0 < np.abs(exact - rough).max() < 0.1 * np.abs(exact).max()


def test_pictures_of_every_mode_are_encoded(spec):
    encoder = load_encoder(spec)
    images = [noise_image(1).convert(mode) for mode in ("L", "P", "CMYK", "RGBA", "1")]
    assert np.isfinite(encode(encoder, [*images, Image.new("RGB", (1, 900))])).all()
