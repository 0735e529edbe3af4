"""A measure is a folder and a row: it has a command, a report, a schema, a comparison, and its place in sweeps."""

import json

import pytest
from model_factory import tiny_architecture
from pair_worlds import PairWorld
from typer.testing import CliRunner

from memometer import catalogue, make_scenes, run_sweep, split_records
from memometer.audits.result import load_audit
from memometer.cli.main import assemble, commands
from memometer.errors import InputError
from memometer.sweeps.config import load_sweep_file

ROW = catalogue.Row(
    summary="toy_measure.schema:ToySummary",
    page="toy_measure.page:PAGE",
    options="toy_measure.options:ToyOptions",
    measure="toy_measure.audit:Toy",
    view="toy_measure.compare:VIEW",
    question="A toy: does a model hold its images and captions together more closely?",
)


@pytest.fixture(autouse=True)
def row(monkeypatch):
    for table in (catalogue.MEASURES, catalogue.KNOWN):
        monkeypatch.setitem(table, "toy", ROW)


@pytest.fixture
def memometer(tmp_path):
    world = PairWorld(tmp_path / "world", known=0.5, quality=1.0, n=60, dim=32).options
    words = ["--target", world["targets"][0], "--reference", world["references"][0], "--records", world["records"]]

    def run(*more, given=words):
        words = [str(word) for word in (*more, *given)]
        return CliRunner().invoke(assemble(), words)

    return run


def test_it_has_a_command_with_its_options(memometer):
    done = memometer("audit", "toy", "--help", given=[])
    assert "does a model hold its images and captions together more closely?" in done.output
    for words in ("--target", "--scale", "--replicates", "--no-images"):
        assert words in done.output
    assert ("audit", "toy", "audit") in commands()
    listed = CliRunner().invoke(assemble(["audit", "--help"]), ["audit", "--help"]).output
    assert "A toy: does a model hold its images" in listed


def test_it_is_audited_drawn_found_finished_refused_and_compared(memometer, tmp_path):
    run = ["audit", "toy", "--role", "c", "--out", tmp_path / "one", "--replicates", 50]
    done = memometer(*run)
    assert done.exit_code == 0, done.output
    assert "Cosine of image and caption" in done.output
    audit = load_audit(tmp_path / "one")
    assert audit.summary.advantage.above_zero
    assert audit.summary["advantage"]["n"] == audit.samples.num_rows == 60
    assert "small sets" in audit.summary.notes[-1]
    assert "The target holds its pairs closer" in (tmp_path / "one" / "report.html").read_text()
    assert "nothing to do" in memometer(*run).stderr
    refused = memometer(*run, "--scale", 2)
    assert isinstance(refused.exception, InputError)
    assert "holds another audit" in str(refused.exception)
    for wrong, words in (("101", "scale = 101.0; expected 100 or less"), ("0", "scale = 0.0; expected more than 0")):
        assert words in str(memometer(*run, "--scale", wrong).exception)
    twice = memometer(*run[:5], tmp_path / "two", "--replicates", 50, "--scale", 2)
    assert twice.exit_code == 0, twice.output
    compared = memometer("compare", tmp_path / "one", tmp_path / "two", "--json", given=[])
    assert compared.exit_code == 0, compared.output
    (found,) = json.loads(compared.stdout)["runs"][0]["numbers"]
    assert found["value"] == pytest.approx(found["baseline"])  # the difference, of twice the same


def test_its_schema_is_published_as_those_of_others():
    schema = catalogue.summary_model("toy").model_json_schema(by_alias=True)
    assert schema["properties"]["advantage"]["$ref"].endswith("/Number")


def test_a_sweep_file_may_ask_for_it(tmp_path):
    content = {"seeds": [0], "data": {"records": str(tmp_path)}, "settings": {"default": {}}}
    config = load_sweep_file({**content, "measures": {"toy": {"scale": 3.0}}})
    options = config.audit_of(
        "toy",
        config.measures["toy"].items(),
        {"target": "a", "reference": "b", "records": tmp_path, "public": tmp_path},
    )
    assert (options.scale, options.role, options.target) == (3.0, "a", "a")
    for given, words in (
        ({"toy": {"scale": 0}}, r"\[measures.toy\] scale = 0; expected more than 0"),
        ({"toy": {"sclae": 1}}, "unknown option 'sclae'; did you mean 'scale'"),
        ({"toy": {"target": "x"}}, "the sweep itself decides target"),
        ({"clipmem": {}}, r"ask for it with \[clipmem\]"),
        ({"none": {}}, "no measure 'none' with options is known"),
    ):
        with pytest.raises(InputError, match=words):
            load_sweep_file({**content, "measures": given})


def test_a_sweep_measures_it_in_every_cell(tmp_path):
    make_scenes(tmp_path / "records", n=40, size=32)
    split_records(tmp_path / "records", "a=15,b=15,public=rest")
    (tmp_path / "tiny.json").write_text(json.dumps(tiny_architecture().config))
    found = run_sweep(
        {
            "seeds": [0],
            "data": {"records": str(tmp_path / "records")},
            "train": {"model": str(tmp_path / "tiny.json"), "epochs": 1, "batch_size": 5},
            "settings": {"default": {}},
            "audit": {"k": 3, "replicates": 20},
            "measures": {"toy": {"scale": 3.0, "replicates": 20}},
        },
        out=tmp_path / "out",
        device="cpu",
        workers=0,
    )
    (cell,) = (tmp_path / "out" / "cells" / "default").iterdir()
    said = load_audit(cell / "toy").summary.advantage
    (row,) = [row for row in found.tables["results"].to_pylist() if row["metric"] == "toy"]
    assert (row["value"], row["low"], row["high"], row["n"]) == (said.value, said.low, said.high, 15)
