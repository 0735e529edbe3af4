"""Audits side by side: the paired bootstrap against a slow one, what is left out, what moved, what is refused."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from confident_oracle import draw, score_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_worlds import PairWorld
from report_factory import jpeg
from tower_world import encoder, records_folder
from typer.testing import CliRunner
from worlds import VectorWorld

from memometer import Audit, audit_clipmem, audit_sslmem, audit_unitmem, audit_vl_dejavu, compare_audits
from memometer.catalogue import MEASURES
from memometer.cli.main import app
from memometer.errors import InputError
from memometer.measures.clipmem.schema import ClipMemSummary
from memometer.measures.image_dejavu.schema import ImageDejaVuSummary
from memometer.report import render
from memometer.runs.items import item, items_table
from memometer.seeds import rng_for
from memometer.statistics import confident_gap, group_gap
from memometer.utility.schema import UtilitySummary

REPLICATES = 60


def numbers(comparison, run=0):
    return {entry["key"]: entry for entry in comparison.summary["runs"][run]["numbers"]}


def made(model, measure, samples, gallery=()):
    tables = {"samples": samples, "gallery": items_table(list(gallery))}
    return Audit(summary=model.model_construct(measure=measure), tables=tables, manifest={}, config={})


def clipmem_audit(scores, *, gallery=()):
    """A made-up CLIPMem audit of {subset: {record id: score or None}}."""
    rows = [
        {"record_id": name, "subset": subset, "clipmem": score}
        for subset, each in scores.items()
        for name, score in each.items()
    ]
    schema = pa.schema([("record_id", pa.string()), ("subset", pa.string()), ("clipmem", pa.float64())])
    return made(ClipMemSummary, "clipmem", pa.Table.from_pylist(rows, schema=schema), gallery)


def image_audit(hits, directions=("forward", "backward")):
    """A made-up image-only audit: one `ConfidentHits` per direction; hits of the top 5 are those of the first."""
    tables = []
    for name, part in zip(directions, hits, strict=True):
        flags = {
            side: pa.array(values > 0, mask=np.isnan(values))
            for side, values in (("target", part.target_hits), ("reference", part.reference_hits))
        }
        tables.append(
            pa.table(
                {
                    "record_id": [f"{name}-{row:05d}" for row in part.id_rank],
                    "direction": [name] * len(part.id_rank),
                    **{f"correct_{side}": values for side, values in flags.items()},
                    **{f"correct_top5_{side}": values for side, values in flags.items()},
                    "confidence_target": part.target_confidence,
                    "confidence_reference": part.reference_confidence,
                }
            )
        )
    return made(ImageDejaVuSummary, "image-dejavu", pa.concat_tables(tables))


def shuffled(audit, seed=0):
    order = np.random.default_rng(seed).permutation(audit.samples.num_rows)
    return dataclasses.replace(audit, tables={**audit.tables, "samples": audit.samples.take(pa.array(order))})


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Measure → two small audits of the same records."""
    folder = tmp_path_factory.mktemp("compare")
    worlds = [VectorWorld(folder / f"vectors{plant}", n=40, plant=plant) for plant in (0.4, 1.0)]
    pairs = [PairWorld(folder / f"pairs{known}", known=known, n=24) for known in (0.2, 0.6)]
    few, many = ({"records": records_folder(folder / f"towers{n}", n=n)} for n in (48, 84))
    towers = {"role": "a", "tower": "both", "replicates": REPLICATES, "gallery": 3, "draws": 2}
    rng = np.random.default_rng(0)
    sides = [[draw(rng, 120, undefined=0.05) for _ in range(2)] for _ in range(2)]
    for first, second in zip(*sides, strict=True):
        second.id_rank[:] = first.id_rank
    return {
        "vl-dejavu": [
            audit_vl_dejavu(**world.options, k=4, gallery=3, images=False, out=folder / f"vl{place}")
            for place, world in enumerate(worlds)
        ],
        "clipmem": [audit_clipmem(**world.options) for world in pairs],
        "image-dejavu": [image_audit(side) for side in sides],
        "sslmem": [
            audit_sslmem(target=encoder(seed), reference=encoder(9), reference_role="b", **few, **towers)
            for seed in (1, 2)
        ],
        "unitmem": [audit_unitmem(target=encoder(seed), control_role="b", **many, **towers) for seed in (1, 2)],
    }


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_identical_audits_differ_by_exactly_nothing(audits, measure):
    first, second = audits[measure]
    same = compare_audits([first, first], replicates=REPLICATES)
    assert same.moved.num_rows == 0
    assert same.unpaired.num_rows == 0
    assert same.summary["runs"][0]["moved"] == {"more": 0, "less": 0}
    found = [entry for entry in numbers(same).values() if entry["value"] is not None]
    assert len(found) >= 2
    assert {entry[name] for entry in found for name in ("value", "low", "high") if entry[name] is not None} == {0.0}
    assert numbers(same)[same.summary["runs"][0]["headline"]]["low"] == 0.0
    other = compare_audits([first, second], replicates=REPLICATES)
    assert other.moved.num_rows > 0
    assert any(entry["low"] is not None and entry["low"] < entry["high"] for entry in numbers(other).values())


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_order_of_records_changes_nothing_and_swapping_negates(audits, measure):
    first, second = audits[measure]
    there = compare_audits([first, second], replicates=REPLICATES)
    shuffle = compare_audits([shuffled(first), shuffled(second, 1)], replicates=REPLICATES)
    assert json.dumps(there.summary, default=dict) == json.dumps(shuffle.summary, default=dict)
    assert there.moved.equals(shuffle.moved)
    back = compare_audits([first, second], baseline=second, replicates=REPLICATES)
    for key, entry in numbers(there).items():
        other = numbers(back)[key]
        if entry["value"] is not None:
            assert (entry["value"], entry["baseline"]) == pytest.approx((-other["value"], other["run"]), abs=1e-12)
            assert entry["value"] == pytest.approx(entry["run"] - entry["baseline"], abs=1e-12)


