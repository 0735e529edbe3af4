"""Summaries are models that read as what ``summary.json`` holds, and are checked when they are read again."""

import json
import re
from pathlib import Path

import pytest
from golden_runs import SUMMARIES
from report_factory import make_audit

from memometer.audits.result import Audit, load_audit
from memometer.catalogue import KNOWN, summary_model
from memometer.errors import DamagedError, InputError
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.runs.schema import Summary

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("measure", KNOWN)
def test_every_measure_has_a_model_and_its_schema_is_published(measure):
    model = summary_model(measure)
    assert issubclass(model, Summary)
    assert model.schema_version() == 1
    name = "summary" if measure == "vl-dejavu" else f"summary-{measure}"
    published = json.loads((DOCS / f"{name}.schema.json").read_text())
    assert published == model.model_json_schema(by_alias=True), "run python docs/build_schema.py"


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_is_written_as_it_was_made(name):
    """Its keys in their order: the bytes stay the same, whatever the order of the model's fields."""
    values = SUMMARIES[name]
    made = summary_model(values["measure"]).made(values)
    assert json.dumps(made.as_dict()) == json.dumps(values)
    assert json.dumps(made, default=dict) == json.dumps(values)
    turned = dict(reversed(values.items()))
    assert list(type(made).model_validate(turned)) == list(turned)


def test_a_summary_reads_as_a_mapping():
    values = SUMMARIES["vl_dejavu"]
    summary = VLDejaVuSummary.made(values)
    assert summary == values
    assert values == summary
    assert summary != values | {"k": 999}
    assert summary["gaps"]["all"]["prg"]["value"] == summary.gaps.all.prg.value
    assert summary.keys() == values.keys()
    assert dict(summary.items()) == values
    assert ("schema" in summary, "schema_" in summary, "aucg_by_histogram" in summary) == (True, False, False)
    assert (summary.get("aucg_by_histogram", 7), len(summary)) == (7, len(values))
    with pytest.raises(KeyError, match="nothing"):
        summary["nothing"]


def test_numbers_that_json_has_not_are_no_summary():
    values = SUMMARIES["vl_dejavu"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        VLDejaVuSummary.made(values | {"gaps": {"all": {"ppg": {"value": float("nan")}}}})


@pytest.fixture
def run(tmp_path):
    """A run as versions wrote it that sealed nothing, and a way to change its summary."""
    make_audit().save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    kept = {name: value for name, value in manifest.items() if name not in ("files", "checksum")}
    (tmp_path / "manifest.json").write_text(json.dumps(kept | {"memometer": "0.0.7"}))
    path = tmp_path / "summary.json"
    values = json.loads(path.read_text())

    def change(turn):
        path.write_text(json.dumps(turn(json.loads(json.dumps(values)))))
        return tmp_path

    return change


def test_a_run_of_a_newer_version_is_not_replaced_unasked(run):
    """By the same audit; one that is damaged is computed again."""
    key = make_audit().manifest.get("key")
    newer = run(lambda values: values | {"schema": 2})
    with pytest.raises(InputError, match="has schema 2"):
        Audit.finished(newer, key, overwrite=False)
    assert Audit.finished(newer, key, overwrite=True) is None
    assert Audit.finished(run(without("gaps")), key, overwrite=False) is None
    assert Audit.finished(run(dict), key, overwrite=False) is not None


def without(*names):
    return lambda values: {name: value for name, value in values.items() if name not in names}


def with_prg(**fields):
    def turn(values):
        values["gaps"]["all"]["prg"] |= fields
        return values

    return turn


def test_what_earlier_versions_left_out_may_be_missing(run):
    later = ("searched", "references", "agreement", "control", "controlled", "planted", "null", "key")
    summary = load_audit(run(without(*later))).summary
    assert summary.references == []
    assert summary.controlled is None
    assert not set(later) & set(summary.as_dict())


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (without("gaps"), "'gaps' is missing"),
        (with_prg(n=-5), "gaps.all.prg.n = -5; expected 0 or more"),
        (with_prg(value="much"), "gaps.all.prg.value = 'much'; expected a number"),
        (with_prg(n=True), "gaps.all.prg.n = True; expected a whole number"),
        (with_prg(high=None), "an interval has one end; expected two or none"),
        (with_prg(lower=0.1), "unknown key 'gaps.all.prg.lower'; did you mean 'low'?"),
        (lambda values: values | {"schema": 0}, "schema = 0; expected 1"),
        (lambda values: values | {"notes": "none"}, "notes = 'none'; expected a list"),
        (lambda values: values | {"schema": 2}, "has schema 2, newer than 1; memometer 0.0.7 wrote it"),
        (lambda values: values | {"measure": "later"}, "no measure 'later' is known; memometer 0.0.7 wrote it"),
    ],
)
def test_a_summary_that_is_none_says_so_in_one_sentence(run, turn, words):
    """What a newer version wrote is not taken for damage."""
    with pytest.raises(InputError, match=re.escape(words)) as told:
        load_audit(run(turn))
    damaged = "memometer 0.0.7" not in words
    assert isinstance(told.value, DamagedError) == damaged
    assert ("summary.json is damaged: " in str(told.value)) == damaged
    install = "memometer 0.0.7 wrote it, and this is memometer 0.1.0; install the version that wrote it, or"
    assert not damaged or install in str(told.value)
    assert "\n" not in str(told.value)
