"""A finished run in the forms of other tools, read back as those tools read it."""

import csv
import io
import json
import re
import tarfile

import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from audit_cases import CASES
from huggingface_hub.repocard_data import model_index_to_eval_results
from PIL import Image
from typer.testing import CliRunner
from worlds import VectorWorld

from memometer import audit_vl_dejavu, import_records
from memometer.cli.main import app
from memometer.data.records import RECORD_SCHEMA
from memometer.errors import InputError
from memometer.exports import export_run
from memometer.exports.forms import FORMS
from memometer.exports.latex import escaped
from memometer.exports.numbers import headline, numbers_of
from memometer.runs.loading import load_run

HOSTILE = '=cmd|"/C calc"!A0, <script>alert(1)</script> | `x` \\end{table} %\n& $_{}'


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param.name)
    return request.param.audit(**request.param.world(folder), out=folder / "run").folder


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A run whose records lie in two shards that share a key, and in a Parquet, with boxes; captions are hostile."""
    folder = tmp_path_factory.mktemp("shards")
    world = VectorWorld(folder / "world", n=4, m=20)
    table = pq.read_table(folder / "world" / "records" / "records.parquet").to_pylist()
    picture = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(picture, "PNG")
    (folder / "world" / "records" / "shards").mkdir()
    places = {}
    for shard in ("00000", "00001"):
        with tarfile.open(folder / "world" / "records" / "shards" / f"{shard}.tar", "w") as tar:
            for row in [row for row in table if row["record_id"].startswith("ab"[int(shard)])]:
                info = tarfile.TarInfo(f"{row['record_id']}.png")
                info.size = len(picture.getvalue())
                tar.addfile(info, io.BytesIO(picture.getvalue()))
                places[row["record_id"]] = (f"shards/{shard}.tar", tar.offset - 512 * (-(-info.size // 512)), info.size)
    for row in table:
        path, offset, length = places.get(row["record_id"], (None, None, None))
        row.update(image_path=path, image_offset=offset, image_length=length, width=40, height=20)
        row["boxes"] = [[4.0, 5.0, 20.0, 10.0]] + [None] * (len(row["objects"]) - 1)
        row["captions"] = [row["captions"][0], HOSTILE]
    boxes = pa.array([row.pop("boxes") for row in table], RECORD_SCHEMA.field("boxes").type)
    rows = pa.Table.from_pylist(table).append_column("boxes", boxes)
    pq.write_table(rows, folder / "world" / "records" / "records.parquet")
    return audit_vl_dejavu(**world.options, k=3, sweep=(), images=False, out=folder / "run").folder


def test_csv_holds_every_number_and_every_row(run, tmp_path):
    export_run(run, to="csv", out=tmp_path / "csv")
    found = load_run(run)

    def read(name):
        return list(csv.reader(io.StringIO((tmp_path / "csv" / f"{name}.csv").read_text(encoding="utf-8"))))

    names, *rows = read("numbers")
    rows = [dict(zip(names, row, strict=True)) for row in rows]
    numbers = dict(numbers_of(found.summary))
    assert [row["number"] for row in rows] == list(numbers)
    assert numbers
    for row in rows:
        number = numbers[row["number"]]
        assert (float(row["value"]) if row["value"] else None) == number.value
        assert (float(row["low"]) if row["low"] else None) == number.low
    for name, table in found.tables.items():
        assert len(read(name)) == table.num_rows + 1


@pytest.mark.parametrize("measure", ["sweep", "compare", "utility"])
def test_what_is_no_audit_has_its_numbers_by_their_names(measure, runs, tmp_path):
    folder = runs[measure].save(tmp_path / "run").folder
    export_run(folder, to="csv", out=tmp_path / "csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "csv" / "numbers.csv").read_text(encoding="utf-8"))))
    assert rows
    names = {row["number"]: row for row in rows}
    if measure == "sweep":
        mild = names["settings/<b>mild</b>/metrics/prg/unmentioned"]
        assert (float(mild["value"]), mild["low"], mild["n"]) == (pytest.approx(0.045), "", "2")
        less = names["settings/<b>mild</b>/metrics/prg/unmentioned/difference"]
        assert (float(less["value"]), less["n"]) == (pytest.approx(-0.065), "2")
    assert not any(re.search(r"(settings|numbers)/\d+(/|$)", name) for name in names)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its library's own imports
def test_croissant_is_valid_and_read_by_its_own_library(run, tmp_path):
    export_run(run, to="croissant", out=tmp_path / "croissant")
    dataset = mlcroissant.Dataset(jsonld=tmp_path / "croissant" / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    samples = load_run(run).samples
    read = list(dataset.records(record_set="samples"))
    assert len(read) == samples.num_rows
    ids = [value.decode() if isinstance(value, bytes) else value for value in (r["samples/record_id"] for r in read)]
    assert ids == samples["record_id"].to_pylist()


def test_a_model_card_has_the_headline_and_metadata_that_the_hub_reads(run, tmp_path):
    export_run(run, to="model-card", out=tmp_path / "card")
    found = headline(load_run(run))
    text = (tmp_path / "card" / "memorization.md").read_text()
    assert text.startswith("## Memorization\n\n**")
    metadata = yaml.safe_load((tmp_path / "card" / "metadata.yaml").read_text())
    _, results = model_index_to_eval_results(metadata["model-index"])
    defined = {f"memometer/{name}": number.value for name, number in found.items() if number.value is not None}
    assert {each.metric_type: each.metric_value for each in results} == pytest.approx(defined, abs=1e-6)
    assert all(f"| {number.n:,} |" in text for number in found.values())


def test_latex_is_a_whole_table(run, tmp_path):
    export_run(run, to="latex", out=tmp_path / "latex")
    text = (tmp_path / "latex" / "table.tex").read_text()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    rows = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0].strip().splitlines()
    assert len(rows) == len(headline(load_run(run)))
    assert all(len(re.findall(r"(?<!\\)&", row)) == 3 for row in rows)


def test_keys_are_those_of_the_shards_best_first(audited, tmp_path):
    by = "recall_target-recall_reference"
    export_run(audited, to="keys", out=tmp_path / "keys", by=by, most=5)
    samples = load_run(audited).samples.to_pylist()
    order = sorted(samples, key=lambda row: (row["recall_reference"] - row["recall_target"], row["record_id"]))
    rows = pq.read_table(tmp_path / "keys" / "keys.parquet").to_pylist()
    assert [row["record_id"] for row in rows] == [row["record_id"] for row in order[:5]]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    for shard in ("00000", "00001"):
        listed = sorted(row["key"] for row in rows if row["shard"] == f"shards/{shard}.tar")
        path = tmp_path / "keys" / f"{shard}.txt"
        assert (path.read_text().split() if path.exists() else []) == listed


def test_keys_of_shards_that_share_names_are_those_within_the_shard(tmp_path):
    """What import makes of one key in two shards, is undone."""
    for shard in ("00000", "00001"):
        with tarfile.open(tmp_path / f"{shard}.tar", "w") as tar:
            for key in ("000", "001"):
                picture = io.BytesIO()
                Image.new("RGB", (8, 8), (int(shard) * 90, int(key) * 90, 9)).save(picture, "PNG")
                for suffix, data in ((".png", picture.getvalue()), (".txt", b"a thing")):
                    info = tarfile.TarInfo(key + suffix)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    import_records(str(tmp_path / "*.tar"), out=tmp_path / "records")
    records = pq.read_table(tmp_path / "records" / "records.parquet").to_pylist()
    from memometer.exports.keys import _key

    found = {(row["image_path"].rsplit("/")[-1], _key(row["record_id"], row["image_path"])) for row in records}
    assert found == {(f"{shard}.tar", key) for shard in ("00000", "00001") for key in ("000", "001")}


def test_samples_of_fiftyone_hold_images_objects_and_scores(audited, tmp_path):
    export_run(audited, to="fiftyone", out=tmp_path / "fiftyone")
    samples = json.loads((tmp_path / "fiftyone" / "samples.json").read_text())["samples"]
    found = load_run(audited)
    assert {sample["record_id"] for sample in samples} == set(found.samples["record_id"].to_pylist())
    rows = {(row["record_id"], row["direction"]): row for row in found.samples.to_pylist()}
    for sample in samples:
        with Image.open(tmp_path / "fiftyone" / sample["filepath"]) as picture:
            assert picture.size == (40, 20)
        direction = "forward" if sample["record_id"].startswith("a") else "backward"
        assert sample[f"{direction}_recall_target"] == rows[sample["record_id"], direction]["recall_target"]
        (detection,) = sample["objects"]["detections"]
        assert detection["bounding_box"] == pytest.approx([0.1, 0.25, 0.5, 0.5])
        assert sample["captions"][1] == HOSTILE


def test_hostile_text_stays_text(audited, tmp_path):
    assert escaped(HOSTILE).count("\\textbackslash{}") == 1
    assert not re.search(r"(?<!\\)[&%$#_]", escaped(HOSTILE).replace("$-$", ""))
    from memometer.exports.model_card import _plain

    assert re.search(r"(?<!\\)[<|`]", _plain(HOSTILE)) is None


def test_the_command_refuses_what_is_no_export_and_replaces_its_own(audited, tmp_path):
    def memometer(*words):
        return CliRunner().invoke(app, ["export", str(audited), *map(str, words)])

    done = memometer("--to", "csv", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert "numbers.csv" in json.loads(done.stdout)["files"]
    assert "--overwrite to replace" in str(memometer("--to", "latex", "--out", tmp_path / "out").exception)
    assert memometer("--to", "latex", "--out", tmp_path / "out", "--overwrite").exit_code == 0
    left = {path.suffix for path in (tmp_path / "out").iterdir()}
    assert ".tex" in left
    assert ".csv" not in left
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    refused = memometer("--to", "latex", "--out", tmp_path / "mine", "--overwrite")
    assert "holds files that are no export" in str(refused.exception)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "x"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "pdf"}, f"no export 'pdf' is known; expected one of {', '.join(FORMS)}"),
        ({"to": "keys"}, "no ranking is named; pass --by with a column"),
        ({"to": "keys", "by": "direction"}, "no column of numbers 'direction'"),
        ({"to": "keys", "by": "recall_target", "most": 1000}, "only 8 records have a score"),
        ({"to": "keys", "by": "recall_target", "most": 0}, "0 records are to be exported"),
        ({"to": "fiftyone", "records": "nowhere"}, "the records of the run are not at nowhere"),
    ],
)
def test_wrong_input_is_a_sentence(audited, tmp_path, options, words):
    with pytest.raises(InputError, match=re.escape(words)):
        export_run(audited, out=tmp_path / "out", **options)