def test_gaps_of_vl_dejavu_are_those_of_the_audits(audits):
    first, second = audits["vl-dejavu"]
    found = numbers(compare_audits([first, second], replicates=REPLICATES))
    by_design = [{"balanced": one.summary["balanced"], "one-way": one.summary["gaps"]} for one in (first, second)]
    for design, scope, gap in (
        (d, s, g) for d in by_design[0] for s in ("all", "unmentioned") for g in ("ppg", "prg", "aucg")
    ):
        entry = found[f"{design}/{scope}/{gap}"]
        values = [gaps[design][scope][gap]["value"] for gaps in by_design]
        assert [entry["baseline"], entry["run"]] == pytest.approx(values, abs=1e-12)


def test_interval_equals_a_slow_paired_bootstrap():
    rng = np.random.default_rng(3)
    ids = {"candidates": [f"c{row}" for row in range(150)], "external": [f"e{row}" for row in range(90)]}
    shared = {part: rng.normal(0, 3, len(each)) for part, each in ids.items()}  # what both audits have in common
    sides = [
        {part: shared[part] + rng.normal(lift * (part == "candidates"), 0.5, len(each)) for part, each in ids.items()}
        for lift in (0.0, 0.4)
    ]
    audits = [clipmem_audit({part: dict(zip(ids[part], side[part], strict=True)) for part in ids}) for side in sides]
    found = numbers(compare_audits(audits, replicates=20_000))["candidates less external"]
    draws = np.zeros(4000)
    for replicate in range(len(draws)):
        rows = {part: rng.integers(0, len(each), len(each)) for part, each in ids.items()}
        values = [
            side["candidates"][rows["candidates"]].mean() - side["external"][rows["external"]].mean() for side in sides
        ]
        draws[replicate] = values[1] - values[0]
    low, high = np.quantile(draws, [0.025, 0.975])
    width = high - low
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.06 * width)
    separate = np.hypot(*(1.96 * np.std(side["candidates"]) / np.sqrt(150) for side in sides))
    assert width < 0.5 * separate  # pairing takes out what both have in common
    assert found["n"] == 240


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 20, 60]))
def test_most_confident_records_are_selected_anew_for_both(seed, percent):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 220))
    before, after = (draw(rng, n, undefined=0.1) for _ in range(2))
    after.id_rank[:] = before.id_rank
    gap = confident_gap([after], less=[before], percent=percent, seed=7, name="x", replicates=20)
    rows = sorted(np.flatnonzero(before.scored & after.scored).tolist(), key=lambda row: before.id_rank[row])
    size = int(len(rows) * percent / 100)
    if size == 0:
        assert gap.value is None
        return
    assert gap.value == pytest.approx(score_oracle(after, rows, size) - score_oracle(before, rows, size), abs=1e-12)
    if size < 20:
        assert gap.low is None
        return
    generator, found = rng_for(7, "x/bootstrap", 0), []
    for _ in range(20):
        chosen = [rows[place] for place in generator.integers(0, len(rows), len(rows))]
        found.append(score_oracle(after, chosen, size) - score_oracle(before, chosen, size))
    assert (gap.low, gap.high) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])), abs=1e-12)


