import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from tower_world import change_column
from worlds import GAPS, VectorWorld, gaps_by_hand, values

from memometer import audit_vl_dejavu
from memometer.data import load_records
from memometer.errors import InputError
from memometer.files import hash_file
from memometer.runs.manifest import describe_records


def test_every_number_equals_a_brute_force_oracle(tmp_path):
    world = VectorWorld(tmp_path, seed=1, plant=0.5)
    audit = audit_vl_dejavu(**world.options, k=3, sweep=(1, 7))
    for k in (1, 3, 7):
        forward, backward = world.oracle("a", k=k), world.oracle("b", k=k)
        at_k = audit.summary["by_k"][str(k)]
        for place, over in enumerate(("all", "unmentioned")):
            there, back = (gaps_by_hand(*(side[place] for side in sides)) for sides in (forward, backward))
            np.testing.assert_allclose(values(at_k, over), there, atol=1e-12)
            np.testing.assert_allclose(values(at_k["balanced"], over), (there + back) / 2, atol=1e-12)
    samples = audit.samples.to_pydict()
    forward, backward = world.oracle("a", k=3), world.oracle("b", k=3)
    for side, name in enumerate(("target", "reference")):
        everything = np.concatenate([forward[side][0], backward[side][0]])
        unmentioned = np.concatenate([forward[side][1], backward[side][1]])
        for column, what in enumerate(("precision", "recall", "f")):
            np.testing.assert_allclose(samples[f"{what}_{name}"], everything[:, column], atol=1e-12)
        found = np.array(samples[f"recall_unmentioned_{name}"], np.float64)
        np.testing.assert_allclose(found, unmentioned[:, 1], atol=1e-12)


def test_an_audit_shows_itself_in_a_notebook(tmp_path):
    audit = audit_vl_dejavu(**VectorWorld(tmp_path, plant=1.0).options)
    assert "PRG" in audit._repr_html_()
    assert set(audit.charts) >= {"recall_distributions", "gap_by_top", "leaking_objects"}
    assert all(chart.to_dict() for chart in audit.charts.values())
    assert len(audit.samples.to_pandas()) == 60
    assert set(audit.summary["by_k"]) == {"1", "10"}  # 100 is more than there are public images


def test_planted_memorization_is_found_and_leads_the_gallery(tmp_path):
    world = VectorWorld(tmp_path, plant=3.0, n=60)
    audit = audit_vl_dejavu(**world.options, k=1)
    for over in ("all", "unmentioned"):
        for gap in GAPS:
            assert audit.summary["balanced"][over][gap]["low"] > 0
    first = audit.gallery.to_pylist()[0]
    assert sum(item["target"] and not item["reference"] for item in first["objects"]) > 0
    tops = [row for row in audit.summary["sample_level"] if row["sort"] == "gap" and row["top"] == 10]
    assert all(row["recall_gap"] > row["control_recall_gap"] for row in tops)


def test_models_trained_on_neither_cover_zero_95_times_in_100(tmp_path):
    covered = []
    for seed in range(40):
        world = VectorWorld(tmp_path / str(seed), seed=seed, n=40, m=30)
        audit = audit_vl_dejavu(**world.options, k=2, sweep=(), replicates=300, gallery=0)
        gap = audit.summary["balanced"]["all"]["prg"]
        covered.append(gap["low"] <= 0 <= gap["high"])
    assert 0.85 <= np.mean(covered) <= 1.0  # 95 % of 40, three standard errors down


def test_records_without_objects_or_caption_are_counted_and_null(tmp_path):
    world = VectorWorld(tmp_path)
    records = world.folder / "records"
    change_column(records, "objects", lambda lists: [[], *lists[1:]])
    change_column(records, "captions", lambda lists: [lists[0], [], [" and ".join(world.objects[2])], *lists[3:]])
    audit = audit_vl_dejavu(**world.options)
    assert audit.summary["n_skipped"] == {"no query caption": 1, "no object": 1}
    assert (audit.summary["n_records"], audit.summary["n_scored"]) == (30, 28)
    assert audit.summary["gaps"]["all"]["prg"]["n"] == 28
    rows = audit.samples.slice(0, 3).to_pylist()
    assert rows[0]["recall_target"] is None
    assert rows[0]["n_objects"] == 0
    assert rows[1]["precision_reference"] is None
    assert rows[2]["recall_target"] is not None
    assert rows[2]["recall_unmentioned_target"] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 41}, "public set has 40 images, fewer than k = 41; pass --k 40 or fewer"),
        ({"k": 0}, "k = 0; expected 1 … 1024"),
        ({"caption": 0}, "caption = 0; expected 1 or more"),
        ({"caption": 9}, "no record has a caption number 9"),
        ({"role": "c"}, "no record in .* has the role 'c': its roles are a, b, public"),
        ({"public_role": "a"}, "both under test"),
        ({"public_role": None}, "the sets must be disjoint"),
    ],
)
def test_wrong_input_is_a_sentence(tmp_path, change, words):
    world = VectorWorld(tmp_path)
    with pytest.raises(InputError, match=words):
        audit_vl_dejavu(**{**world.options, **change})


def test_the_vocabulary_beside_the_records_is_part_of_the_key(tmp_path):
    world = VectorWorld(tmp_path / "world")
    first = audit_vl_dejavu(**world.options, replicates=20, out=tmp_path / "run")
    assert first.manifest["vocabulary"] is None
    vocabulary = tmp_path / "world" / "records" / "vocabulary.tsv"
    vocabulary.write_text("thing1\tthing1 caption\n")
    with pytest.raises(InputError, match="holds another audit"):
        audit_vl_dejavu(**world.options, replicates=20, out=tmp_path / "run")
    again = audit_vl_dejavu(**world.options, replicates=20, out=tmp_path / "run", overwrite=True)
    assert again.manifest["vocabulary"] == hash_file(vocabulary)
    assert again.manifest["key"] != first.manifest["key"]


def test_the_manifest_attests_no_image_that_was_not_read(tmp_path):
    records = load_records(VectorWorld(tmp_path / "world").folder / "records")
    other = dataclasses.replace(
        records,
        table=records.table.set_column(
            records.table.schema.get_field_index("image_hash"), "image_hash", pa.array(["0" * 32] * len(records))
        ),
    )
    seen, unseen = (describe_records(records, "a", images=images) for images in (True, False))
    assert "images" not in seen
    assert unseen["images"] == "read by no model"
    assert describe_records(other, "a")["hash"] != seen["hash"]
    assert describe_records(other, "a", images=False)["hash"] == unseen["hash"]
    audit = audit_vl_dejavu(**VectorWorld(tmp_path / "other").options, replicates=20)
    assert {audit.manifest[name]["images"] for name in ("records", "reference_records", "public")} == {
        "read by no model"
    }


def test_no_objects_at_all_is_a_sentence(tmp_path):
    world = VectorWorld(tmp_path)
    change_column(world.folder / "records", "objects", lambda lists: [None] * len(lists))
    with pytest.raises(InputError, match="neither the records nor the public images hold any object"):
        audit_vl_dejavu(**world.options)
