"""The crop classifier on pictures whose crop tells the label by its colour."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from clip_training import run_until
from file_digests import file_digest
from PIL import Image

from memometer.audits.guards import check_disjoint, duplicates_across_roles
from memometer.data.records import RECORD_SCHEMA, load_records
from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import DamagedError, InputError, JobError, ModelError
from memometer.files import hash_bytes
from memometer.references import (
    CropClassifierConfig,
    crop_training,
    load_crop_classifier,
    train_crop_classifier,
)
from memometer.references.crop_batches import crop_batches
from memometer.references.crop_config import labelled_crops
from memometer.references.networks import build_network
from memometer.states import read_manifest

NAMES = ("bathing suit", "Kuckuck, ünïcode", "c")
COLORS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))
N, EPOCHS = 60, 6
CONFIG = CropClassifierConfig(model="tiny", image_size=16, epochs=EPOCHS, batch_size=16, lr=0.01, device="cpu")


def write_world(folder, *, seed=0, n=N, bad=()):
    """n records: a crop of the label's colour at a place of its own, noise around it, equally like every label."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    labels = np.arange(n) % len(NAMES)
    crops, rows = [], []
    for row, label in enumerate(labels):
        pixels = rng.integers(0, 256, (28, 32, 3))
        x, y = rng.integers(0, 12, 2)
        crops.append([x, y, 16, 14])
        pixels[y : y + 14, x : x + 16] = np.clip(COLORS[label] + rng.normal(0, 40, (14, 16, 3)), 0, 255)
        path = folder / "images" / f"{row:03d}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        if row in bad:
            path.write_bytes(path.read_bytes()[:100])
        image_hash = hash_bytes(path.read_bytes())
        rows.append({"record_id": f"r{row:03d}", "image_path": f"images/{path.name}", "image_hash": image_hash})
    pq.write_table(pa.Table.from_pylist(rows, schema=RECORD_SCHEMA), folder / "records.parquet")
    return {"records": load_records(folder), "crops": np.array(crops), "labels": labels}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("unseen"), seed=1, n=30)


@pytest.fixture(scope="module")
def trained(world, tmp_path_factory):
    return train(world, tmp_path_factory.mktemp("classifier"))


def train(world, out, *, config=CONFIG, overwrite=False, **changes):
    return train_crop_classifier(
        **{"label_names": NAMES, **world, **changes}, out=out, config=config, overwrite=overwrite
    )


def weights(folder):
    return file_digest(folder / "crop_classifier.safetensors")


def same_as(folder, other):
    names = ("crop_classifier.safetensors", "crop_classifier.json", "metrics.parquet", "rejects.parquet")
    return [name for name in names if file_digest(folder / name) != file_digest(other / name)] == []


def test_learns_the_rule_of_the_crop(trained, unseen):
    found = trained.predict(unseen["records"], crops=unseen["crops"])
    assert (found.labels == unseen["labels"]).mean() >= 0.9
    assert found.ranked.shape == (30, 5)
    assert (found.ranked[:, 3:] == -1).all()  # there are three labels
    assert (found.confidence > 1 / 3).all()
    assert (found.entropy < np.log(3)).all()


def test_sees_the_crop_alone(trained, unseen):
    elsewhere = unseen["crops"].copy()
    elsewhere[:, :2] = np.where(elsewhere[:, :2] < 6, 12, 0)
    moved = trained.predict(unseen["records"], crops=elsewhere)
    assert (moved.labels == unseen["labels"]).mean() < 0.9


def test_reload_keeps_names_and_predictions(trained, unseen):
    again = load_crop_classifier(trained.spec)
    assert again.label_names == NAMES
    assert again.identity == trained.identity
    call = {"records": unseen["records"], "crops": unseen["crops"]}
    for name in ("ranked", "confidence", "entropy"):
        np.testing.assert_array_equal(getattr(again.predict(**call), name), getattr(trained.predict(**call), name))


