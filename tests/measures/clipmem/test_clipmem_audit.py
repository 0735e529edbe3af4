import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from model_factory import write_records
from pair_worlds import SUBSETS, PairWorld
from pictures import PixelEncoder
from scipy import stats
from sklearn.metrics import roc_auc_score
from tower_world import change_column
from typer.testing import CliRunner

from memometer import audit_clipmem, load_audit
from memometer.audits.trained_on import training_notes
from memometer.cli.audit import command_named
from memometer.data.records import load_records
from memometer.data.splits import split_records
from memometer.encoders.untrained import untrained
from memometer.errors import InputError, VectorError
from memometer.files import write_json
from memometer.scenes import make_scenes


def column(audit, name):
    return np.array(audit.samples[name].to_pylist(), float)


@pytest.mark.parametrize("captions", [1, 2])
@pytest.mark.parametrize("negatives", ["cross", "none"])
def test_every_score_equals_the_loops_over_captions_and_negatives(tmp_path, captions, negatives):
    world = PairWorld(tmp_path, seed=1, known=0.6, models=("f1", "f2", "g1", "g2", "g3"), n=21)
    audit = audit_clipmem(**world.options, captions=captions, negatives=negatives)
    assert audit.samples["record_id"].to_pylist() == world.ids
    assert audit.samples["subset"].to_pylist() == world.subset.tolist()
    target, reference = (
        np.array([world.align(name, captions=captions, negatives=negatives == "cross") for name in names])
        for names in (("f1", "f2"), ("g1", "g2", "g3"))
    )
    score = target.mean(axis=0) - reference.mean(axis=0)
    plain = [world.align(name, captions=captions, negatives=False) for name in ("f1", "f2")]
    for name, expected in (
        ("clipmem", score),
        ("clipmem_normalised", score / (score.max() - score.min())),
        ("clipmem_stderr", np.sqrt(target.var(axis=0, ddof=1) / 2 + reference.var(axis=0, ddof=1) / 3)),
        ("align_target", target.mean(axis=0)),
        ("align_reference", reference.mean(axis=0)),
        ("similarity_target", np.mean(plain, axis=0)),
    ):
        np.testing.assert_allclose(column(audit, name), expected, atol=1e-6, err_msg=name)
    summary = audit.summary
    for name in SUBSETS:
        here = world.subset == name
        mean = summary["subsets"][name]["clipmem"]
        assert mean["value"] == pytest.approx(score[here].mean(), abs=1e-6)
        assert mean["std"] == pytest.approx(score[here].std(ddof=1), abs=1e-6)
        assert mean["low"] < mean["value"] < mean["high"]
        over = summary["subsets"][name]["clipmem_normalised"]
        assert over["high"] == pytest.approx(mean["high"] / summary["range"])
        spread = [side[:, here].mean(axis=1).var(ddof=1) / len(side) for side in (target, reference)]
        assert summary["subsets"][name]["stderr_trainings"] == pytest.approx(np.sqrt(sum(spread)), abs=1e-6)
    assert len(summary["tests"]) == 6
    for test in summary["tests"]:
        sides = [score[world.subset == test[side]] for side in ("first", "second")]
        expected = stats.ttest_ind(*sides, equal_var=False)
        assert test["t"] == pytest.approx(expected.statistic, abs=1e-4)
        assert test["p"] == pytest.approx(expected.pvalue, abs=1e-4)


def test_candidates_are_ranked_and_both_ends_are_shown(tmp_path):
    world = PairWorld(tmp_path, known=0.5, quality=1.0, miscaptioned=4, dim=32)
    audit = audit_clipmem(**world.options, gallery=3)
    ranked = audit.samples.filter(audit.samples["rank"].is_valid()).sort_by("rank")
    assert ranked["rank"].to_pylist() == list(range(1, 13))
    assert set(ranked["subset"].to_pylist()) == {"candidates"}
    assert np.all(np.diff(ranked["clipmem"].to_numpy()) <= 0)
    shown = audit.gallery["record_id"].to_pylist()
    ids = ranked["record_id"].to_pylist()
    assert shown == ids[:3] + ids[-3:]
    assert audit.gallery["section"].to_pylist() == ["Most memorized"] * 3 + ["Least memorized"] * 3