def test_records_that_one_audit_lacks_are_listed_and_left_out():
    first = clipmem_audit({"candidates": {"a": 1.0, "b": 2.0, "c": None, "d": 4.0}, "external": {"x": 0.0, "y": 0.0}})
    second = clipmem_audit({"candidates": {"b": 5.0, "c": 6.0, "d": 3.0, "e": 7.0}, "external": {"y": 1.0, "a": 9.0}})
    found = compare_audits([first, second], names=["old", "new"], replicates=REPLICATES)
    listed = {(row["part"], row["record_id"], row["reason"]) for row in found.unpaired.to_pylist()}
    assert listed == {
        ("candidates", "a", "not in new"),
        ("candidates", "e", "not in old"),
        ("candidates", "c", "not scored in old"),
        ("external", "x", "not in new"),
        ("external", "a", "not in old"),
    }
    assert found.summary["runs"][0]["records"]["candidates"] == {
        "n_baseline": 4, "n_run": 4, "n_common": 3, "n_only_baseline": 1, "n_only_run": 1, "n_scored_by_one": 1,
    }  # fmt: skip
    mean = numbers(found)["mean of candidates"]
    assert (mean["baseline"], mean["run"], mean["value"], mean["n"]) == (3.0, 4.0, 1.0, 2)
    assert numbers(found)["candidates less external"]["value"] == 0.0
    assert (
        "leave records out: 2 in old alone, 2 in new alone, 1 scored in one of them alone" in found.summary["notes"][0]
    )


def test_records_that_moved_come_in_order():
    first = clipmem_audit({"candidates": {"a": 0.1, "b": 0.2, "c": 0.9 - 0.5, "d": 0.5}, "external": {"x": 0.0}})
    second = clipmem_audit({"candidates": {"a": 0.3, "b": 0.9, "c": 0.6 - 0.2, "d": 0.0}, "external": {"x": 0.7}})
    rows = compare_audits([first, second], replicates=REPLICATES).moved.to_pylist()
    order = [(row["moved"], row["rank"], row["record_id"], row["part"]) for row in rows]
    assert order == [
        ("more", 1, "b", "candidates"), ("more", 2, "x", "external"), ("more", 3, "a", "candidates"),
        ("less", 1, "d", "candidates"),
    ]  # fmt: skip
    assert rows[3]["change"] == -0.5


def test_unitmem_is_paired_by_unit_and_by_group(audits):
    first, second = audits["unitmem"]
    found = numbers(compare_audits([first, second], replicates=REPLICATES))
    for tower in ("image", "text"):
        beyond = []
        for audit in (first, second):
            rows = audit.tables["groups"].filter(pc.equal(audit.tables["groups"]["tower"], tower))
            beyond.append(rows["trained"].to_numpy() - rows["control"].to_numpy())
            difference = audit.summary["towers"][tower]["control"]["difference"]["value"]
            assert np.mean(beyond[-1]) == pytest.approx(difference, abs=1e-12)
        expected = group_gap(beyond[1], beyond[0]).as_dict()
        entry = found[f"{tower}/beyond control"]
        assert {name: entry[name] for name in expected} == expected
        mean = found[f"{tower}/mean"]
        assert mean["n"] <= sum(pc.equal(first.tables["units"]["tower"], tower).to_pylist())
        assert (mean["low"], mean["high"]) == (None, None)
        assert "units are no sample of trainings" in mean["reason"]
    reseeded = dataclasses.replace(second, config={**second.config, "seed": 5})
    other = numbers(compare_audits([first, reseeded], replicates=REPLICATES))["image/beyond control"]
    assert other["value"] is None
    assert "other groups" in other["reason"]
    bare = dataclasses.replace(second, tables={name: each for name, each in second.tables.items() if name != "groups"})
    assert "no groups" in numbers(compare_audits([first, bare], replicates=REPLICATES))["text/beyond control"]["reason"]


def test_runs_of_earlier_versions_lack_one_number_and_say_so(audits):
    first, second = audits["vl-dejavu"]
    dropped = [f"precision_unmentioned_{side}" for side in ("target", "reference")]
    old = dataclasses.replace(first, tables={**first.tables, "samples": first.samples.drop_columns(dropped)})
    found = compare_audits([old, second], replicates=REPLICATES)
    assert "balanced/unmentioned/ppg" not in numbers(found)
    whole = numbers(compare_audits([first, second], replicates=REPLICATES))
    assert numbers(found)["balanced/unmentioned/prg"] == whole["balanced/unmentioned/prg"]
    assert any("audit it again" in note for note in found.summary["notes"])


