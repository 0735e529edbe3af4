"""Image encoders: the vectors are those of the bare timm and torchvision models, pixels and all."""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import timm.models._hub
import torch
import torchvision
from huggingface_hub.errors import LocalEntryNotFoundError
from model_factory import noise_image, tiny_architecture
from PIL import Image
from timm.data import create_transform, resolve_model_data_config

from memometer.embeddings import load_encoder
from memometer.encoders import Encoder, ImageEncoder, TextEncoder, has_tower
from memometer.encoders.architectures import architecture_named, build_model, build_tokenizer
from memometer.encoders.backbone import drop_projection
from memometer.encoders.open_clip import OpenClipEncoder
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.timm_models import classifier_prefixes, timm_preprocess_config
from memometer.encoders.torchvision_models import drop_classifier, torchvision_preprocess_config
from memometer.encoders.unwrapping import fit_tower
from memometer.encoders.vision import check_tower
from memometer.errors import InputError, ModelError
from memometer.training.models import preprocess_config


def pictures(n=3):
    return [noise_image(seed, size=(190 + 7 * seed, 171)) for seed in range(n)]


def encode(encoder, images):
    return encoder.encode_images(np.stack([encoder.preprocess(image) for image in images]))


def timm_model(name, *, seed=0, **options):
    """One of timm's test models, a few hundred thousand weights; batch norms know some statistics."""
    torch.manual_seed(seed)
    model = timm.create_model(name, **options)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


@torch.inference_mode()
def timm_oracle(model, images):
    """Pooled features by timm's own transform and its own split into features and head."""
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    batch = torch.stack([transform(image.convert("RGB")) for image in images])
    return model.forward_head(model.forward_features(batch), pre_logits=True).numpy()


def saved(content, path):
    torch.save(content, path)
    return path


@pytest.fixture(scope="module")
def resnet():
    return timm_model("test_resnet")


@pytest.fixture(scope="module")
def checkpoint(resnet, tmp_path_factory):
    return saved(resnet.state_dict(), tmp_path_factory.mktemp("timm") / "resnet.pt")


# --- timm


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


def test_a_download_that_fails_is_an_error(monkeypatch):
    def offline(**_options):
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(timm.models._hub, "hf_hub_download", lambda *_names, **_options: offline())
    with pytest.raises(ModelError, match=r"cannot download the weights of timm's model 'test_vit': .*no network"):
        load_encoder("timm:test_vit")
    with pytest.raises(ModelError, match="cannot build timm's model 'hf-hub:someone/none': no network"):
        load_encoder("timm:hf-hub:someone/none")


@pytest.mark.parametrize("name", ["efficientvit_m0", "levit_128s", "levit_384_s8", "deit_tiny_distilled_patch16_224"])
def test_classifiers_of_several_layers_are_dropped_whole(name):
    with torch.device("meta"):
        whole, tower = timm.create_model(name), timm.create_model(name, num_classes=0)
    fitted = fit_tower(whole.state_dict(), tower, heads=classifier_prefixes(tower), name=name)
    assert fitted.state.keys() == tower.state_dict().keys()
    assert set(fitted.dropped) == whole.state_dict().keys() - tower.state_dict().keys()


def test_a_model_that_cannot_serve_is_an_error_before_any_job():
    strict = timm.create_model("vit_tiny_patch16_224", depth=1, num_classes=0)
    with pytest.raises(
        ModelError, match=r"does not take images of 160 × 160 px, the size that its preprocessing makes"
    ):
        check_tower(strict, size=(160, 160), name="strict")
    with pytest.raises(ModelError, match=r"'maps' gives \(1, 3, 8, 8\) for one image; expected \(1, d\)"):
        check_tower(torch.nn.Identity(), size=(8, 8), name="maps")


# --- wrappers