@pytest.mark.parametrize(
    "names",
    [
        ("--role", "--control-role", "--reference-role", "--shared-role"),
        ("--candidates", "--external", "--independent", "--shared"),
    ],
)
def test_the_command_takes_roles_as_the_other_audits_do_and_as_the_paper_names_them(tmp_path, names):
    world = PairWorld(tmp_path, known=0.5)
    app = typer.Typer()
    app.command()(command_named("clipmem"))
    roles = [part for pair in zip(names, ("c", "e", "i", "s"), strict=True) for part in pair]
    given = {"--target": "f1", "--reference": "g1"}
    models = [part for flag, name in given.items() for part in (flag, f"embeddings:{world.folder / name}")]
    at = ["--records", str(world.folder / "records"), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*models, *roles, *at, "--gallery", "0", "--no-images"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    config = load_audit(tmp_path / "run").config
    assert [config[name] for name in ("candidates", "external", "independent", "shared")] == ["c", "e", "i", "s"]


def test_what_the_targets_know_scores_above_0_and_what_the_references_know_below(tmp_path):
    world = PairWorld(tmp_path, known=0.5, quality=0.5, n=60, dim=32)
    summary = audit_clipmem(**world.options).summary
    means = {name: entry["clipmem"] for name, entry in summary["subsets"].items()}
    assert means["candidates"]["low"] > 0 > means["independent"]["high"]
    for name in ("shared", "external"):
        assert means[name]["low"] < 0 < means[name]["high"]
    tests = {(test["first"], test["second"]): test["p"] for test in summary["tests"]}
    assert tests["candidates", "external"] < 1e-6
    assert tests["external", "shared"] > 0.01


def test_planted_records_are_found_and_the_area_is_scikit_learns(tmp_path):
    world = PairWorld(tmp_path, known=0.5, quality=1.0, miscaptioned=8, n=60, dim=32)
    audit = audit_clipmem(**world.options)
    rows = {row["by"]: row for row in audit.summary["planted"]}
    candidates = audit.samples.filter(pa.compute.equal(audit.samples["subset"], "candidates")).to_pylist()
    planted = [row["planted"] == "miscaptioned" for row in candidates]
    for by, scores in (
        ("clipmem", [row["clipmem"] for row in candidates]),
        ("similarity", [-row["similarity_target"] for row in candidates]),
    ):
        assert rows[by]["area"] == pytest.approx(roc_auc_score(planted, scores))
        assert (rows[by]["n_positive"], rows[by]["n_negative"]) == (8, 52)
        curve = audit.tables["roc"].filter(pa.compute.equal(audit.tables["roc"]["by"], by)).to_pydict()
        area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
        assert area == pytest.approx(rows[by]["area"])
    assert rows["random"]["area"] == 0.5
    assert rows["clipmem"]["low"] > 0.5
    unlike = [-row["similarity_target"] for row in candidates]
    expected = stats.spearmanr([row["clipmem"] for row in candidates], unlike).statistic
    assert audit.summary["similarity_correlation"]["value"] == pytest.approx(expected)


def test_equal_models_give_exact_zeros_and_an_undefined_normalised_score(tmp_path):
    world = PairWorld(tmp_path, known=1.0, n=20)
    audit = audit_clipmem(**{**world.options, "references": world.options["targets"]})
    assert not column(audit, "clipmem").any()
    assert audit.samples["clipmem_normalised"].null_count == len(world.ids)
    entry = audit.summary["subsets"]["candidates"]
    assert (entry["clipmem"]["value"], entry["clipmem"]["low"], entry["clipmem"]["high"]) == (0, 0, 0)
    assert entry["clipmem_normalised"]["value"] is None
    assert "no range" in entry["clipmem_normalised"]["reason"]
    assert audit.summary["tests"][0]["p"] is None
    assert any("the same model" in note for note in audit.summary["notes"])
    ranked = audit.samples.filter(audit.samples["rank"].is_valid()).sort_by("rank")
    assert ranked["record_id"].to_pylist() == sorted(ranked["record_id"].to_pylist())  # all tie: by record id


def test_the_order_of_trainings_changes_nothing(tmp_path):
    world = PairWorld(tmp_path, known=0.5, models=("f1", "f2", "f3", "g1", "g2"), miscaptioned=3)
    before = audit_clipmem(**world.options)
    after = audit_clipmem(**{**world.options, "targets": world.options["targets"][::-1]})
    assert after.samples.equals(before.samples)
    for part in ("subsets", "tests", "range", "planted", "similarity_correlation"):
        assert after.summary[part] == before.summary[part]
    assert after.gallery.equals(before.gallery)


def test_models_trained_on_neither_cover_zero_95_times_in_100(tmp_path):
    covered = []
    for seed in range(40):
        world = PairWorld(tmp_path / str(seed), seed=seed, n=40, models=("f1", "g1"), captions=1)
        options = {**world.options, "replicates": 300, "gallery": 0}
        mean = audit_clipmem(**options).summary["subsets"]["candidates"]["clipmem"]
        covered.append(mean["low"] <= 0 <= mean["high"])
    assert 0.85 <= np.mean(covered) <= 1.0  # 95 % of 40, three standard errors down


def test_negatives_of_their_own_are_not_scored(tmp_path):
    world = PairWorld(tmp_path, known=0.5, n=8)
    world.subset[world.subset == "shared"] = "held"  # this role is no subset of the audit
    options = {**world.options, "shared": None, "negatives_role": "s"}
    audit = audit_clipmem(**options)
    expected = world.align("f1", held="held") - world.align("g1", held="held")
    tested = world.subset != "held"
    np.testing.assert_allclose(column(audit, "clipmem"), expected[tested], atol=1e-6)
    assert set(audit.summary["subsets"]) == {"candidates", "independent", "external"}
    assert (audit.summary["negatives_role"], audit.summary["n_negatives"]) == ("s", 8)


def test_a_subset_may_be_several_roles_and_the_negatives_a_part_of_the_external_ones(tmp_path):
    world = PairWorld(tmp_path, known=0.5, n=8)
    options = {**world.options, "shared": None, "external": "e,s", "negatives_role": "s"}
    audit = audit_clipmem(**options)
    expected = world.align("f1", held="shared") - world.align("g1", held="shared")
    np.testing.assert_allclose(column(audit, "clipmem"), expected, atol=1e-6)
    assert audit.summary["subsets"]["external"]["n_records"] == 16


def test_without_an_independent_subset_the_rest_stands(tmp_path):
    world = PairWorld(tmp_path, known=0.5)
    summary = audit_clipmem(**{**world.options, "independent": None, "shared": None}).summary
    assert set(summary["subsets"]) == {"candidates", "external"}
    assert len(summary["tests"]) == 1
    assert any("no independent subset" in note for note in summary["notes"])


def test_records_that_cannot_be_embedded_are_null_and_counted(tmp_path):
    world = PairWorld(tmp_path, known=0.5)
    place = world.ids.index("c0003")
    change_column(world.folder / "records", "captions", lambda lists: [*lists[:place], [], *lists[place + 1 :]])
    vectors = np.load(world.folder / "g1" / "images.npy")
    vectors[world.ids.index("e0005")] = 0
    np.save(world.folder / "g1" / "images.npy", vectors)
    audit = audit_clipmem(**world.options)
    assert sorted(audit.rejects.to_pylist(), key=lambda row: row["record_id"]) == [
        {"record_id": "c0003", "side": "candidates", "reason": "no caption"},
        {"record_id": "e0005", "side": "external", "reason": "a zero vector"},
    ]
    row = audit.samples.slice(place, 1).to_pylist()[0]
    assert [row[name] for name in ("clipmem", "clipmem_normalised", "similarity_target", "rank")] == [None] * 4
    assert (audit.summary["subsets"]["candidates"]["n_records"], audit.summary["n_negatives"]) == (12, 11)
    assert audit.summary["subsets"]["candidates"]["clipmem"]["n"] == 11
    assert any("2 records could not be embedded" in note for note in audit.summary["notes"])


def test_models_see_views_of_images_and_workers_change_nothing(tmp_path):
    class Other(PixelEncoder):
        identity = "other"

        def __init__(self):
            super().__init__()
            self.projection = np.random.default_rng(1).standard_normal((48, 5)).astype(np.float32)

    folder = write_records(tmp_path / "records", n=16, roles=("c", "e", "i", "s"))
    options = {"targets": PixelEncoder(), "references": [Other()], "records": folder, **SUBSETS, "augment": "ssl"}
    audits = [
        audit_clipmem(**options, workers=workers, out=tmp_path / f"run{workers}", replicates=50) for workers in (0, 1)
    ]
    assert audits[0].samples.equals(audits[1].samples)
    assert audits[0].gallery["image"].null_count == 0
    assert len(audits[0].gallery) == 4  # no candidate is shown at both ends
    plain = audit_clipmem(**{**options, "augment": "none"}, replicates=50)
    assert plain.summary["n_aug"] == 1
    np.testing.assert_array_equal(column(plain, "similarity_target"), column(audits[0], "similarity_target"))
    assert np.abs(column(plain, "clipmem") - column(audits[0], "clipmem")).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"candidates": "e"}, r"are both candidates \(role 'e'\) and external \(role 'e'\); the subsets must be disj"),
        ({"shared": "s,i"}, r"are both shared \(role 's,i'\) and independent \(role 'i'\)"),
        ({"candidates": "x"}, "has the role 'x': its roles are c, e, i, s"),
        ({"negatives_role": "c"}, r"the negatives \(role 'c'\) are also candidates, e\.g\."),
        ({"negatives": "none", "negatives_role": "e"}, "leave one of the two out"),
        ({"negatives": "all"}, "expected cross or none"),
        ({"augment": "much"}, "augment = 'much'; expected clip, ssl, crop or none"),
        ({"n_aug": 0}, "n_aug = 0; expected 1 or more"),
        ({"captions": 0}, "captions = 0; expected 1 or more"),
        ({"targets": []}, "no targets are given"),
    ],
)
def test_wrong_input_is_a_sentence(tmp_path, change, words):
    world = PairWorld(tmp_path, n=3)
    with pytest.raises(InputError, match=words):
        audit_clipmem(**{**world.options, **change})


