"""A finished audit answers without opening a model, and only while nothing that it depends on has changed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clip_training import flipped
from failure_world import commands, done, memometer
from file_digests import file_digest

from memometer.cli.answers import ASKED, asked_of
from memometer.embeddings import load_encoder
from memometer.measures.image_dejavu.options import ImageDejaVuOptions
from memometer.measures.vl_dejavu.options import VLDejaVuOptions
from memometer.sealing import read_sealed_json

AUDITS = ("vl-dejavu", "image-dejavu", "clipmem", "sslmem", "unitmem")
HEAVY = {"torch", "torchvision", "open_clip", "timm", "transformers", "numba", "scipy", "sklearn"}
DRAWING = {"altair", "jinja2", "pandas", "pyarrow.dataset", "PIL"}
ONE_PROCESS = """
import io, json, sys
from contextlib import redirect_stdout
from memometer.cli.start import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["memometer", *words]
    try:
        with redirect_stdout(io.StringIO()):
            main()
    except SystemExit as end:
        assert not end.code, words
    print(json.dumps(sorted(sys.modules)))
"""
NOTHING_TO_DO = "holds this audit already; nothing to do"


@pytest.fixture(scope="module")
def audits(world):
    """The words of five audits that are done."""
    words = {name: [str(word) for word in commands(world, world / "runs")[name]] for name in AUDITS}
    for each in words.values():
        done(*each)
    return words


@pytest.fixture
def opened(monkeypatch):
    """The names of audits that looked at their models, as a list that grows."""
    found = []

    def load(spec, *, device):
        found.append(spec)
        return load_encoder(spec, device=device)

    monkeypatch.setattr("memometer.audits.inputs.load_encoder", load)
    return found


def test_finished_audits_and_reports_import_no_library_of_models(audits):
    runs = [each[each.index("--out") + 1] for each in audits.values()]
    words = [*audits.values(), *(["report", run] for run in runs)]
    process = subprocess.run(
        [sys.executable, "-c", ONE_PROCESS, json.dumps(words)], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr.count(NOTHING_TO_DO) == len(AUDITS)
    loaded = [set(json.loads(line)) for line in process.stdout.splitlines()]
    assert len(loaded) == len(words)
    for each, modules in zip(words, loaded, strict=True):
        assert not modules & HEAVY, each
        if each[0] == "audit":
            assert not modules & DRAWING, each


def test_the_answer_is_that_of_the_audit(audits, opened):
    words = audits["clipmem"]
    code, table, errors = memometer(*words)
    assert (code, opened) == (0, [])
    assert NOTHING_TO_DO in errors
    code, summary, _ = memometer(*words, "--json", "--workers", 0)
    out = words[words.index("--out") + 1]
    assert json.loads(summary) == read_sealed_json(Path(out, "summary.json"))
    asked = Path(out, ASKED)
    asked.unlink()
    assert memometer(*words)[1] == table  # from the models
    assert opened
    assert asked.is_file()


def test_a_lost_report_is_drawn_again(audits, opened):
    words = audits["clipmem"]
    report = Path(words[words.index("--out") + 1], "report.html")
    before, begin = file_digest(report), report.read_bytes()[:100]
    for change in (report.unlink, lambda: report.write_bytes(begin)):
        change()
        assert memometer(*words)[0] == 0
        assert file_digest(report) == before
    assert not opened


CHANGES = {
    "weights": lambda world: flipped(world / "a" / "open_clip_model.safetensors"),
    "the run": lambda world: flipped(world / "runs" / "clipmem" / "samples.parquet"),
    "what was asked": lambda world: flipped(world / "runs" / "clipmem" / ASKED),
}


@pytest.mark.usefixtures("audits")
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_the_audit_looks_itself(world, tmp_path, opened, change):
    for name in ("a", "b", "scenes", "runs"):
        shutil.copytree(world / name, tmp_path / name)
    words = commands(tmp_path, tmp_path / "runs")["clipmem"]
    memometer(*words, "--overwrite")  # of other paths, so another audit
    opened.clear()
    assert NOTHING_TO_DO in memometer(*words)[2]
    assert not opened
    CHANGES[change](tmp_path)
    memometer(*words)
    assert opened


def test_every_byte_that_an_audit_depends_on_is_in_the_question(tmp_path):
    for name in ("model/open_clip_model.safetensors", "logs/checkpoints/epoch_1.pt", "logs/params.txt",
                 "records/records.parquet", "words.tsv"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"some bytes")
    options = {
        "target": f"open_clip:{tmp_path / 'model'}",
        "reference": [f"open_clip:ViT-B-32@{tmp_path / 'logs/checkpoints/epoch_1.pt'}", "text:tfidf"],
        "records": tmp_path / "records",
        "public": tmp_path / "records",
        "vocabulary": tmp_path / "words.tsv",
        "role": "a",
        "k": 10,
        "out": tmp_path / "out",
        "workers": 0,
    }

    def asked(measure=VLDejaVuOptions, **changes):
        return asked_of(measure.checked(**{**options, **changes}))

    questions = [asked()]
    assert None not in questions
    assert questions == [asked(out=tmp_path / "else", workers=4)]
    for option, value in {"role": "b", "k": 11, "reference": options["reference"][:1]}.items():
        questions.append(asked(**{option: value}))
    words = options.pop("vocabulary")
    questions += [asked(), asked(ImageDejaVuOptions)]
    options["vocabulary"] = words
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        flipped(path)
        questions.append(asked())
    for name in ("model/more.json", "records/planted.parquet", "logs/checkpoints/params.txt"):
        (tmp_path / name).write_bytes(b"more")
        questions.append(asked())
    assert len(set(questions)) == 14
    assert asked(target="open_clip:ViT-B-32@openai") is None  # a hub's; may change


def test_another_option_is_another_audit(audits, opened):
    assert "holds another audit" in done(*audits["clipmem"], "--seed", 1, code=2)[1]
    assert not opened
