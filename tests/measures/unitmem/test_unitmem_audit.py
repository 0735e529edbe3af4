import numpy as np
import pytest
import torch
from tower_world import change_column, encoder, records_folder, views_by_hand
from unitmem_oracle import unitmem_oracle

from memometer import audit_unitmem
from memometer.data.records import load_records
from memometer.errors import InputError
from memometer.measures.unitmem.audit import GROUPS
from memometer.statistics import equal_groups

MODEL = encoder(1)


@pytest.fixture
def folder(tmp_path):
    return records_folder(tmp_path / "records", n=12, roles=("a",))


@pytest.fixture
def controlled(tmp_path):
    """Records of two roles, three in each group."""
    return records_folder(tmp_path / "records", n=6 * GROUPS + 10)


def audit(folder, **changes):
    options = {"target": MODEL, "records": folder, "role": "a", "replicates": 50, "draws": 3, "images": False}
    return audit_unitmem(**{**options, **changes})


def means_by_hand(folder, role="a", *, tower="image", rectify=True, draws=3, model=MODEL):
    """(record ids, (n, units) mean activations), everything kept."""
    views = views_by_hand(model, folder, role, tower=tower, read="units", draws=draws, rectify=rectify)
    rows = [np.concatenate([layer.astype(np.float64).mean(axis=0) for layer in layers]) for layers in views.values()]
    return list(views), np.array(rows)


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_every_unit_equals_an_oracle_that_stores_everything(folder, tower, statistic, monkeypatch):
    monkeypatch.setattr("memometer.pieces.PIECE_SIZE", 5)
    monkeypatch.setattr("memometer.measures.unitmem.scoring.BLOCK_NUMBERS", 12 * 50)
    result = audit(folder, tower=tower, statistic=statistic)
    ids, means = means_by_hand(folder, tower=tower)
    values, records = unitmem_oracle(means, ids, rest={"mean": np.mean, "median": np.median}[statistic])
    units = result.tables["units"].to_pydict()
    found = np.array(units["unitmem"], np.float64)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_allclose(found, values, atol=1e-4)
    np.testing.assert_allclose(units["mu_max"], means.max(axis=0), atol=1e-5)
    assert np.mean([one == other for one, other in zip(units["record_id"], records, strict=True)]) > 0.99
    assert units["unit"] == [*range(128), *range(128)]
    for row in result.tables["layers"].to_pylist():
        here = slice(128 * (row["index"] - 1), 128 * row["index"])
        assert row["mean"] == pytest.approx(np.nanmean(found[here]))
        assert row["median"] == pytest.approx(np.nanmedian(found[here]))
        assert (row["n_units"], row["n_undefined"]) == (128, int(np.isnan(found[here]).sum()))
        assert row["share_above_half"] == pytest.approx(np.mean(found[here][~np.isnan(found[here])] > 0.5))
    assert result.summary["towers"][tower]["mean"] == pytest.approx(np.nanmean(found))
    assert 0 <= np.nanmin(found) <= np.nanmax(found) <= 1


def test_each_record_has_its_units_counted(folder):
    result = audit(folder)
    units = result.tables["units"].to_pylist()
    for row in result.samples.to_pylist():
        own = [
            unit["unitmem"] for unit in units if unit["record_id"] == row["record_id"] and unit["unitmem"] is not None
        ]
        assert row["n_units_image"] == len(own)
        assert row["unitmem_sum_image"] == pytest.approx(sum(own))


def test_a_planted_unit_is_found_first_with_its_record(folder):
    """One neuron of the text tower is made to fire at a token that a single record has."""
    change_column(folder, "captions", lambda lists: [*lists[:4], ["zebra", "zebra"], *lists[5:]])
    token = MODEL._tokenizer.encode("zebra")[0]

    def plant(model):
        block = model.transformer.resblocks[0]
        hidden = model.token_embedding.weight[token] + model.positional_embedding[1]
        direction = block.ln_2(hidden)
        block.attn.out_proj.weight.zero_()
        block.mlp.c_fc.weight[17] = direction
        block.mlp.c_fc.bias[17] = -0.9 * direction @ direction

    result = audit(folder, tower="text", target=encoder(1, change=plant))
    first = result.gallery.to_pylist()[0]
    facts = {fact["name"]: fact["number"] if fact["text"] is None else fact["text"] for fact in first["facts"]}
    assert (facts["layer"], facts["unit"]) == ("resblocks.0.mlp.gelu", 17)
    assert facts["UnitMem"] == pytest.approx(1, abs=5e-4)
    assert first["record_id"] == "r0004"