def test_a_training_that_is_named_twice_is_a_sentence(tmp_path):
    world = PairWorld(tmp_path, n=3)
    with pytest.raises(InputError, match=r"embeddings:.*f1 stands twice among the targets"):
        audit_clipmem(**{**world.options, "targets": [world.spec("f1")] * 2})


def test_untrained_models_show_what_the_intervals_are_worth(tmp_path):
    records = tmp_path / "records"
    make_scenes(records, n=60, size=32)
    split_records(records, {"c": 20, "e": 20, "i": "rest"})
    audit = audit_clipmem(
        targets=untrained(100, "target"),
        references=untrained(100, "reference"),
        records=records,
        **{**SUBSETS, "shared": None},
        n_aug=1,
        null=20,
        replicates=200,
        out=tmp_path / "run",
    )
    rows = {row["interval"]: row for row in audit.summary["null"]}
    assert list(rows) == ["candidates less external", "candidates less independent", "mean of the candidates"]
    for name in list(rows)[:2]:
        assert rows[name]["n_seeds"] == 20
        assert rows[name]["coverage"] >= 0.75  # 95 % of 20, four standard errors down
    # Two random networks place all pairs at different cosines: why the verdict goes by differences.
    assert rows["mean of the candidates"]["coverage"] < 0.5
    stages = {path.name for path in (tmp_path / "run" / "stages").iterdir()}
    assert "duplicates" in stages
    assert len(stages - {"duplicates"}) == 5  # the audit's own models alone


