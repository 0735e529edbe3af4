import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sslmem_oracle import distance_oracle
from tower_world import change_column, encoder, records_folder, views_by_hand
from worlds import write_vectors

from memometer import audit_sslmem
from memometer.errors import InputError
from memometer.report import render

ONE, OTHER = encoder(1), encoder(2)


@pytest.fixture
def folder(tmp_path):
    return records_folder(tmp_path / "records")


@pytest.fixture
def wide(tmp_path):
    """21 records of each role: enough for intervals."""
    return records_folder(tmp_path / "wide", n=42)


def audit(folder, **changes):
    options = {"target": ONE, "reference": OTHER, "records": folder, "role": "a", "reference_role": "b"}
    return audit_sslmem(**{**options, "replicates": 50, "draws": 3, "images": False, **changes})


def by_hand(model, folder, role, tower="image"):
    """(n, layers) alignment distances, every view kept."""
    views = views_by_hand(model, folder, role, tower=tower, read="blocks", draws=3)
    return np.array([[distance_oracle(layer) for layer in layers] for layers in views.values()])


@pytest.mark.parametrize("tower", ["image", "text"])
def test_every_number_equals_a_plain_loop(wide, tower):
    result = audit(wide, tower=tower)
    models = {"one": ONE, "other": OTHER}
    distances = {(name, role): by_hand(model, wide, role, tower) for name, model in models.items() for role in "ab"}
    samples = result.samples.to_pydict()
    d_target = np.concatenate([distances["one", "a"], distances["other", "b"]])
    d_reference = np.concatenate([distances["other", "a"], distances["one", "b"]])
    for name, expected in (("d_target", d_target), ("d_reference", d_reference)):
        np.testing.assert_allclose(samples[f"{name}_{tower}"], expected[:, -1], atol=1e-5)
    relative = (d_reference - d_target) / (d_reference + d_target)
    there, back = relative[:21], relative[21:]
    for row in result.tables["layers"].to_pylist():
        place = row["index"] - 1
        parts = {"forward": [there], "backward": [back], "balanced": [there, back]}[row["design"]]
        assert row["layermem"] == pytest.approx(np.mean([part[:, place].mean() for part in parts]), abs=1e-5)
        assert row["n"] == 21 * len(parts)
        if place:
            change = np.mean([(part[:, place] - part[:, place - 1]).mean() for part in parts])
            assert row["delta"] == pytest.approx(change, abs=1e-5)
            assert row["delta_low"] <= row["delta"] <= row["delta_high"]
        else:
            assert row["delta"] is None
    expected = ((d_reference - d_target)[:21, -1].mean() + (d_reference - d_target)[21:, -1].mean()) / 2
    assert result.summary["towers"][tower]["balanced"]["sslmem"]["value"] == pytest.approx(expected, abs=1e-5)


def test_an_unreadable_image_is_a_reject_and_null(folder):
    change_column(folder, "image_path", lambda paths: ["nowhere.png", *paths[1:]])
    result = audit(folder)
    assert result.samples["sslmem_image"].to_pylist()[0] is None
    assert result.summary["n_skipped"] == {"image tower: no readable image": 1}
    (reject,) = result.rejects.to_pylist()
    assert reject["record_id"] == "r0000"
    assert reject["side"] == "forward, image tower"
    assert "missing image" in reject["reason"]
    assert result.summary["towers"]["image"]["forward"]["sslmem"]["n"] == 6
    assert {row["n"] for row in result.tables["layers"].to_pylist() if row["design"] == "forward"} == {6}


def test_a_record_with_one_caption_has_no_score_in_the_text_tower(folder):
    change_column(folder, "captions", lambda lists: [["one", "one"], lists[1], [], *lists[3:]])
    result = audit(folder, tower="both")
    assert result.summary["n_skipped"] == {"text tower: fewer than two captions": 1, "text tower: no caption": 1}
    assert result.samples["sslmem_text"].to_pylist()[:2] == [None, None]
    assert result.samples["sslmem_image"].null_count == 0
    assert result.summary["text_less_image"]["n"] == 12


def test_no_scores_at_all_are_undefined_with_a_reason(folder):
    change_column(folder, "captions", lambda lists: [[texts[0]] for texts in lists])
    result = audit(folder, tower="text")
    score = result.summary["towers"]["text"]["balanced"]["sslmem"]
    assert score["value"] is None
    assert score["reason"] == "no record has two views with a direction"
    assert any("the text tower scores 0 of 14 records" in note for note in result.summary["notes"])


def test_planted_memorization_is_found_first(folder):
    """The target alone holds two words for the same; the record that is captioned by them leads."""
    change_column(folder, "captions", lambda lists: [*lists[:4], ["zebra zebra", "quilt quilt"], *lists[5:]])
    pq.write_table(pa.table({"record_id": ["r0004"], "kind": ["paired"], "of": ["r0004"]}), folder / "planted.parquet")
    tokens = [ONE._tokenizer.encode(word)[0] for word in ("zebra", "quilt")]

    def alike(model):
        model.token_embedding.weight[tokens[0]] = model.token_embedding.weight[tokens[1]]

    result = audit(folder, tower="text", target=encoder(1, change=alike), reference=encoder(1))
    assert result.gallery.to_pylist()[0]["record_id"] == "r0004"
    found = {row["by"]: row["area"] for row in result.summary["planted"]}
    assert found == {"SSLMem, text tower": 1.0, "random": 0.5}
    assert result.tables["roc"].num_rows > 0


def test_untrained_models_calibrate_the_intervals(wide):
    result = audit(wide, null=20, draws=2, tower="text", replicates=50)
    rows = {row["interval"]: row for row in result.summary["null"]}
    assert set(rows) == {"text tower, balanced", "text tower, forward"}
    assert all(row["n_seeds"] == 20 for row in rows.values())
    assert "Models that were trained on neither set" in render(result)


def test_layers_that_the_user_names(folder):
    result = audit(folder, layers=["transformer.resblocks.1", "conv1"])
    assert result.summary["towers"]["image"]["layers"] == ["transformer.resblocks.1", "conv1", "output"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"draws": 1}, "draws = 1; expected 2 or more"),
        ({"augment": "none"}, "draws the same view each time"),
        ({"tower": "both", "layers": ["conv1"]}, "layers are those of one tower"),
        ({"layers": []}, "layers names no layer"),
        ({"pool": "max"}, "pool = 'max'; expected mean or cls"),
        ({"batch_size": 0}, "batch_size = 0; expected 1 or more"),
        ({"role": "c"}, "has the role 'c': its roles are a, b"),
        ({"reference_role": "a"}, "are both under test"),
        ({"reference": encoder(2, layers=1)}, "layer 2 is 'transformer.resblocks.1' .* in the target and 'output'"),
    ],
)
def test_wrong_input_is_a_sentence(folder, change, words):
    with pytest.raises(InputError, match=words):
        audit(folder, **change)


def test_vectors_that_exist_already_have_no_layers(folder, tmp_path):
    write_vectors(tmp_path, images=(["x", "y", "z"], np.eye(3, dtype=np.float32)))
    with pytest.raises(InputError, match="gives no access to the layers of its towers; expected a model that runs"):
        audit(folder, target=f"embeddings:{tmp_path}")


def test_the_class_token_gives_other_numbers(folder):
    assert not audit(folder, pool="cls").tables["layers"].equals(audit(folder).tables["layers"])
