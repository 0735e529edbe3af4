"""The image-only audit on small foreground scenes, with encoders that a test can see through."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crop_world import Pixels, cropped, knowing, options, thumbnail, whole

from memometer import audit_image_dejavu, load_audit, make_scenes, split_records
from memometer.errors import InputError
from memometer.report import render


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    make_scenes(folder, n=260, size=40, kind="foreground", repeated=4, times=2)
    split_records(folder, "a=60,b=60,fit=60,public=rest")
    return folder


def votes(model, folder, role, *, k, metric="l2"):
    """record_id → (label, predicted label, confidence) by brute force."""
    public = whole(folder, "public")
    bank = model.encode_images(np.stack([thumbnail(image) for _, image in public])).astype(np.float64)
    found = {}
    for name, label, image in cropped(folder, role):
        query = model.encode_images(thumbnail(image)[None]).astype(np.float64)[0]
        distance = ((bank - query) ** 2).sum(1) if metric == "l2" else -(bank @ query) / np.linalg.norm(bank, axis=1)
        near = np.argsort(distance, kind="stable")[:k]
        counts, ranks = Counter(), Counter()
        for rank, place in enumerate(near.tolist()):
            counts[public[place][0]] += 1
            ranks[public[place][0]] += rank
        best = min(counts, key=lambda each: (-counts[each], ranks[each], each))
        share = np.array(list(counts.values())) / k
        found[name] = (label, best, float((share * np.log(share)).sum()))
    return found


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_every_record_equals_a_brute_force_oracle(scenes, metric):
    models = Pixels(0), Pixels(1)
    audit = audit_image_dejavu(target=models[0], reference=models[1], **options(scenes, metric=metric))
    sides = [votes(model, scenes, "a", k=10, metric=metric) for model in models]
    for row in audit.samples.to_pylist():
        for name, side in zip(("target", "reference"), sides, strict=True):
            label, predicted, confidence = side[row["record_id"]]
            assert row["label"] == label
            assert row[f"predicted_{name}"] == predicted
            assert row[f"correct_{name}"] == (label == predicted)
            assert row[f"confidence_{name}"] == pytest.approx(confidence, abs=1e-9)
    hits = [np.array([label == predicted for label, predicted, _ in side.values()]) for side in sides]
    score = audit.summary["scores"]["100"]
    assert score["value"] == pytest.approx(hits[0].mean() - hits[1].mean())
    assert score["n"] == audit.summary["n_scored"] == len(hits[0])
    outcomes = audit.summary["outcomes"]
    assert outcomes["memorized"] == (hits[0] & ~hits[1]).sum()
    assert outcomes["correlated"] == (hits[0] & hits[1]).sum()
    assert outcomes["forgotten"] == (~hits[0] & hits[1]).sum()
    assert sum(outcomes.values()) == audit.summary["n_scored"]


def test_planted_memorization_is_found_both_ways_and_drawn_in_the_report(scenes, tmp_path):
    audit = audit_image_dejavu(
        target=knowing(scenes, "a"),
        reference=knowing(scenes, "b", seed=1),
        reference_role="b",
        out=tmp_path / "run",
        **options(scenes),
    )
    assert audit.summary["balanced"]["100"]["low"] > 0.3
    assert audit.summary["scores"]["20"]["value"] > 0.3
    assert audit.summary["outcomes"]["memorized"] > 10 * max(audit.summary["outcomes"]["forgotten"], 1)
    first = audit.gallery.to_pylist()[0]
    assert [mark["kind"] for mark in first["marks"]][:2] == ["crop", "box"]
    crop, box = first["marks"][:2]
    apart = crop["x"] + crop["w"] <= box["x"] + 1e-6 or box["x"] + box["w"] <= crop["x"] + 1e-6
    apart |= crop["y"] + crop["h"] <= box["y"] + 1e-6 or box["y"] + box["h"] <= crop["y"] + 1e-6
    assert apart
    page = render(audit)
    assert "Memorization found" in page
    assert page.count('class="mark crop"') == len(audit.gallery)
    loaded = load_audit(tmp_path / "run")
    assert loaded.summary == audit.summary
    assert set(loaded.charts) == {"score_by_confidence", "accuracy_by_confidence", "outcome_shares"}


def test_naive_bayes_and_a_crop_classifier_stand_beside_a_second_model(scenes, tmp_path):
    audit = audit_image_dejavu(
        target=knowing(scenes, "a"),
        reference=["naive-bayes", "naive-bayes:1", "crop-classifier:tiny", Pixels(1)],
        fit_role="fit",
        control_role="b",
        store=tmp_path,
        **options(scenes),
    )
    summary = audit.summary
    assert summary["test"] == "naive-bayes"
    assert summary["controlled"]["100"]["low"] > 0.2
    assert [entry["test"] for entry in summary["references"]] == [
        "naive-bayes", "naive-bayes", "crop-classifier", "two-model",
    ]  # fmt: skip
    assert summary["references"][0]["scores"] == summary["scores"]
    assert len(summary["agreement"]) == 6
    for entry in summary["agreement"]:
        assert 0 <= entry["label"]["value"] <= 1
    assert "naive-bayes:1" in render(audit)


def test_repeated_records_are_ranked_beside_the_targets_confidence(scenes):
    audit = audit_image_dejavu(target=knowing(scenes, "a"), reference=Pixels(1), **options(scenes))
    rows = audit.summary["planted"]
    assert rows is None or {row["by"] for row in rows} == {"memorization", "target's confidence", "random"}


def changed(scenes, folder, change):
    """A copy of the scenes' records, whose columns ``change`` may write to."""
    table = pq.read_table(scenes / "records.parquet").to_pydict()
    change(table)
    folder.mkdir()
    for path in scenes.glob("*.tar"):
        (folder / path.name).symlink_to(path)
    pq.write_table(pa.table(table, schema=pq.read_schema(scenes / "records.parquet")), folder / "records.parquet")
    return folder


