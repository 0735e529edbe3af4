"""Two labellings of the same records: their agreement, and an audit's gaps under either."""

import json
import shutil

import failure_world
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_digests import file_digests
from tower_world import change_column
from worlds import VectorWorld, relabelled

from memometer import agree_labels, audit_image_dejavu, audit_vl_dejavu, compare_audits
from memometer.agreement import load_agreement
from memometer.errors import DamagedError, InputError, MemometerError
from memometer.report import write_report
from memometer.report.page import html_fragment
from memometer.runs.loading import load_run


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Records, the same with other labels, and an audit of each with the same vectors."""
    folder = tmp_path_factory.mktemp("world")
    world = VectorWorld(folder, seed=3, n=40, m=50, plant=0.6)
    other = relabelled(folder / "records", folder / "other")
    runs = {}
    for name in ("records", "other"):
        options = {**world.options, "records": folder / name, "public": folder / name}
        runs[name] = audit_vl_dejavu(**options, k=3, sweep=(1,), out=folder / f"run-{name}")
    return folder, other, runs


def lists(folder):
    table = pq.read_table(folder / "records.parquet")
    return dict(zip(table["record_id"].to_pylist(), map(set, table["objects"].to_pylist()), strict=True))


def test_labels_and_records_are_those_of_sets(world):
    folder, other, _ = world
    found = agree_labels(folder / "records", other)
    one, two = lists(folder / "records"), lists(other)
    for row in found.labels.to_pylist():
        holding = [{each for each, labels in side.items() if row["label"] in labels} for side in (one, two)]
        both = holding[0] & holding[1]
        assert (row["n_one"], row["n_other"], row["n_both"]) == (len(holding[0]), len(holding[1]), len(both))
        assert row["jaccard"] == pytest.approx(len(both) / len(holding[0] | holding[1]))
    assert set(found.labels["label"].to_pylist()) == set().union(*one.values(), *two.values())
    for row in found.samples.to_pylist():
        own, its = one[row["record_id"]], two[row["record_id"]]
        assert (row["n_one"], row["n_other"], row["n_both"]) == (len(own), len(its), len(own & its))
    pairs = [(own & two[each], own | two[each]) for each, own in one.items()]
    summary = found.summary
    assert summary.overall.jaccard.value == pytest.approx(np.mean([len(a) / len(b) for a, b in pairs if b]))
    both, total = (sum(len(each) for pair in pairs for each in [pair[at]]) for at in (0, 1))
    assert summary.overall.f1.value == pytest.approx(2 * both / (both + total))
    assert (summary.one.n_labels_alone, summary.other.n_labels_alone) == (1, 2 + 1)  # thing3; thing12, thing13, sight
    assert (summary.n_labels_shared, summary.shared.n_labels, summary.overall.n_labels) == (11, 11, 15)
    assert summary.shared.f1.value > summary.overall.f1.value


def test_an_audit_is_what_it_would_have_been_with_the_other_labels(world):
    """Scored again from its neighbours under either labelling: the numbers of two audits, and of their comparison."""
    folder, other, runs = world
    found = agree_labels(folder / "records", other, runs=[folder / "run-records"])
    (audit,) = found.summary.audits
    assert audit.made_with == ["records"]
    assert (audit.n_records, audit.n_unknown, audit.n_far) == (80, 0, 0)
    compared = {number.key: number for number in compare_audits(list(runs.values())).summary.runs[0].numbers}
    designs = [run.summary.designs() for run in runs.values()]
    assert {number.key for number in audit.numbers} == set(compared)
    for number in audit.numbers:
        design, over, gap = number.key.split("/")
        for mine, its in ((number.one, designs[0]), (number.other, designs[1])):
            wanted = its[design].gap(over, gap)
            assert (mine.value, mine.n) == (pytest.approx(wanted.value, abs=1e-12), wanted.n)
            assert (mine.low, mine.high) == pytest.approx((wanted.low, wanted.high), abs=0.05)
        wanted = compared[number.key]
        assert (number.value, number.n) == (pytest.approx(wanted.value, abs=1e-12), wanted.n)
        assert (number.low, number.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    assert audit.headline == "balanced/unmentioned/prg"


def test_either_audit_tells_the_same_under_both(world):
    folder, other, _ = world
    found = agree_labels(folder / "records", other, runs=[folder / "run-records", folder / "run-other"])
    first, second = found.summary.audits
    assert (first.name, second.name) == ("run-records", "run-other")
    assert second.made_with == ["other"]
    assert first.numbers == second.numbers


def test_the_captions_that_name_a_label_are_decided_by_what_lies_beside(world, tmp_path):
    folder, other, runs = world
    beside = shutil.copytree(other, tmp_path / "beside")
    (beside / "vocabulary.tsv").write_text("sight\tthing3\nthing5\tsomewhere\n")
    options = VectorWorld.options.fget(_paths(folder, beside))
    again = audit_vl_dejavu(**options, k=3, sweep=(1,))
    found = agree_labels(folder / "records", beside, runs=[folder / "run-records"]).summary.audits[0]
    for number in found.numbers:
        design, over, gap = number.key.split("/")
        assert number.other.value == pytest.approx(again.summary.designs()[design].gap(over, gap).value, abs=1e-12)
    assert again.summary.balanced.unmentioned != runs["other"].summary.balanced.unmentioned


def _paths(folder, records):
    """What `VectorWorld.options` needs, with records from elsewhere."""

    class Paths:
        def __truediv__(self, name):
            return records if name == "records" else folder / name

    return type("World", (), {"folder": Paths()})()


def test_the_order_of_records_changes_nothing(world, tmp_path):
    folder, other, _ = world
    shuffled = shutil.copytree(other, tmp_path / "other")
    table = pq.read_table(shuffled / "records.parquet")
    rows = np.random.default_rng(0).permutation(table.num_rows)
    pq.write_table(table.take(pa.array(rows)), shuffled / "records.parquet")
    runs = [folder / "run-records"]
    first, second = (agree_labels(folder / "records", each, runs=runs) for each in (other, shuffled))
    drop = {"one", "other"}
    assert {k: v for k, v in first.summary.items() if k not in drop} == {
        key: value for key, value in second.summary.items() if key not in drop
    }
    assert all(first.tables[name].equals(second.tables[name]) for name in first.tables)


def test_records_of_one_alone_and_changed_ones_are_counted(world, tmp_path):
    folder, other, _ = world
    fewer = shutil.copytree(other, tmp_path / "fewer")
    table = pq.read_table(fewer / "records.parquet")
    pq.write_table(table.slice(2), fewer / "records.parquet")  # of role a
    change_column(fewer, "captions", lambda each: [["another"], *each[1:]])
    found = agree_labels(folder / "records", fewer, runs=[folder / "run-records"])
    assert found.summary.n_left_out == {"not in fewer": 2, "other captions or another image": 1}
    assert found.rejects.to_pylist() == [
        {"record_id": "a0000", "side": "records", "reason": "not in fewer"},
        {"record_id": "a0001", "side": "records", "reason": "not in fewer"},
        {"record_id": "a0002", "side": "both", "reason": "other captions or another image"},
    ]
    (audit,) = found.summary.audits
    assert (audit.n_records, audit.n_unknown, audit.n_far) == (77, 3, 0)
    assert any("run-records: 3 of its records are not in both labellings" in note for note in found.summary.notes)
    pq.write_table(table.slice(0, table.num_rows - 1), fewer / "records.parquet")  # of the public set
    (audit,) = agree_labels(folder / "records", fewer, runs=[folder / "run-records"]).summary.audits
    assert audit.n_far > 0
    assert audit.n_records == 80 - audit.n_far


def test_labels_that_differ_in_spelling_alone_are_said(world, tmp_path):
    folder, other, _ = world
    spelled = shutil.copytree(other, tmp_path / "spelled")
    change_column(
        spelled, "objects", lambda each: [[label.replace("thing1", "Thing1") for label in own] for own in each]
    )
    notes = agree_labels(folder / "records", spelled).summary.notes
    assert any("labels differ in case or underscores alone, e.g. thing1" in note for note in notes)


def test_a_folder_is_written_read_and_not_written_again(world, tmp_path, capsys):
    folder, other, _ = world
    options = {"runs": [folder / "run-records"], "out": tmp_path / "out"}
    found = agree_labels(folder / "records", other, **options)
    assert load_agreement(tmp_path / "out").summary == found.summary
    assert load_run(tmp_path / "out").labels.equals(found.labels)
    digests = file_digests(tmp_path / "out")
    agree_labels(folder / "records", other, **options)
    assert "holds this comparison of labellings already" in capsys.readouterr().err
    assert file_digests(tmp_path / "out") == digests
    with pytest.raises(InputError, match="holds another comparison of labellings"):
        agree_labels(folder / "records", other, out=tmp_path / "out")
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "The labellings share 7" in page
    assert any(words in page for words in ("lies above 0 under both", "depends on the labelling"))
    assert "Cohen" in html_fragment(found)
    (tmp_path / "out" / "labels.parquet").write_bytes(b"other")
    with pytest.raises(DamagedError, match=r"labels\.parquet"):
        load_agreement(tmp_path / "out")


def test_what_cannot_be_compared_is_said(world, tmp_path):
    folder, other, _ = world

    def fails(said, *sides, **options):
        with pytest.raises(InputError, match=said):
            agree_labels(*(sides or (folder / "records", other)), **options)

    strangers = shutil.copytree(other, tmp_path / "strangers")
    change_column(strangers, "record_id", lambda ids: [f"x{each}" for each in ids])
    fails("have no record in common: records has 130, e.g. 'a0000'; strangers has 130", folder / "records", strangers)
    changed = shutil.copytree(other, tmp_path / "changed")
    change_column(changed, "captions", lambda each: [["else"]] * len(each))
    fails("captions or images of all 130 records .* differ", folder / "records", changed)
    fails("no records at", folder / "records", tmp_path / "nowhere")
    fails("holds no finished audit", runs=[tmp_path / "nowhere"])
    fails("1 names .*for 2; expected", names=["one"])
    fails("replicates = 0", replicates=0)
    far = audit_vl_dejavu(**VectorWorld.options.fget(_paths(folder, folder / "records")), k=20, out=tmp_path / "far")
    assert far.summary.k == 20
    fails("far keeps 10 neighbours of each caption, and was scored with k = 20", runs=[tmp_path / "far"])
    others = VectorWorld(tmp_path / "others", seed=5)
    change_column(tmp_path / "others" / "records", "record_id", lambda ids: [f"y{each}" for each in ids])
    shutil.copytree(tmp_path / "others" / "records", tmp_path / "same")
    fails(
        "none can be scored: its records are not among",
        tmp_path / "same",
        tmp_path / "same",
        runs=[folder / "run-records"],
    )
    assert others.ids
    old = audit_vl_dejavu(**VectorWorld.options.fget(_paths(folder, folder / "records")), k=3)
    del old.tables["neighbors"]
    old.save(tmp_path / "old")
    fails("keeps no neighbours", runs=[tmp_path / "old"])


def test_an_audit_of_another_measure_is_refused(world, tmp_path):
    folder, other, _ = world
    from audit_cases import CASES

    case = next(each for each in CASES if each.name == "image_dejavu")
    audit_image_dejavu(**case.world(tmp_path / "world"), out=tmp_path / "run")
    with pytest.raises(
        InputError, match=r"run is of the measure 'image-dejavu'.*expected a run of 'memometer audit vl"
    ):
        agree_labels(folder / "records", other, runs=[tmp_path / "run"])


def test_the_command(world, tmp_path):
    folder, other, _ = world
    words = ("objects", "agree", folder / "records", other, "--run", folder / "run-records", "--out", tmp_path / "out")
    code, stdout, stderr = failure_world.memometer(*words)
    assert code == 0, stderr
    for line in ("Cohen's kappa", "run-records under either labelling, k = 3", "thing0", "share"):
        assert line in stdout
    assert (tmp_path / "out" / "report.html").is_file()
    code, stdout, _ = failure_world.memometer(*words, "--json")
    assert json.loads(stdout)["audits"][0]["made_with"] == ["records"]
    assert issubclass(InputError, MemometerError)