def test_batches_workers_and_order_change_no_prediction(trained, unseen):
    whole = trained.predict(unseen["records"], crops=unseen["crops"])
    order = np.random.default_rng(0).permutation(30)
    moved = trained.predict(unseen["records"].take(order), crops=unseen["crops"][order], batch_size=7, workers=2)
    np.testing.assert_array_equal(whole.ranked[order], moved.ranked)
    np.testing.assert_allclose(whole.entropy[order], moved.entropy, atol=1e-6)


def test_order_of_records_and_workers_change_no_weight(trained, world, tmp_path):
    order = np.random.default_rng(0).permutation(N)
    moved = {name: part.take(order) if name == "records" else part[order] for name, part in world.items()}
    train(moved, tmp_path / "moved", config=replace(CONFIG, workers=1))
    assert same_as(tmp_path / "moved", trained.folder)


def test_another_seed_gives_other_weights(trained, world, tmp_path):
    train(world, tmp_path / "other", config=replace(CONFIG, seed=1))
    assert not same_as(tmp_path / "other", trained.folder)


@pytest.mark.parametrize("epoch", [1, EPOCHS])
def test_a_stopped_training_goes_on_to_the_same_bytes(trained, world, tmp_path, monkeypatch, epoch):
    run_until(epoch, lambda: train(world, tmp_path), monkeypatch=monkeypatch)
    with pytest.raises(ModelError, match="run its training again to the end"):
        load_crop_classifier(tmp_path)
    train(world, tmp_path)
    assert same_as(tmp_path, trained.folder)
    assert not (tmp_path / "state").exists()


def test_what_dropout_drops_does_not_depend_on_the_stop(world, tmp_path, monkeypatch):
    def with_dropout(name, **options):
        network, size = build_network(name, **options)
        return torch.nn.Sequential(*network, torch.nn.Dropout(0.3)), size

    monkeypatch.setattr(crop_training, "build_network", with_dropout)
    train(world, tmp_path / "whole")
    run_until(2, lambda: train(world, tmp_path / "stopped"), monkeypatch=monkeypatch)
    train(world, tmp_path / "stopped")
    assert same_as(tmp_path / "stopped", tmp_path / "whole")


def test_a_finished_training_is_not_repeated(trained, world, capsys, monkeypatch):
    monkeypatch.setattr(crop_training.CropTraining, "__init__", None)  # it would fail
    assert train(world, trained.folder).identity == trained.identity
    assert "nothing to do" in capsys.readouterr().err


def test_another_classifier_is_replaced_only_when_asked(trained, world, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "copy")
    other = replace(CONFIG, epochs=1)
    with pytest.raises(InputError, match="holds another model"):
        train(world, tmp_path / "copy", config=other)
    assert weights(tmp_path / "copy") == weights(trained.folder)
    assert train(world, tmp_path / "copy", config=other, overwrite=True).manifest["best_epoch"] == 0


@pytest.mark.parametrize("change", ["labels", "crops", "label_names"])
def test_the_key_knows_all_that_goes_in(trained, world, change):
    moved = {"labels": np.roll(world["labels"], 1), "crops": world["crops"] + [0, 0, 1, 0], "label_names": NAMES[::-1]}
    with pytest.raises(InputError, match="holds another model"):
        train({**world, change: moved[change]}, trained.folder)


def test_the_best_epoch_is_kept(trained, world, tmp_path):
    metrics = pq.read_table(trained.folder / "metrics.parquet").to_pydict()
    assert metrics["epoch"] == list(range(EPOCHS))
    best = max(range(EPOCHS), key=lambda epoch: (metrics["held_out_accuracy"][epoch], -metrics["held_out_loss"][epoch]))
    assert trained.manifest["best_epoch"] == best
    assert trained.manifest["held_out_accuracy"] == metrics["held_out_accuracy"][best]
    # A training that ends with the best epoch's weights: the last epoch's when none is held out.
    last = train(world, tmp_path, config=replace(CONFIG, held_out=0.0, epochs=2))
    assert last.manifest["best_epoch"] == 1
    assert pq.read_table(tmp_path / "metrics.parquet")["held_out_loss"].null_count == 2


