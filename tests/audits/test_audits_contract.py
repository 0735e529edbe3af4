"""What holds of every audit, whatever it measures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import warm_processes
from audit_cases import CASES
from file_digests import file_digests
from golden_runs import as_json, differences
from kills import KILLED, die_before

from memometer import load_audit
from memometer.catalogue import measure_of, options_of, summary_model
from memometer.errors import InputError

DOCS = Path(__file__).parents[2] / "docs"
KILLS = (2, 9, 30)
"""Operations before which an audit is killed: at its start, among its pieces, and later."""


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def options(case, tmp_path_factory):
    return case.world(tmp_path_factory.mktemp(case.name))


@pytest.fixture(scope="module")
def out(case, tmp_path_factory):
    return tmp_path_factory.mktemp(f"{case.name}-run") / "run"


@pytest.fixture(scope="module")
def audit(case, options, out):
    return case.audit(**options, out=out)


def holds(folder):
    """Its files; the manifest tells when each was made."""
    return {name: each for name, each in file_digests(folder).items() if name != "manifest.json"}


def test_the_summary_is_strict_json_of_its_model(audit):
    summary = json.loads(json.dumps(audit.summary.as_dict(), allow_nan=False))
    assert summary == audit.summary
    assert summary_model(summary["measure"]).model_validate(summary) == audit.summary


def test_the_run_folder_holds_the_audit(audit, out):
    loaded = load_audit(out)
    assert loaded.summary == audit.summary
    assert loaded.config == {name: value for name, value in audit.config.items() if value is not None}
    assert loaded.manifest["key"] == audit.manifest["key"]
    for name in ("samples", "gallery", "rejects"):
        assert getattr(loaded, name).equals(getattr(audit, name)), name
    assert loaded.tables.keys() == audit.tables.keys()
    for name, table in audit.tables.items():
        assert loaded.tables[name].equals(table), name
    names = {path.name for path in out.iterdir()}
    assert names >= {"summary.json", "samples.parquet", "rejects.parquet", "config.toml", "manifest.json"}


class Silent:
    """A model that answers for itself, and is never asked for a vector."""

    def __init__(self, model):
        self._model = model

    def __getattr__(self, name):
        found = getattr(self._model, name)
        return (lambda *_: pytest.fail(name)) if name.startswith("encode") else found


def test_a_second_run_is_free(case, options, audit, out, capsys):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    models = {name: Silent(options[name]) for name in ("target", "reference") if hasattr(options.get(name), "identity")}
    assert case.audit(**{**options, **models}, out=out).summary == audit.summary
    assert "nothing to do" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_another_audit_is_refused_unless_told(case, options, audit, out, tmp_path):
    changed = {**options, **case.change}
    with pytest.raises(InputError, match="holds another audit; choose another --out, or pass --overwrite"):
        case.audit(**changed, out=out)
    assert load_audit(out).summary == audit.summary
    case.audit(**options, out=tmp_path / "run")
    other = case.audit(**changed, out=tmp_path / "run", overwrite=True)
    assert load_audit(tmp_path / "run").summary == other.summary
    assert other.manifest["key"] != audit.manifest["key"]


def killed(number, function, options):
    die_before(number)
    function(**options)


def test_a_killed_audit_goes_on_and_ends_with_the_same_files(case, options, audit, out, tmp_path):
    whole = holds(out)
    died = 0
    for number in KILLS:
        again = {**options, "out": tmp_path / f"{number}"}
        process = warm_processes.start(killed, number, case.audit, again, log=tmp_path / "log")
        process.join()
        assert process.exitcode in {0, KILLED}, (tmp_path / "log").read_text()
        died += process.exitcode == KILLED
        assert case.audit(**again).summary == audit.summary
        assert holds(tmp_path / f"{number}") == whole
    assert died > 1


def test_without_images_the_run_holds_none(case, options, audit):
    bare = case.audit(**options, images=False)
    assert pictures(bare) == 0
    assert (pictures(audit) > 0) == case.pictures
    assert bare.summary == {name: value for name, value in audit.summary.items() if name != "key"}  # of a run folder


def pictures(audit):
    """How many thumbnails the records to show have."""
    found = []
    json.dumps(audit.gallery.to_pylist(), default=found.append)
    return len(found)


def test_untrained_models_calibrate_it(case, options, audit, monkeypatch):
    """Its other numbers stay what they are; where there are no images, that is said before anything is asked."""
    monkeypatch.setattr("memometer.audits.options.LEAST_SEEDS", 2)
    if not case.pictures:
        with pytest.raises(InputError, match=r"--null embeds the records with untrained models.* have no images"):
            case.audit(**options, null=2)
        return
    found = case.audit(**options, null=2, images=False).summary
    assert found.null
    for row in found.null:
        assert 0 <= row.n_covered <= row.n_seeds <= 2
        assert (row.coverage is None) == (row.n_seeds == 0)
    of_the_audit = {"null", "key"}  # a run that was not saved has no key
    assert {name: found[name] for name in found if name not in of_the_audit} == {
        name: audit.summary[name] for name in audit.summary if name not in of_the_audit
    }


def test_one_model_twice_gives_0_swapping_negates_and_mirroring_changes_nothing(case, options, audit):
    first, second = ("targets", "references") if case.name == "clipmem" else ("target", "reference")
    if case.name in ("unitmem", "vl_dejavu_one_model"):
        pytest.skip("it has no second model of the same kind")
    one, other = options[first], options[second]
    measure = measure_of(options_of(audit.summary.measure).model_construct())

    def intervals(found):
        return measure.null_intervals(found.summary)

    same = case.audit(**{**options, second: one})
    for name, number in intervals(same).items():
        assert (number.value, number.low or 0, number.high or 0) == (0, 0, 0), name
    assert case.name == "clipmem" or len(same.gallery) == 0
    assert "dejavu" in case.name or any("the same model" in note for note in same.summary.notes)
    swapped = {**options, first: other, second: one}
    for name, number in intervals(case.audit(**swapped)).items():
        assert number.value == pytest.approx(-intervals(audit)[name].value, abs=1e-12), name
    if "reference_role" in options:
        mirrored = intervals(case.audit(**{**swapped, "role": "b", "reference_role": "a"}))
        for name, number in intervals(audit).items():
            assert "balanced" not in name or mirrored[name].value == pytest.approx(number.value, abs=1e-12), name


def elsewhere(options, folder):
    """The same options with a copy of the records."""
    shutil.copytree(options["records"], folder)
    return {**options, **{name: folder for name in ("records", "public") if options.get(name) == options["records"]}}


def test_the_order_of_records_changes_nothing(case, options, audit, tmp_path):
    moved = elsewhere(options, tmp_path / "records")
    table = pq.read_table(tmp_path / "records" / "records.parquet")
    order = np.random.default_rng(0).permutation(len(table))
    pq.write_table(table.take(pa.array(order)), tmp_path / "records" / "records.parquet")
    sides = []
    for each in (audit, case.audit(**moved)):
        found = as_json(each)
        found["summary"].pop("key", None)  # a run that was not saved has none
        for name in found["tables"].keys() & {"samples", "neighbors"}:
            found["tables"][name].sort(key=lambda row: row["record_id"])
        sides.append(found)
    # Forward passes of towers are over other records; plain means add up in their order.
    towers = case.name in ("sslmem", "unitmem")
    assert differences(*sides, rel_tol=0, abs_tol=1e-4 if towers else 1e-12) == []
    exactly = [place for place in differences(*sides, rel_tol=0, abs_tol=0) if "/means/" not in place]
    assert towers or exactly == []


def test_planted_records_are_looked_for(case, options, audit, tmp_path):
    records = tmp_path / "records"
    moved = elsewhere(options, records)
    odd = sorted(set(audit.samples["record_id"].to_pylist()))[::4]
    pq.write_table(pa.table({"record_id": odd, "kind": ["odd"] * len(odd)}), records / "planted.parquet")
    planted = case.audit(**moved)
    found = [row for row in planted.summary.planted if row.kind == "odd"]
    assert found
    for row in found:
        assert 0 < row.n_positive <= len(odd)
        assert row.area is None or row.low <= row.area <= row.high
        curve = planted.tables["roc"].filter((pc.field("kind") == "odd") & (pc.field("by") == row.by))
        rates = [curve[f"{which}_positive_rate"].to_pylist() for which in ("false", "true")]
        assert all(rate == sorted(rate) and (rate[0], rate[-1]) == (0, 1) for rate in rates if rate)
    assert planted.manifest["key"] != audit.manifest["key"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"records": Path("nowhere")}, "memometer data import"),
        ({"null": 5}, "--null 5 is too few"),
    ],
)
def test_wrong_input_is_a_sentence_before_anything_is_written(case, options, tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        case.audit(**{**options, **change}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