def test_records_without_label_or_room_are_counted(scenes, tmp_path):
    def worse(table):
        rows = [row for row, role in enumerate(table["role"]) if role == "a"][:4]
        table["label"][rows[0]] = None
        table["boxes"][rows[1]] = [[0.0, 0.0, 40.0, 40.0]] * len(table["objects"][rows[1]])
        table["boxes"][rows[2]] = [[-5.0, -5.0, 20.0, 20.0]] * len(table["objects"][rows[2]])
        table["label"][rows[3]] = "unheard of"
        table["objects"][rows[3]] = ["unheard of"] * len(table["objects"][rows[3]])

    folder = changed(scenes, tmp_path / "changed", worse)
    audit = audit_image_dejavu(target=Pixels(0), reference=Pixels(1), **options(folder))
    skipped = audit.summary["n_skipped"]
    assert skipped["no label"] == 1
    assert skipped["boxes leave no room"] == 1
    assert skipped["no public image has the label"] == 1
    assert any("boxes that leave the image" in note for note in audit.summary["notes"])
    assert audit.summary["n_scored"] == audit.summary["n_records"] - sum(skipped.values())


def test_photographs_without_boxes_have_corners(scenes, tmp_path):
    def without_boxes(table):
        for name in ("objects", "boxes", "scores"):
            table[name] = [[] for _ in table["label"]]

    folder = changed(scenes, tmp_path / "changed", without_boxes)
    given = {"target": Pixels(0), "reference": Pixels(1)}
    with pytest.raises(
        InputError, match=r"no box says where the foreground is: 60\); .*--crop corner, which needs no boxes"
    ):
        audit_image_dejavu(**given, **options(folder))
    audit = audit_image_dejavu(**given, **options(folder, crop="corner"))
    assert (audit.summary["n_scored"], audit.summary["n_skipped"]) == (60, {})
    assert any("60 records of the forward direction have no box around" in note for note in audit.summary["notes"])
    marks = [mark for entry in audit.gallery.to_pylist() for mark in entry["marks"]]
    assert marks
    assert {(mark["kind"], mark["x"], mark["y"], mark["w"], mark["h"]) for mark in marks} == {("crop", 0, 0, 0.3, 0.3)}


