"""A short study on scenes: masking captions lowers what a model gives away of objects that captions leave out."""

import json
import math
from unittest import mock

import numpy as np
import pytest
import torch

from memometer.data import make_scenes, split_records
from memometer.measures.vl_dejavu.audit import audit_vl_dejavu
from memometer.training import TrainConfig, train
from memometer.training.folder import ModelFolder

N, N_PUBLIC, MASK = 400, 300, 0.8
MODEL = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "layers": 2, "head_width": 32},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """By share of masked tokens, the audit of a model A against a model B, both ways."""
    with mock.patch.object(ModelFolder, "save_state"):  # 160 states that no one goes on from take a third of the time
        return made(tmp_path_factory)


def made(tmp_path_factory):
    root, threads = tmp_path_factory.mktemp("study"), torch.get_num_threads()
    torch.set_num_threads(1)  # the weights depend on it
    (root / "model.json").write_text(json.dumps(MODEL))
    make_scenes(root / "records", n=2 * N + N_PUBLIC, size=32, seed=0, workers=0)
    split_records(root / "records", {"a": N, "b": N, "public": "rest"}, seed=0)
    found = {}
    for mask in (0.0, MASK):
        models = {}
        for role in "ab":
            options = {"records": root / "records", "role": role, "out": root / f"{role}-{mask}", "text_mask": mask}
            model = {"model": str(root / "model.json"), "epochs": 40, "batch_size": 100, "lr": 2e-3, "device": "cpu"}
            models[role] = train(TrainConfig.checked(**options, **model)).spec
        found[mask] = audit_vl_dejavu(
            target=models["a"],
            reference=models["b"],
            records=root / "records",
            role="a",
            reference_role="b",
            public=root / "records",
            public_role="public",
            gallery=0,
            images=False,
        )
    torch.set_num_threads(threads)
    return found


def paired_z(plain, masked, *, gap):
    """How many standard errors the mean gap of one audit lies above that of another, paired by record."""
    drops = []
    for audit in (plain, masked):
        table = audit.samples.to_pandas().set_index(["direction", "record_id"]).sort_index()
        drops.append(gap(table["recall_unmentioned_target"] - table["recall_unmentioned_reference"]))
    difference = (drops[0] - drops[1]).dropna()
    assert len(difference) > 1.9 * N  # of both directions
    return difference.mean() / (difference.std() / math.sqrt(len(difference)))


@pytest.mark.slow
def test_masking_lowers_the_balanced_gap_on_unmentioned_objects_by_many_standard_errors(audits):
    plain, masked = audits[0.0], audits[MASK]
    gaps = [audit.summary["balanced"]["unmentioned"] for audit in (plain, masked)]
    for name in ("prg", "aucg"):
        assert gaps[0][name]["low"] > max(gaps[1][name]["value"], 0)
    # About 6 standard errors where this was written.
    assert paired_z(plain, masked, gap=np.sign) > 4
    assert paired_z(plain, masked, gap=lambda recall: recall) > 4