def test_towers_without_a_common_space_and_records_without_captions_are_sentences(tmp_path):
    world = PairWorld(tmp_path, n=3)
    np.save(world.folder / "f1" / "images.npy", np.ones((12, 5), np.float32))
    with pytest.raises(VectorError, match="image embeddings have 5 dimensions, text embeddings 8"):
        audit_clipmem(**world.options)
    path = world.folder / "records" / "records.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["captions"]), path)
    with pytest.raises(InputError, match=r"no record could be embedded: all 12 were left out, e\.g\. .*: no caption"):
        audit_clipmem(**world.options)


def test_planted_records_that_contradict_themselves_are_a_sentence(tmp_path):
    world = PairWorld(tmp_path, n=3)
    path = world.folder / "records" / "planted.parquet"
    pq.write_table(pa.table({"record_id": ["c0000", "c0000"], "kind": ["miscaptioned", "repeated"]}), path)
    with pytest.raises(InputError, match="plants two kinds in record 'c0000'"):
        audit_clipmem(**world.options)
    path.write_bytes(b"no table")
    with pytest.raises(InputError, match="cannot be read"):
        audit_clipmem(**world.options)


def test_a_manifest_that_contradicts_the_roles_is_said(tmp_path):
    records = load_records(write_records(tmp_path / "records", n=4, roles=("c", "e")))
    spec = f"open_clip:{tmp_path / 'f'}"

    def notes(data, **changes):
        write_json(tmp_path / "f" / "manifest.json", {"kind": "training", "records": data})
        return training_notes(spec, records, name="target", trained=["s", "c"], unseen=["i", "e"], **changes)

    here = str(records.folder)
    assert notes({"path": here, "role": ["c", "s"]}) == notes({"path": here, "role": "s,c"}) == []
    (swapped,) = notes({"path": here, "role": "i"})
    assert "was trained on i of these records" in swapped
    assert "it should know s and c, and it should never have seen i" in swapped
    (everything,) = notes({"path": here, "role": None})
    assert "trained on all of these records" in everything
    assert "should never have seen i and e" in everything
    assert notes({"path": str(tmp_path / "elsewhere"), "role": "i"}) == []
    (less,) = notes({"path": here, "role": ["c", "s"], "without": {"path": "ids.parquet", "n": 100}})
    assert "trained without 100 of these records" in less
    (tmp_path / "f" / "manifest.json").write_text("{")
    assert training_notes(spec, records, name="target", trained=["c"], unseen=[]) == []
    assert training_notes("open_clip:ViT-B-32@openai", records, name="target", trained=["c"], unseen=[]) == []