def test_a_worse_last_epoch_is_not_kept(world, tmp_path, monkeypatch):
    scores = iter([(1.0, 0.5), (0.8, 0.9), (0.7, 0.9), (0.1, 0.6), (0.9, 0.9), (0.7, 0.9)])
    seen = []

    def score(training, batches, _):
        next(batches)
        seen.append({name: tensor.clone() for name, tensor in training.network.state_dict().items()})
        return next(scores)

    monkeypatch.setattr(crop_training.CropTraining, "_score_held_out", score)
    assert train(world, tmp_path).manifest["best_epoch"] == 2
    kept = load_crop_classifier(tmp_path)._encoder.tower("image").state_dict()
    assert all(torch.equal(kept[name], seen[2][name]) for name in kept)


def test_the_held_out_share_spares_one_record_of_each_label(world):
    crops = labelled_crops(**world, label_names=NAMES)
    chosen = crops.held_out(0.5, seed=0)
    assert chosen.sum() == N / 2
    few = labelled_crops(
        world["records"].take(range(4)), crops=world["crops"][:4], labels=[0, 1, 2, 2], label_names=NAMES
    )
    assert few.held_out(0.5, seed=0).sum() == 1
    assert set(few.labels[~few.held_out(0.5, seed=0)]) == {0, 1, 2}


def test_unreadable_images_are_rejects(trained, tmp_path):
    broken = write_world(tmp_path / "broken", bad=(0, 1, 2, 3, 30))
    broken["crops"][4] = [30, 0, 16, 14]
    classifier = train(broken, tmp_path / "classifier")
    rejects = pq.read_table(tmp_path / "classifier" / "rejects.parquet").to_pydict()
    assert rejects["record_id"] == ["r000", "r001", "r002", "r003", "r004", "r030"]
    assert rejects["reason"][4] == "crop outside the image: 16 × 14 px at (30, 0) of an image of 32 × 28 px"
    assert classifier.manifest["n_rejects"] == 6
    found = classifier.predict(broken["records"], crops=broken["crops"])
    assert sorted(name for name, _ in found.rejects) == rejects["record_id"]
    assert (found.ranked[[0, 4, 30]] == -1).all()
    assert np.isnan(found.confidence[30])
    assert np.isnan(found.entropy[30])
    assert np.isfinite(found.confidence[5:30]).all()


def test_no_readable_image_is_an_error(tmp_path):
    broken = write_world(tmp_path / "broken", n=9, bad=range(9))
    with pytest.raises(InputError, match="no crop of the 8 records to train on can be read"):
        train(broken, tmp_path / "classifier")
    broken["records"] = broken["records"].take(range(6))
    call = {"crops": broken["crops"][:6], "labels": broken["labels"][:6]}
    table = broken["records"].table.set_column(1, "image_path", pa.nulls(6, pa.string()))
    with pytest.raises(InputError, match="no image"):
        train({**call, "records": replace(broken["records"], table=table)}, tmp_path / "other")


