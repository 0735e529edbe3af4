"""Annotators whose code is the user's own, or an installed package's; and what is told of all that can be named."""

import json

import pyarrow.parquet as pq
import pytest
from detector_factory import detector_folder
from hostile_models import clip_folder, timm_folder
from own_code import own_module, own_package
from pictures import write_picture_records
from pixel_annotator import expected
from typer.testing import CliRunner

from memometer import InputError, annotate
from memometer.annotators import Asked, load_annotator
from memometer.annotators.known import ANNOTATORS, LABELS
from memometer.annotators.loading import KINDS, LABEL_FILES
from memometer.cli.main import app
from memometer.data.beside import read_annotation
from memometer.errors import ModelError

MODULE = """
import numpy as np
from pixel_annotator import LABELS, PixelAnnotator
from memometer.annotators import Found


def load(device="cpu", precision="fp32"):
    return PixelAnnotator()


def named(spec, **options):
    found = PixelAnnotator(boxes=False)
    found.identity = spec
    found.labels = options["names"] or LABELS
    return found


def fails():
    raise RuntimeError("no weights here")


def nothing():
    return 7


def wrong():
    found = PixelAnnotator()
    found.annotate = lambda images: [Found(np.array([9]), np.array([0.9])) for _ in images]
    return found


def few():
    found = PixelAnnotator()
    found.annotate = lambda images: []
    return found
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    own_module(tmp_path, monkeypatch, "my_annotators", MODULE)
    return tmp_path


@pytest.fixture
def package(module, monkeypatch):
    points = {"theirs": "named", "owlv2": "nothing", "coco": "nothing"}
    lines = [f"{name} = my_annotators:{function}" for name, function in points.items()]
    entry_points = "\n".join(["[memometer.annotators]", *lines, ""])
    with own_package(module, monkeypatch, entry_points) as name:
        yield name


@pytest.fixture
def records(tmp_path):
    return write_picture_records(tmp_path / "records", 11)


def memometer(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_function_of_the_users_own_labels_records_and_that_is_recorded(module, records, tmp_path):
    words = ("annotate", records, "--with", "python:my_annotators:load", "--out", tmp_path / "out", "--threshold", 0.1)
    done = memometer(*words)
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    assert "code that is not memometer's ran: my_annotators:load" in done.output.replace("\n", " ")
    labelled, given = (pq.read_table(each / "records.parquet").to_pylist() for each in (tmp_path / "out", records))
    for row, source in zip(labelled, given, strict=True):
        assert row["objects"] == [label for label, *_ in expected(records / source["image_path"])]
    note = read_annotation(tmp_path / "out")
    assert note["annotator"]["code"] == "my_annotators:load"
    assert note["annotator"]["spec"] == "python:my_annotators:load"
    assert note["annotator"]["weights_hashes"] == ["0" * 32]
    assert "already holds these labels" in memometer(*words).stderr  # its code is asked again: it may be another


@pytest.mark.parametrize(("names", "kept"), [(None, {"red", "green"}), (["Red", "yak"], {"red"})])
def test_threshold_and_vocabulary_hold_for_code_that_takes_neither(module, records, tmp_path, names, kept):
    annotate(records=records, with_="python:my_annotators:load", out=tmp_path / "out", threshold=0.52, vocabulary=names)
    rows = pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()
    found = {(label, score) for row in rows for label, score in zip(row["objects"], row["scores"], strict=True)}
    assert {label for label, _ in found} == kept
    assert min(score for _, score in found) > 0.52
    remarks = read_annotation(tmp_path / "out")["summary"]["remarks"]
    assert any("does not know 1 of the 2 names, e.g. yak" in remark for remark in remarks) is (names is not None)


def test_what_changes_labels_changes_the_identity(module):
    asked = [
        Asked(names=None, threshold=0.3),
        Asked(names=None, threshold=0.4),
        Asked(names=("red",), threshold=0.3),
        Asked(names=None, threshold=0.3, precision="bf16"),
    ]
    identities = {load_annotator("python:my_annotators:load", each).identity for each in asked}
    assert len(identities) == 4


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("absent", "has no function absent"),
        ("fails", "no weights here"),
        ("nothing", r"gave int for 'python:my_annotators:nothing', without annotate and .*; expected an annotator"),
        ("wrong", r"found labels \[9\] of 4, with scores of shape \(1,\) and boxes of None; expected"),
        ("few", "found list in 11 images; expected a Found of each"),
    ],
)
def test_what_gives_no_annotator_is_a_sentence(module, records, tmp_path, function, said):
    with pytest.raises(ModelError, match=said):
        annotate(records=records, with_=f"python:my_annotators:{function}", out=tmp_path / "out")
    assert not (tmp_path / "out" / "records.parquet").exists()


def test_options_that_code_does_not_take_are_refused(module):
    with pytest.raises(InputError, match="python:my_annotators:load takes no --templates: leave it out"):
        load_annotator("python:my_annotators:load", Asked(names=None, threshold=0.1, templates=7))


def test_what_a_package_offers_is_named_by_its_word(package):
    asked = Asked(names=("a", "b"), threshold=0.1, templates=7)
    annotator = load_annotator("theirs:small", asked)
    assert annotator.labels == ("a", "b")
    assert annotator.code == "my_annotators:named of their-models"
    assert annotator.spec == "theirs:small"
    with pytest.raises(ModelError, match="no model at nowhere"):  # a package cannot take the place of memometer's own
        load_annotator("owlv2:nowhere", asked)
    with pytest.raises(InputError, match=r"'absent:x' names no annotator; .*'memometer models' lists all"):
        load_annotator("absent:x", asked)


def test_the_list_has_all_kinds_and_what_packages_offer(package, monkeypatch):
    assert set(ANNOTATORS) == set(KINDS)
    assert set(LABELS) == set(LABEL_FILES)
    told = json.loads(memometer("models", "--json").stdout)
    assert told["annotators"]["rtdetr"]["vocabulary"] == "its own"
    assert told["annotators"]["timm"]["boxes"] is False
    assert told["offered"]["annotators"]["theirs"] == {"function": "my_annotators:named", "package": "their-models"}
    printed = memometer("models").stdout
    for each in (*ANNOTATORS.values(), *LABELS.values()):
        assert all(example in printed for example in each.examples)
    assert "theirs: offered by their-models (annotators: my_annotators:named)" in printed
    one = memometer("models", "owlv2").stdout
    assert one.startswith("annotators (memometer annotate --with):\n  owlv2: ")
    assert "grounding" not in one
    assert memometer("models", "timm").stdout.count("  timm: ") == 2  # a model, and an annotator
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "not installed: pip install 'memometer[hf]'" in memometer("models", "owlv2").stdout


@pytest.mark.parametrize(
    ("family", "kind", "labels"),
    [("owlv2", "owlv2", None), ("omdet", "omdet", None), ("rt_detr", "rtdetr", ["person", "dog"])],
)
def test_one_detector_is_described(tmp_path, family, kind, labels):
    folder = detector_folder(tmp_path / family, family)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    told = json.loads(memometer("models", f"{kind}:{folder}", "--json").stdout)
    assert told["license"] == "apache-2.0"
    assert told["files"] == [str(folder)]
    assert told["parameters"] > 1000
    assert told["first_labels"][:2] == (labels or [])
    assert (told["labels"] is None) is (labels is None)
    printed = memometer("models", f"{kind}:{folder}").stdout
    assert "licence: apache-2.0" in printed
    assert ("labels: any vocabulary" in printed) is (labels is None)
    assert "preprocessing, class: " in printed


def test_taggers_and_what_packages_offer_are_described(package, tmp_path):
    clip = clip_folder(tmp_path / "clip")
    told = json.loads(memometer("models", f"zero-shot:open_clip:{clip}", "--json").stdout)
    assert (told["architecture"], told["files"], told["labels"]) == ("CLIP", [str(clip)], None)
    told = json.loads(memometer("models", "theirs:small", "--json").stdout)
    assert (told["code"], told["labels"]) == ("my_annotators:named of their-models", 4)
    assert "code that ran: my_annotators:named of their-models" in memometer("models", "theirs:small").stdout
    told = json.loads(memometer("models", f"timm:{timm_folder(tmp_path / 'timm')}", "--json").stdout)
    assert "towers" in told  # of two things of one name the model is described
    assert isinstance(memometer("models", "owlv2:nowhere").exception, ModelError)