def beside(state, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


LAYOUTS = {
    "data parallel": lambda state: beside(state, "module."),
    "lightning": lambda state: {
        "state_dict": beside(state, "model.backbone.") | {"model.projection_head.0.weight": torch.ones(2, 2)},
        "epoch": 3,
    },
    "torchvision": lambda state: {"model": state, "optimizer": {}, "args": argparse.Namespace(lr=0.1)},
    "dino": lambda state: {"teacher": beside(state, "backbone.") | {"head.mlp.0.bias": torch.ones(3)}, "epoch": 9},
    "moco": lambda state: {"state_dict": beside(state, "module.encoder_q.") | {"module.queue": torch.ones(4)}},
    "no classifier": lambda state: {name: state[name] for name in state if not name.startswith("fc.")},
    "old batch norms": lambda state: {name: state[name] for name in state if "num_batches" not in name},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_known_wrappers_come_off(layout, resnet, checkpoint, tmp_path):
    path = saved(LAYOUTS[layout](resnet.state_dict()), tmp_path / "x.pt")
    encoder, plain = load_encoder(f"timm:test_resnet@{path}"), load_encoder(f"timm:test_resnet@{checkpoint}")
    assert encoder.identity == plain.identity
    np.testing.assert_array_equal(encode(encoder, pictures()), encode(plain, pictures()))
    beyond = {"lightning": "model.projection_head.0.weight", "dino": "head.mlp.0.bias", "moco": "queue"}
    assert layout not in beyond or beyond[layout] in encoder.dropped


def test_a_real_data_parallel_model_loads(resnet, checkpoint, tmp_path):
    path = saved(torch.nn.DataParallel(resnet).state_dict(), tmp_path / "x.pt")
    assert load_encoder(f"timm:test_resnet@{path}").identity == load_encoder(f"timm:test_resnet@{checkpoint}").identity


def test_several_models_in_a_file_must_be_told_apart(resnet, checkpoint, tmp_path):
    first, second = resnet.state_dict(), timm_model("test_resnet", seed=1).state_dict()
    right = load_encoder(f"timm:test_resnet@{checkpoint}").identity
    moco = saved(beside(first, "encoder_q.") | beside(second, "encoder_k."), tmp_path / "moco.pt")
    with pytest.raises(ModelError, match=r"several times, under 'encoder_k\.' and 'encoder_q\.'; .*\?part=encoder_k"):
        load_encoder(f"timm:test_resnet@{moco}")
    assert load_encoder(f"timm:test_resnet@{moco}?part=encoder_q").identity == right
    assert load_encoder(f"timm:test_resnet@{moco}?part=encoder_k").identity != right
    dino = saved({"student": beside(second, "module."), "teacher": beside(first, "module.")}, tmp_path / "dino.pt")
    with pytest.raises(ModelError, match=r"holds several models, under 'teacher' and 'student'; .*\?part=teacher"):
        load_encoder(f"timm:test_resnet@{dino}")
    assert load_encoder(f"timm:test_resnet@{dino}?part=teacher").identity == right
    with pytest.raises(ModelError, match=r"holds no part 'ema'; leave \?part=ema away, or name another"):
        load_encoder(f"timm:test_resnet@{moco}?part=ema")


def test_weights_of_another_architecture_are_an_error_that_counts_the_differences(checkpoint):
    with pytest.raises(ModelError) as caught:
        load_encoder(f"timm:test_vit@{checkpoint}")
    message = str(caught.value)
    assert "resnet.pt does not fit the model 'test_vit'" in message
    assert "tensors are missing (e.g. blocks.0.attn.proj.bias)" in message
    assert "are unknown (e.g. bn1.bias)" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("bn1.weight"), r"1 tensors are missing \(e\.g\. bn1\.weight\); name the right"),
        (lambda state: state.update(extra=torch.ones(1)), r"1 are unknown \(e\.g\. extra\)"),
        (
            lambda state: state.update({"bn1.bias": torch.ones(3)}),
            r"1 are of another shape \(e\.g\. bn1\.bias \(3,\), expected \(\d+,\)\)",
        ),
    ],
    ids=["missing", "unknown", "reshaped"],
)
def test_a_single_odd_tensor_is_an_error(change, message, resnet, tmp_path):
    state = dict(resnet.state_dict())
    change(state)
    path = saved(beside(state, "module."), tmp_path / "x.pt")
    with pytest.raises(ModelError, match=message):
        load_encoder(f"timm:test_resnet@{path}")


class Exploit:
    """Writes a file when unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (Path.write_text, (Path(self.target), "ran"))


@pytest.mark.parametrize("inside", ["tensors", "options"])
@pytest.mark.parametrize("scheme", ["timm:test_resnet", "torchvision:squeezenet1_1"])
def test_a_pickled_object_in_a_checkpoint_is_refused(inside, scheme, resnet, tmp_path):
    touched, state = tmp_path / "touched", resnet.state_dict()
    content = {"model": {**state, "x": Exploit(touched)}}
    if inside == "options":  # a Namespace may be there, but nothing that runs in it
        content = {"model": state, "args": argparse.Namespace(x=Exploit(touched))}
    path = saved(content, tmp_path / "x.pt")
    with pytest.raises(ModelError, match="holds Python objects, which could run code; nothing in it was run"):
        load_encoder(f"{scheme}@{path}")
    assert not touched.exists()


# --- torchvision


def torchvision_model(name, **options):
    torch.manual_seed(0)
    return torchvision.models.get_model(name, weights=None, **options).eval()


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
        maps = model.features(encoder._normalise(pixels))
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


def test_a_torchvision_download_that_fails_is_an_error(monkeypatch):
    def offline(_url, **_options):
        raise OSError("no network")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", offline)
    with pytest.raises(
        ModelError, match=r"cannot download torchvision's weights ResNet18_Weights\.IMAGENET1K_V1: no net"
    ):
        load_encoder("torchvision:resnet18")


# --- names, options, identity


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


# --- open_clip's towers


def open_clip_encoder(features="projector", **changes):
    torch.manual_seed(0)
    architecture = tiny_architecture(**changes)
    return OpenClipEncoder(
        build_model(architecture),
        tokenizer=build_tokenizer(architecture),
        model_config=architecture.config,
        preprocess_config=preprocess_config(32),
        weights_hash="same",
        spec="open_clip:tiny",
        device=torch.device("cpu"),
        features=features,
    )


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
        batch = backbone._normalise(pixels)
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