def test_the_records_trained_on_can_be_held_against_others(trained, world, unseen):
    fit = trained.fitted_on
    assert fit.record_ids.equals(world["records"].record_ids)
    with pytest.raises(InputError, match="60 records"):
        check_disjoint({"target": world["records"], "classifier's": fit})
    check_disjoint({"target": unseen["records"], "classifier's": fit})  # equal ids of another folder
    assert duplicates_across_roles({"target": world["records"], "classifier's": fit})["n"] == N
    assert duplicates_across_roles({"target": unseen["records"], "classifier's": fit})["n"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label_names": [str(each) for each in range(N + 1)]}, "60 records for 61 labels"),
        ({"label_names": (*NAMES, "walrus")}, "1 of 4 labels have no record to train on, e.g. 'walrus'"),
        ({"label_names": NAMES[:2]}, "label ids from 0 to 2; expected 0 … 1"),
        ({"label_names": ("a", "a", "b")}, "2 of them distinct"),
        ({"labels": np.zeros(3, int)}, "labels of shape"),
        ({"crops": np.zeros((N, 4), int)}, "without an area"),
        ({"crops": np.ones((N, 4))}, "float64 for 60 records"),
    ],
)
def test_parts_that_do_not_fit_are_named(world, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        train({**world, **change}, tmp_path)


def test_options_out_of_range_are_named():
    with pytest.raises(InputError, match="epochs = 0, expected above 0; batch size = 1, expected 2 or more"):
        CropClassifierConfig(epochs=0, batch_size=1)
    with pytest.raises(InputError, match=r"held_out = 0\.9.*optimizer = 'lion', expected adamw, sgd; augmentation"):
        CropClassifierConfig(held_out=0.9, optimizer="lion", augmentation="mixup")


def test_a_loss_that_runs_away_ends_the_training(world, tmp_path):
    with pytest.raises(JobError, match="the loss is"):
        train(world, tmp_path, config=replace(CONFIG, optimizer="sgd", lr=1e12))


def test_a_damaged_folder_is_no_classifier(trained, tmp_path):
    with pytest.raises(ModelError, match="holds no trained crop classifier"):
        load_crop_classifier(f"crop-classifier:{tmp_path}")
    shutil.copytree(trained.folder, tmp_path / "copy")
    config = tmp_path / "copy" / "crop_classifier.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "label_names": ["a", "b"]}))
    with pytest.raises(DamagedError, match=r"crop_classifier\.json is damaged"):
        load_crop_classifier(tmp_path / "copy")
    manifest = tmp_path / "copy" / "manifest.json"
    written = read_manifest(manifest)
    manifest.write_text(json.dumps(written))  # as versions wrote it that knew no hashes
    with pytest.raises(ModelError, match="does not fit the network"):
        load_crop_classifier(tmp_path / "copy")
    manifest.write_text(json.dumps({**written, "weights_hash": "0"}))
    with pytest.raises(ModelError, match="hash differs"):
        load_crop_classifier(tmp_path / "copy")


@pytest.mark.parametrize(("name", "size"), [("tiny", 32), ("resnet18", 224), ("timm:test_resnet", 160)])
def test_networks_by_name(name, size):
    network, found = build_network(name, n_labels=7)
    assert found == size
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet19", {}, "expected tiny, resnet101"),
        ("timm:resnet_18", {}, "near names are resnet"),
        ("timm:hf-hub:timm/resnet18", {}, "no network named"),
        ("timm:test_vit", {"image_size": 33}, "does not take images of 33 px"),
    ],
)
def test_networks_that_do_not_exist(name, options, message):
    with pytest.raises(ModelError, match=message):
        build_network(name, n_labels=3, **options)


def test_sgd_and_default_options_learn_too(world, unseen, tmp_path):
    config = replace(CONFIG, optimizer="sgd", lr=0.05, epochs=10, augmentation="none")
    found = train(world, tmp_path, config=config).predict(unseen["records"], crops=unseen["crops"])
    assert (found.labels == unseen["labels"]).mean() >= 0.9


def test_views_depend_on_seed_epoch_and_record_alone(world):
    def views(rows, *, epoch=0, seed=0, workers=0):
        settings = crop_training.preprocess_config(16)
        batches = [(epoch, np.array(rows))]
        options = {"preprocess": image_preprocess(settings), "seed": seed, "workers": workers}
        augmentation = crop_training.AUGMENTATIONS["ssl"]
        (batch,) = crop_batches(
            world["records"], crops=world["crops"], batches=batches, augmentation=augmentation, **options
        )
        return dict(zip(batch.rows.tolist(), batch.values, strict=True))

    first = views([3, 1, 2])
    again = views([2, 3], workers=1)
    assert list(first) == [3, 1, 2]
    assert all(np.array_equal(first[row], again[row]) for row in again)
    assert not np.array_equal(first[3], views([3], epoch=1)[3])
    assert not np.array_equal(first[3], views([3], seed=1)[3])


def test_the_manifest_names_what_went_in(trained):
    manifest = trained.manifest
    assert manifest["records"]["n"] == N
    assert manifest["n_held_out"] == 6
    assert manifest["options"]["model"] == "tiny"
    assert manifest["weights_hash"] == trained._encoder.weights_hash
    assert pc.all(pc.is_valid(trained.fitted_on.column("image_hash"))).as_py()