def test_other_options_and_other_data_are_said(audits):
    first, second = audits["vl-dejavu"]
    public = {**second.manifest["public"], "hash": "other"}
    changed = dataclasses.replace(
        second, config={**second.config, "k": 7}, manifest={**second.manifest, "public": public}
    )
    found = compare_audits([first, changed], names=["old", "new"], replicates=REPLICATES)
    assert any("k 4 and 7" in note for note in found.summary["notes"])
    assert any(note.endswith(": public") for note in found.summary["notes"])
    assert found.summary["runs"][0]["differing"].keys() == {"k", "content of public"}
    assert compare_audits([first, second], replicates=REPLICATES).summary["notes"] == []


def test_captions_of_moved_records_are_escaped():
    shown = item(rank=1, record_id="b", image=jpeg(), captions=["<script>alert(1)</script>"])
    first = clipmem_audit({"candidates": {"a": 0.0, "b": 0.0}}, gallery=[shown])
    second = clipmem_audit({"candidates": {"a": 0.1, "b": 1.0}})
    comparison = compare_audits([first, second], names=["<i>old</i>", "new"], replicates=REPLICATES)
    assert comparison.gallery["record_id"].to_pylist() == ["b", "a"]
    page = render(comparison)
    assert "<h1>Run comparison</h1>" in page
    assert '<th scope="col">Baseline</th><th scope="col">Run</th><th scope="col">Difference</th>' in page
    assert "<script" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "data:image/jpeg" in page
    assert "data:image/jpeg" not in render(compare_audits([first, second], images=False))
    assert "<table" in comparison._repr_html_()


def test_bad_input_is_told(audits, tmp_path):
    first, second = audits["vl-dejavu"]
    other = audits["clipmem"][0]
    with pytest.raises(InputError, match="1 audit to compare; expected two or more"):
        compare_audits([first])
    with pytest.raises(InputError, match=r"several measures \(.*vl0: vl-dejavu; in memory: clipmem\)"):
        compare_audits([first, other])
    with pytest.raises(InputError, match="which cannot be compared"):
        compare_audits([dataclasses.replace(other, summary=UtilitySummary.model_construct(measure="utility"))] * 2)
    with pytest.raises(InputError, match=r"no record in common in the same part: .* e\.g\. 'a'"):
        compare_audits([clipmem_audit({"candidates": {"a": 1.0}}), clipmem_audit({"candidates": {"b": 1.0}})])
    with pytest.raises(InputError, match="expected a name of its own for each"):
        compare_audits([first, second], names=["x", "x"])
    with pytest.raises(InputError, match="holds a run or a model"):
        compare_audits([first, second], out=first.folder)
    compare_audits([first, second], out=tmp_path / "out", replicates=REPLICATES)
    compare_audits([first, second], out=tmp_path / "out", replicates=REPLICATES)
    with pytest.raises(InputError, match="holds another comparison"):
        compare_audits([second, first], out=tmp_path / "out", replicates=REPLICATES)
    compare_audits([second, first], out=tmp_path / "out", replicates=REPLICATES, overwrite=True)


def test_command_line_end_to_end(audits, tmp_path):
    first, second = (audit.folder for audit in audits["vl-dejavu"])

    def memometer(*words):
        return CliRunner().invoke(app, ["compare", *map(str, words)])

    done = memometer(first, second, "--out", tmp_path / "out", "--records", first.parent / "vectors1.0" / "records")
    assert done.exit_code == 0, done.output
    assert "PRG" in done.stdout
    assert "vl1 shows more memorization than vl0" in done.stdout
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert written["runs"][0]["headline"] == "balanced/unmentioned/prg"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "summary.json", "manifest.json", "config.toml",
        "gallery.parquet", "moved.parquet", "unpaired.parquet", "report.html",
    }  # fmt: skip
    assert pq.read_table(tmp_path / "out" / "moved.parquet").num_rows == sum(written["runs"][0]["moved"].values())
    assert "somewhere" in (tmp_path / "out" / "report.html").read_text()  # a caption, from --records
    swapped = json.loads(memometer(first, second, "--baseline", second, "--json").stdout)
    assert (swapped["baseline"]["name"], [run["name"] for run in swapped["runs"]]) == ("vl1", ["vl0"])
    missing = memometer(first, tmp_path / "nothing")
    assert isinstance(missing.exception, InputError)
    assert "holds no finished audit" in str(missing.exception)