def test_the_largest_box_is_the_label_of_detection_data(scenes, tmp_path, capsys):
    def as_detection_data(table):
        """No label, and a small second object without a crop's room to lose, where a foreground object stands."""
        for row, objects in enumerate(table["objects"]):
            table["objects"][row] = [*objects, "crumb"]
            table["boxes"][row] = [*table["boxes"][row], [0.0, 0.0, 0.5, 0.5]]
            table["scores"][row] = None
        table["label"] = [None] * len(table["label"])

    given = {"target": Pixels(0), "reference": Pixels(1)}
    several = changed(scenes, tmp_path / "several", as_detection_data)
    with pytest.raises(InputError, match=r"no label: 60.*--label largest-box takes"):
        audit_image_dejavu(**given, **options(several))
    assert "forward: 0 of 60 records have a label, 0 of them a crop" in capsys.readouterr().err
    audit = audit_image_dejavu(**given, **options(several, label="largest-box"))
    expected = audit_image_dejavu(**given, **options(scenes))
    assert audit.config["label"] == "largest-box"
    assert "label" not in expected.config
    assert audit.samples.select(["record_id", "label"]).equals(expected.samples.select(["record_id", "label"]))
    assert audit.samples.equals(expected.samples)


def test_how_many_records_can_be_tested_is_said_before_a_model_runs(scenes, tmp_path, capsys):
    class Unused(Pixels):
        def encode_images(self, pixels):
            raise AssertionError("no image may be embedded before the records are known to be of use")

    def without_labels(table):
        for row, role in enumerate(table["role"]):
            if role == "a":
                table["label"][row], table["objects"][row], table["boxes"][row] = None, [], []

    folder = changed(scenes, tmp_path / "changed", without_labels)
    with pytest.raises(InputError, match="no record of the forward direction can be tested"):
        audit_image_dejavu(target=Unused(0), reference=Unused(1), **options(folder))
    said = capsys.readouterr().err
    assert "public: 84 of 84 images have a label" in said
    assert "forward: 0 of 60 records have a label" in said


@pytest.mark.parametrize(
    ("rename", "words"),
    [
        (lambda row: str(row % 3), "all labels are numbers, e.g. 0: of shards"),
        (lambda _: "train", "every record has the same single one of labels, 'train'"),
    ],
)
def test_labels_that_are_none_are_the_first_line(scenes, tmp_path, capsys, rename, words):
    def renamed(table):
        table["label"] = [rename(row) for row in range(len(table["label"]))]
        table["objects"] = [[label] * len(old) for label, old in zip(table["label"], table["objects"], strict=True)]

    folder = changed(scenes, tmp_path / "changed", renamed)
    audit = audit_image_dejavu(target=Pixels(0), reference=Pixels(1), **options(folder))
    assert audit.summary["notes"][0].startswith(words)
    assert capsys.readouterr().err.splitlines()[0].startswith(f"warning: {words}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 999}, "images with a label, fewer than k = 999"),
        ({"k": 0}, "k = 0; expected 1"),
        ({"crop": "middle"}, "expected background or corner"),
        ({"metric": "l1"}, "expected l2 or cosine"),
        ({"label": "smallest-box"}, "expected given or largest-box"),
        ({"min_side": 0.9}, "no record of the forward direction can be tested"),
        ({"reference": "naive-bayes"}, "name their role with --fit-role"),
        ({"reference": "naive-bayes:x", "fit_role": "fit"}, "names no number of objects"),
        ({"reference": "naive-bayes", "fit_role": "a"}, "both under test"),
        ({"reference": "naive-bayes", "fit_role": "fit", "reference_role": "b"}, "give --control-role"),
        ({"target": "naive-bayes"}, "is a reference, not a model"),
        ({"reference": []}, "no reference is given"),
        ({"role": "z"}, "has the role 'z'"),
        ({"target": "text:tfidf"}, "no image tower"),
    ],
)
def test_wrong_input_is_a_sentence(scenes, change, words):
    given = {"target": Pixels(0), "reference": Pixels(1), **options(scenes), **change}
    with pytest.raises(InputError, match=words):
        audit_image_dejavu(**given)
