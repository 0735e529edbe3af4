"""``memometer utility`` as a user types it, on built-in scenes and a model trained here."""

import json
import re

import pytest
from typer.testing import CliRunner

from memometer.cli.main import app
from memometer.errors import InputError


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Scenes, split, a tiny CLIP model, and class and template files."""
    folder = tmp_path_factory.mktemp("work")
    records = folder / "records"
    train = ("--model", "tiny", "--epochs", 1, "--batch-size", 20, "--device", "cpu", "--out", folder / "a")
    for words in (
        ("data", "scenes", "--n", 160, "--size", 40, "--out", records, "--workers", 0),
        ("data", "split", records, "--roles", "a=40,probe=60,public=rest"),
        ("train", "--records", records, "--role", "a", *train),
    ):
        done = run(*words)
        assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    (folder / "classes.txt").write_text("tree\ndog\tsmall dog\ncar\nunicorn\n")
    (folder / "templates.txt").write_text("a photo of a {}.\na drawing of a {}.\n")
    return folder


def options(work, *more):
    return (
        "utility", "--model", f"open_clip:{work / 'a'}", "--records", work / "records", "--role", "public",
        "--store", work / "store", "--zero-shot", work / "classes.txt", *more,
    )  # fmt: skip


def test_all_parts_with_backbone_features(work):
    more = ("--templates", work / "templates.txt", "--linear-probe", "--probe-role", "probe", "--features", "backbone")
    done = run(*options(work, "--retrieval", *more, "--out", work / "u", "--json"))
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    summary = json.loads(done.stdout)
    assert summary["zero_shot"]["classes_without_positives"] == ["unicorn"]
    assert summary["zero_shot"]["mean_average_precision"]["n"] == 60
    assert summary["linear_probe"]["features"] == "backbone"
    assert summary["linear_probe"]["n_classes"] + len(summary["linear_probe"]["classes_too_rare"]) == 4
    assert summary["retrieval"]["text_to_image"]["recall@10"]["value"] is not None
    assert any("no record under test has 'unicorn'" in note for note in summary["notes"])
    again = run(*options(work, "--retrieval", *more, "--out", work / "u"))
    assert "holds this measurement already" in again.stderr
    assert re.search(r"Linear probe +mean average precision +0\.\d{3} ", again.stdout)
    page = (work / "u" / "report.html").read_text(encoding="utf-8")
    assert "a drawing of a {}." in page
    (work / "u" / "report.html").unlink()
    assert run("report", work / "u").exit_code == 0
    assert (work / "u" / "report.html").read_text(encoding="utf-8") == page


def test_table_and_the_note_on_training_records(work):
    done = run(*options(work))
    assert done.exit_code == 0
    assert re.search(r"Zero-shot +mean average precision +0\.\d{3} ", done.stdout)
    assert "report" not in done.stderr
    words = [word if word != "public" else "a" for word in options(work, "--json")]
    notes = json.loads(run(*words).stdout)["notes"]
    assert any("was trained on a of these records" in note for note in notes)


def test_errors_are_sentences(work):
    done = run(*options(work, "--linear-probe"))
    assert isinstance(done.exception, InputError)
    assert done.exception.exit_code == 2