def test_classes_equal_a_plain_loop(folder, monkeypatch):
    monkeypatch.setattr("memometer.measures.unitmem.scoring.BLOCK_NUMBERS", 12 * 50)
    labels = ["cat", "dog", None, "cat", "eel", "dog", "dog", "cat", "eel", "cat", None, "dog"]
    change_column(folder, "label", lambda _: labels)
    change_column(folder, "objects", lambda lists: [None] * len(lists))
    result = audit(folder, by_class=True)
    _, means = means_by_hand(folder)
    names = ["cat", "dog", "eel"]
    per_class = np.array([means[[label == name for label in labels]].mean(axis=0) for name in names])
    values, best = unitmem_oracle(per_class, names)
    units = result.tables["units"].to_pydict()
    np.testing.assert_allclose(np.array(units["classmem"], np.float64), values, atol=1e-4)
    assert np.mean([one == other for one, other in zip(units["class"], best, strict=True)]) > 0.99
    assert result.summary["n_without_class"] == 2
    assert result.summary["towers"]["image"]["classmem"] == pytest.approx(np.nanmean(values), abs=1e-4)
    plain = audit(folder)
    assert result.tables["units"]["unitmem"].equals(plain.tables["units"]["unitmem"])


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_the_control_equals_a_plain_loop_over_its_groups(controlled, statistic):
    result = audit(controlled, control_role="b", draws=1, augment="none", statistic=statistic)
    sets = {name: load_records(controlled, role=role) for name, role in (("records", "a"), ("control", "b"))}
    dealt, size = equal_groups({name: part.record_ids for name, part in sets.items()}, groups=GROUPS, seed=0)
    assert size == 3
    per_group = {}
    for name, role in (("records", "a"), ("control", "b")):
        views = views_by_hand(
            MODEL, controlled, role, tower="image", read="units", draws=1, augment="none", rectify=True
        )
        means = np.array([np.concatenate([layer[0] for layer in layers]) for layers in views.values()], np.float64)
        rest = {"mean": np.mean, "median": np.median}[statistic]
        per_group[name] = np.array(
            [
                unitmem_oracle(means[dealt[name] == group], np.array(list(views))[dealt[name] == group], rest=rest)[0]
                for group in range(GROUPS)
            ]
        )
    for row in result.tables["layers"].to_pylist():
        here = slice(128 * (row["index"] - 1), 128 * row["index"])
        trained, control = (np.nanmean(per_group[name][:, here], axis=1) for name in ("records", "control"))
        assert row["trained_groups"] == pytest.approx(trained.mean(), abs=1e-4)
        assert row["control_groups"] == pytest.approx(control.mean(), abs=1e-4)
        assert row["difference"] == pytest.approx((trained - control).mean(), abs=1e-4)
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        assert (row["n_groups"], row["group_size"]) == (GROUPS, 3)


def test_an_untrained_model_shows_no_difference_and_swapping_the_sets_negates(controlled):
    there, back = (
        audit(controlled, role=role, control_role=control, draws=1, augment="none", tower="both")
        for role, control in (("a", "b"), ("b", "a"))
    )
    for tower in ("image", "text"):
        one, other = (each.summary["towers"][tower]["control"]["difference"] for each in (there, back))
        assert one["value"] == pytest.approx(-other["value"], abs=1e-12)
        assert abs(one["value"]) < one["high"] - one["low"]  # four standard errors
    assert there.summary["text_less_image"]["n"] == GROUPS


def test_untrained_models_calibrate_the_control(controlled):
    result = audit(controlled, control_role="b", draws=1, tower="text", null=40)
    rows = {row["interval"]: row for row in result.summary["null"]}
    assert set(rows) == {"text tower less control"}
    for row in rows.values():
        assert row["n_covered"] >= 34  # 95 % of 40, three standard errors down
        assert abs(row["mean"]) < 4 * row["stderr"]


