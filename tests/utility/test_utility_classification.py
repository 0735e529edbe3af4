"""What is in the images, and the linear probe, against scikit-learn and by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from memometer.data.records import RECORD_SCHEMA, Records
from memometer.errors import InputError
from memometer.seeds import seed_for
from memometer.utility.classification import classify
from memometer.utility.probe import REGULARISATION, fit_probe, held_out, probe_classes
from memometer.utility.truth import Truth, choose_task, known_labels, truth_of, unmatched_note


def records_of(labels=None, objects=None):
    n = len(labels or objects)
    rows = {"record_id": [f"r{row}" for row in range(n)], "label": labels, "objects": objects}
    columns = [pa.array(rows.get(field.name) or [None] * n, field.type) for field in RECORD_SCHEMA]
    return Records(pa.table(columns, schema=RECORD_SCHEMA), Path("here"))


def test_task_is_that_of_the_labels_there_are():
    several = [["cat", "dog"], ["cat"], None]
    assert choose_task(records_of(labels=["cat", None, "dog"], objects=several), "auto") == "single-label"
    assert choose_task(records_of(labels=["cat", None, "dog"], objects=several), "objects") == "multi-label"
    assert choose_task(records_of(objects=several), "auto") == "multi-label"
    assert choose_task(records_of(objects=[["cat", "cat"], ["dog"], []]), "auto") == "single-label"
    for records, kind, message in (
        (
            records_of(objects=several),
            "label",
            "no record in here has a label; import labels, or pass --labels objects",
        ),
        (records_of(labels=["cat"]), "objects", "has objects"),
        (records_of(objects=[None, None]), "auto", "has a label or objects"),
    ):
        with pytest.raises(InputError, match=message):
            choose_task(records, kind)


def test_single_labels_match_whatever_their_case_and_underscores():
    records = records_of(labels=["Hot_Dog", "cat", None, "bird"])
    truth = truth_of(records, ["cat", "hot dog"], task="single-label")
    assert truth.positive.tolist() == [[False, True], [True, False], [False, False], [False, False]]
    assert truth.reasons.tolist() == [None, None, "no label", "label not among the classes"]
    assert truth.scored.tolist() == [0, 1]
    only = records_of(objects=[["cat", "cat"], ["dog"], []])
    assert truth_of(only, ["dog", "cat"], task="single-label").positive.tolist()[0] == [False, True]


def test_objects_that_are_not_asked_for_leave_an_image_negative():
    records = records_of(objects=[["cat", "dog"], ["bird"], [], None])
    truth = truth_of(records, ["dog", "cat", "fox"], task="multi-label")
    assert truth.positive.tolist() == [[True, True, False], [False] * 3, [False] * 3, [False] * 3]
    assert truth.reasons.tolist() == [None, None, None, "no objects"]
    assert known_labels(records, "multi-label") == ["bird", "cat", "dog"]
    with pytest.raises(InputError, match=r"no record has any of the 2 classes, e.g. 'ant'; .* are bird, cat, dog"):
        truth_of(records, ["ant", "bee"], task="multi-label")


def test_note_names_what_a_class_may_mean():
    assert unmatched_note([], ["cat"], what="zero-shot") is None
    note = unmatched_note(["umbrela", "unicorn"], ["umbrella", "cat"], what="zero-shot")
    assert "'umbrela' (is it 'umbrella'?), 'unicorn';" in note


def test_accuracy_by_hand_ties_go_to_the_lower_class():
    positive = np.eye(6, dtype=bool)[[0, 1, 5, 2]]
    scores = np.zeros((4, 6), np.float32)
    scores[3, 3] = 1
    found = classify(
        scores, Truth("single-label", positive, np.full(4, None)), seed=0, name="x", replicates=50, micro=False
    )
    assert found.rank.tolist() == [1, 2, 6, 4]
    assert found.correct.tolist() == [True, False, False, False]
    assert found.numbers["accuracy"]["value"] == 1 / 4
    assert found.numbers["accuracy@5"]["value"] == 3 / 4
    assert found.numbers["mean_average_precision"] is None
    assert found.of_class[:3].tolist() == [1.0, 0.0, 0.0]
    few = classify(
        scores[:2, :2],
        Truth("single-label", positive[:2, :2], np.full(2, None)),
        seed=0,
        name="x",
        replicates=5,
        micro=False,
    )
    assert few.numbers["accuracy@5"]["reason"] == "there are 2 classes, fewer than 5"


def blobs(*, several, n=200, c=3, dim=5, seed=0):
    rng = np.random.default_rng(seed)
    positive = rng.random((n, c)) < 0.4 if several else np.eye(c, dtype=bool)[rng.integers(c, size=n)]
    features = positive @ rng.standard_normal((c, dim)) + 0.7 * rng.standard_normal((n, dim))
    task = "multi-label" if several else "single-label"
    return (features * 7 + 3).astype(np.float32), Truth(task, positive, np.full(n, None))


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("c", [1, 2, 3])
def test_probe_is_scikit_learns_with_the_penalty_that_does_best_on_held_out_records(several, c):
    if c == 1 and not several:
        return
    features, truth = blobs(several=several, c=c)
    held = held_out(pa.array([f"r{row}" for row in range(200)]), seed=0)
    probe = fit_probe(features, truth, held)
    targets = list(truth.positive.T) if several else [truth.positive.argmax(axis=1)]

    def columns(models, x):
        scores = np.stack([model.decision_function(x) for model in models], axis=-1).reshape(len(x), -1)
        return np.hstack([-scores, scores]) if not several and c == 2 else scores

    def judged(scores, rows):
        if several:
            return np.mean([average_precision_score(truth.positive[rows, j], scores[:, j]) for j in range(c)])
        return (scores.argmax(axis=1) == targets[0][rows]).mean()

    scaler = StandardScaler().fit(features[~held].astype(float))
    values = {}
    for strength in REGULARISATION:
        fitted = [
            LogisticRegression(C=strength, tol=1e-8).fit(scaler.transform(features[~held]), t[~held]) for t in targets
        ]
        values[strength] = judged(columns(fitted, scaler.transform(features[held])), held)
    assert {float(each) for each in probe.held_out} == set(REGULARISATION)
    for strength, value in values.items():
        assert probe.held_out[f"{strength:g}"] == pytest.approx(value, abs=0.03)
    assert probe.held_out[f"{probe.c:g}"] == max(probe.held_out.values())
    assert all(
        probe.held_out[f"{weaker:g}"] < probe.held_out[f"{probe.c:g}"] for weaker in REGULARISATION if weaker < probe.c
    )
    scaler = StandardScaler().fit(features.astype(float))
    final = [LogisticRegression(C=probe.c, tol=1e-8).fit(scaler.transform(features), t) for t in targets]
    np.testing.assert_allclose(probe.scores(features), columns(final, scaler.transform(features)), atol=0.02)
    assert probe.converged
    assert (probe.n_train, probe.n_held_out) == (200, held.sum())


def test_held_out_records_are_chosen_by_their_ids_alone():
    ids = [f"r{row}" for row in range(1000)]
    held = held_out(pa.array(ids), seed=0)
    assert 150 < held.sum() < 250
    assert held_out(pa.array(ids[::-1]), seed=0).tolist() == held[::-1].tolist()
    assert held[7] == (seed_for(0, "probe", "r7") < 0.2 * 2**64)
    assert held_out(pa.array(ids), seed=1).tolist() != held.tolist()


def test_too_few_records_for_a_probe():
    features, truth = blobs(several=False, n=12)
    with pytest.raises(InputError, match="the probe has 12 training records, 3 of them held out; it needs 20 or more"):
        fit_probe(features, truth, np.arange(12) < 3)
    with pytest.raises(
        InputError, match="1 of 2 classes can be probed: the others have fewer than 5 of the 9 labelled"
    ):
        probe_classes(records_of(labels=["cat"] * 6 + ["dog"] * 3), ["cat", "dog"], task="single-label")
    names, rare = probe_classes(
        records_of(objects=[["cat", "all"]] * 6 + [["all", "fox"]] * 3), ["cat", "fox", "all"], task="multi-label"
    )
    assert (names, rare) == (("cat",), ["fox", "all"])


def test_a_class_that_only_held_out_records_have_is_learned_in_the_end():
    features, truth = blobs(several=False, n=60)
    held = truth.positive[:, 2] | (np.arange(60) % 5 == 0)
    probe = fit_probe(features, truth, held)
    assert probe.scores(features).shape == (60, 3)
