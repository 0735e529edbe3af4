"""The one-model test (METHODS, Section 2): a text encoder that never saw an image in place of a second model."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats
from tower_world import change_column
from worlds import TextWorld, gaps_by_hand, values

from memometer import audit_vl_dejavu
from memometer.errors import InputError


def test_a_text_reference_equals_a_brute_force_oracle(tmp_path):
    world = TextWorld(tmp_path, seed=3, plant=0.6)
    audit = audit_vl_dejavu(**world.one_model, k=4, sweep=())
    assert audit.summary["searched"] == {"target": "images", "reference": "captions"}
    assert audit.summary["balanced"] is None
    target = world.oracle("a", k=4)[0]
    target_on_control = world.oracle("b", k=4)[1]  # model a on the records of b
    for place, over in enumerate(("all", "unmentioned")):
        there = gaps_by_hand(target[place], world.text_side("text", "a", k=4)[0][place])
        control = gaps_by_hand(target_on_control[place], world.text_side("text", "b", k=4)[0][place])
        np.testing.assert_allclose(values(audit.summary["gaps"], over), there, atol=1e-12)
        np.testing.assert_allclose(values(audit.summary["control"]["gaps"], over), control, atol=1e-12)
        np.testing.assert_allclose(values(audit.summary["controlled"], over), there - control, atol=1e-12)
        np.testing.assert_allclose(values(audit.summary["by_k"]["4"]["controlled"], over), there - control, atol=1e-12)
    assert audit.samples["direction"].to_pylist() == ["forward"] * 30 + ["control"] * 30
    assert all(record["direction"] == "forward" for record in audit.gallery.to_pylist())


def test_t2t_searches_the_public_captions_with_the_targets_own_text_tower(tmp_path):
    world = TextWorld(tmp_path, seed=4)
    audit = audit_vl_dejavu(**world.one_model, k=3, sweep=(), search="t2t")
    assert audit.summary["searched"] == {"target": "captions", "reference": "captions"}
    target, reference = world.text_side("a", "a", k=3)[0], world.text_side("text", "a", k=3)[0]
    np.testing.assert_allclose(values(audit.summary["gaps"]), gaps_by_hand(target[0], reference[0]), atol=1e-12)


def test_several_references_stand_side_by_side_with_their_agreement(tmp_path):
    world = TextWorld(tmp_path, seed=5, plant=1.0)
    references = [f"embeddings:{world.folder / name}" for name in ("b", "text")]
    audit = audit_vl_dejavu(**{**world.options, "reference": references}, k=5, sweep=())
    alone = audit_vl_dejavu(**{**world.options, "reference": references[0]}, k=5, sweep=())
    assert audit.summary["gaps"] == alone.summary["gaps"]
    assert audit.summary["balanced"] == alone.summary["balanced"]
    assert [entry["reference"] for entry in audit.summary["references"]] == references
    assert [entry["searched"] for entry in audit.summary["references"]] == ["images", "captions"]
    assert audit.summary["references"][0]["gaps"] == audit.summary["gaps"]
    target, two = world.oracle("a", k=5)
    one, near = world.text_side("text", "a", k=5)
    found = values(audit.summary["references"][1]["gaps"])
    np.testing.assert_allclose(found, gaps_by_hand(target[0], one[0]), atol=1e-12)

    (agreement,) = audit.summary["agreement"]
    images, texts = world.vectors["b"]
    similarity = (texts / np.linalg.norm(texts, axis=1, keepdims=True)) @ (
        images / np.linalg.norm(images, axis=1, keepdims=True)
    ).T
    index = []
    for row in range(30):
        own = set(world.objects[row])
        found = [
            own & set(itertools.chain.from_iterable(world.public_objects[place] for place in places))
            for places in (np.argsort(-similarity[row], kind="stable")[:5], near[row])
        ]
        if found[0] | found[1]:
            index.append(len(found[0] & found[1]) / len(found[0] | found[1]))
    assert agreement["jaccard"]["value"] == pytest.approx(np.mean(index), abs=1e-12)
    assert agreement["jaccard"]["n"] == len(index)
    expected = scipy.stats.pearsonr(two[0][:, 1], one[0][:, 1])[0]
    assert agreement["recall_correlation"]["value"] == pytest.approx(expected, abs=1e-12)
    page = audit._repr_html_()
    assert "one model" not in page or "text" in page


def test_a_reference_twice_agrees_with_itself(tmp_path):
    world = TextWorld(tmp_path)
    twice = [f"embeddings:{world.folder / 'text'}"] * 2
    audit = audit_vl_dejavu(**{**world.one_model, "reference": twice}, k=3, sweep=())
    (agreement,) = audit.summary["agreement"]
    assert agreement["jaccard"]["value"] == 1
    assert agreement["recall_correlation"]["value"] == pytest.approx(1)
    first, second = audit.summary["references"]
    assert first["gaps"]["all"]["prg"]["value"] == second["gaps"]["all"]["prg"]["value"]


def test_the_control_takes_quality_out(tmp_path):
    """A text encoder that knows the objects is far better than the target; only the controlled gap covers 0."""
    covered, one_way = [], []
    for seed in range(30):
        world = TextWorld(tmp_path / str(seed), seed=seed, n=40)
        world.add_text("knowing", seed=seed + 500, helpful=2.0)
        options = {**world.one_model, "reference": f"embeddings:{world.folder / 'knowing'}"}
        audit = audit_vl_dejavu(**options, k=2, sweep=(), replicates=300, gallery=0)
        gap = audit.summary["controlled"]["all"]["prg"]
        covered.append(gap["low"] <= 0 <= gap["high"])
        one_way.append(audit.summary["gaps"]["all"]["prg"]["high"] < 0)
    assert np.mean(covered) >= 0.83  # 95 % of 30, three standard errors down
    assert np.mean(one_way) > 0.8


def test_planted_memorization_is_found_with_one_model(tmp_path):
    world = TextWorld(tmp_path, plant=3.0, n=80)
    audit = audit_vl_dejavu(**world.one_model, k=1, sweep=())
    for over in ("all", "unmentioned"):
        assert audit.summary["controlled"][over]["prg"]["low"] > 0
    assert "controlled recall gap" in audit._repr_html_()


class Bag:
    """A text encoder that knows the words it was fitted on."""

    identity = "bag"
    spec = "text:bag"

    def __init__(self, words=()):
        self.words = words

    def fitted_on(self, texts):
        return Bag(sorted({word for text in texts for word in text.split()}))

    def encode_texts(self, texts):
        return np.array([[text.split().count(word) for word in self.words] for text in texts], np.float32)


def with_public_captions(world, *, strange=()):
    """The public captions name an object each; ``strange`` records have captions of unknown words."""
    path = world.folder / "records" / "records.parquet"
    table = pq.read_table(path).to_pydict()
    for row, role in enumerate(table["role"]):
        if role == "public":
            table["captions"][row] = [f"a {table['objects'][row][0]} somewhere"]
    for row in strange:
        table["captions"][row] = ["xyzzy"]
    pq.write_table(pa.table(table), path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_encoder_that_must_be_fitted_is_fitted_on_the_public_captions(tmp_path):
    world = TextWorld(tmp_path)
    with_public_captions(world, strange=(0, 4))
    audit = audit_vl_dejavu(**{**world.one_model, "reference": Bag()}, k=3, sweep=())
    assert audit.summary["n_skipped"] == {"query caption without a direction": 2}
    assert audit.summary["n_scored"] == 28
    assert audit.samples["recall_target"][0].as_py() is None
    assert any("no direction" in note for note in audit.summary["notes"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference_role": "b", "control_role": None}, "give --control-role"),
        ({"search": "i2t"}, "search = 'i2t'; expected t2i or t2t"),
        ({"public_caption": 2}, "no public record has a caption number 2, but .* searches public captions"),
        ({"reference": []}, "no reference is given"),
        ({"control_role": "a"}, "both under test"),
        ({"control_role": "z"}, "has the role 'z'"),
    ],
)
def test_wrong_input_is_a_sentence(tmp_path, change, words):
    world = TextWorld(tmp_path)
    with pytest.raises(InputError, match=words):
        audit_vl_dejavu(**{**world.one_model, **change})


def test_a_target_without_a_text_tower_is_a_sentence(tmp_path):
    world = TextWorld(tmp_path)
    for name in ("texts.npy", "texts.parquet"):
        (world.folder / "a" / name).unlink()
    with pytest.raises(InputError, match="has no text tower"):
        audit_vl_dejavu(**world.one_model)


def test_public_captions_that_are_missing_are_rejects(tmp_path):
    world = TextWorld(tmp_path)
    change_column(world.folder / "records", "captions", lambda lists: [*lists[:-1], []])
    audit = audit_vl_dejavu(**world.one_model)
    assert audit.summary["n_public"] == 39
    assert audit.rejects.to_pylist() == [
        {"record_id": world.public_ids[-1], "side": "public", "reason": "no caption 1"}
    ]