def test_a_small_control_is_undefined_and_says_so(tmp_path):
    folder = records_folder(tmp_path / "few", n=12)
    result = audit(folder, control_role="b")
    assert result.summary["towers"]["image"]["control"] is None
    assert any("too few records for a control" in note for note in result.summary["notes"])
    assert any("no control" in note for note in audit(folder).summary["notes"])


def test_negative_activations_count_as_none_unless_kept(folder):
    ids, means = means_by_hand(folder, rectify=False)
    result = audit(folder, keep_negative=True)
    values, _ = unitmem_oracle(means, ids)
    found = np.array(result.tables["units"]["unitmem"].to_pylist(), np.float64)
    assert means.min() < 0
    # near a denominator of 0, rounding decides
    steady = np.isfinite(values) & (np.abs(means).max(axis=0) > 0.05) & (np.abs(values) < 5)
    assert steady.sum() > 50
    np.testing.assert_allclose(found[steady], values[steady], atol=1e-2)
    assert result.summary["negative_activations"] == "kept"


def test_pieces_change_no_number_beyond_rounding(folder, tmp_path, monkeypatch):
    whole = audit(folder, batch_size=3)
    monkeypatch.setattr("memometer.pieces.PIECE_SIZE", 4)
    pieces = audit(folder, batch_size=3, store=tmp_path / "pieces")
    for name in ("unitmem", "mu_max", "mu_rest"):
        one, other = (np.array(each.tables["units"][name].to_pylist(), float) for each in (whole, pieces))
        np.testing.assert_allclose(one, other, atol=1e-12)
    assert whole.tables["units"]["record_id"].equals(pieces.tables["units"]["record_id"])
    assert audit(folder, batch_size=3, workers=1).tables["units"].equals(pieces.tables["units"])


def test_records_that_cannot_be_read_are_rejects_and_null(folder):
    change_column(folder, "image_path", lambda paths: ["nowhere.png", *paths[1:]])
    change_column(folder, "captions", lambda lists: [*lists[:3], [], *lists[4:]])
    result = audit(folder, tower="both")
    samples = result.samples.to_pylist()
    assert samples[0]["n_units_image"] is None
    assert samples[0]["n_units_text"] is not None
    assert samples[3]["unitmem_sum_text"] is None
    assert result.summary["n_skipped"] == {"image tower: no readable image": 1, "text tower: no caption": 1}
    assert [row["record_id"] for row in result.rejects.to_pylist()] == ["r0000", "r0003"]
    assert result.summary["towers"]["image"]["n_scored"] == 11


def test_a_residual_network_is_read_at_its_blocks(folder):
    import timm

    from memometer.encoders.vision import VisionEncoder
    from memometer.training.models import preprocess_config

    torch.manual_seed(0)
    net = timm.create_model("test_resnet", num_classes=0)
    model = VisionEncoder(
        net, config={}, preprocess_config=preprocess_config(32), spec="net", device=torch.device("cpu")
    )
    result = audit(folder, target=model)
    assert result.summary["towers"]["image"]["layers"][0] == "layer1.0"
    assert result.summary["towers"]["image"]["n_units"] == sum(
        net.get_submodule(name).conv3.out_channels if hasattr(net.get_submodule(name), "conv3")
        else net.get_submodule(name).conv2.out_channels
        for name in result.summary["towers"]["image"]["layers"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"null": 20}, "pass --control-role with it"),
        ({"draws": 0}, "draws = 0; expected 1 or more"),
        ({"statistic": "mode"}, "statistic = 'mode'; expected mean or median"),
        ({"control_role": "a"}, "are both under test"),
    ],
)
def test_wrong_input_is_a_sentence(folder, change, words):
    with pytest.raises(InputError, match=words):
        audit(folder, **change)


def test_classes_that_are_not_there_are_a_sentence(folder):
    change_column(folder, "objects", lambda lists: [["dog", "cat"]] * len(lists))
    with pytest.raises(InputError, match="the records are of 0 classes; ClassMem compares classes"):
        audit(folder, by_class=True)


def test_one_record_alone_is_a_sentence(tmp_path):
    folder = records_folder(tmp_path / "one", n=1, roles=("a",))
    with pytest.raises(InputError, match="one record alone"):
        audit(folder)
