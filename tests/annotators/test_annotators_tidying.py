"""Label hygiene: synonyms and kinds merged, rare and common labels left out, and what captions then mention."""

import json
from collections import Counter

import failure_world
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_digests import file_digests
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_wordnet import write_wordnet
from worlds import VectorWorld

from memometer import audit_vl_dejavu, load_records
from memometer.annotators import tidy_labels
from memometer.data.beside import read_annotation, vocabulary_beside
from memometer.data.checking import verify_records
from memometer.errors import DamagedError, InputError
from memometer.objects import label_union, load_vocabulary, mentioned

OBJECTS = [["beagle", "Bike", "beagle"], ["dog", "crane"], [], None, ["mountain bike, off-roader"], ["person"], ["dog"]]
BOXES = [[[1, 2, 3, 4], None, [5, 6, 7, 8]], [[0, 0, 1, 1], [2, 2, 2, 2]], [], None, None, None, None]
SCORES = [[0.9, 0.8, 0.1], [0.5, 0.25], [], None, [0.7], [1.0], [0.3]]
CAPTIONS = [["two bikes"], ["a puppy and a derrick"], ["a mountain bike"], ["BEAGLES"], [], ["a man"], ["hounds"]]


def write(folder, objects, **columns):
    folder.mkdir()
    ids = [f"r{row:03d}" for row in range(len(objects))]
    table = {"record_id": ids, "objects": pa.array(objects, pa.list_(pa.string())), **columns}
    pq.write_table(pa.table(table), folder / "records.parquet")
    return folder


@pytest.fixture
def records(tmp_path):
    return write(
        tmp_path / "records",
        OBJECTS,
        captions=pa.array(CAPTIONS, pa.list_(pa.string())),
        boxes=pa.array(BOXES, pa.list_(pa.list_(pa.float32(), 4))),
        scores=pa.array(SCORES, pa.list_(pa.float32())),
        role=pa.array(list("aabbppp")),
    )


@pytest.fixture
def synonyms(tmp_path):
    (tmp_path / "synonyms.tsv").write_text(
        "bike\tbicycle\nmountain bike\tbicycle\nbeagle\tdog\nhound\tdog\nvelo\tbike\n"
    )
    return tmp_path / "synonyms.tsv"


def rows(folder, name="objects"):
    return pq.read_table(folder / "records.parquet")[name].to_pylist()


def test_synonyms_are_merged_and_everything_else_stays(records, synonyms, tmp_path):
    summary = tidy_labels(records, out=tmp_path / "out", mapping=synonyms)
    wanted = [["dog", "bicycle", "dog"], ["dog", "crane"], [], [], ["bicycle"], ["person"], ["dog"]]
    assert rows(tmp_path / "out") == wanted
    assert rows(tmp_path / "out", "boxes") == [[] if boxes == [] else boxes for boxes in map(_or_nulls, BOXES, OBJECTS)]
    assert rows(tmp_path / "out", "scores")[0] == pytest.approx(SCORES[0])
    for name in ("record_id", "captions", "role"):
        assert rows(tmp_path / "out", name) == rows(records, name)
    assert summary.merged == {"Bike": "bicycle", "beagle": "dog", "mountain bike, off-roader": "bicycle"}
    assert (summary.n_labels_before, summary.n_labels, summary.n_objects) == (6, 4, 8)
    assert (summary.n_without_objects_before, summary.n_without_objects) == (2, 2)
    assert summary.remarks == (
        "2 names of the mapping are no label of the records: hound, velo",
        "1 names of the mapping become what it maps on: the end of the chain counts",
    )
    assert not verify_records(tmp_path / "out").files.get("records.parquet", "").startswith("damaged")


def _or_nulls(boxes, objects):
    """Where one record of a table has a box, those without have nulls."""
    return boxes if boxes is not None else [None] * len(objects or [])


def test_captions_go_on_to_mention_what_was_merged(records, synonyms, tmp_path):
    """By an obvious oracle: a caption mentions the labels that it mentioned before, under the names they became."""
    tidy_labels(records, out=tmp_path / "out", mapping=synonyms)
    captions = load_records(records).table["captions"]
    before = mentioned(captions, labels=label_union([load_records(records).table["objects"]]))
    after = mentioned(
        captions,
        labels=label_union([load_records(tmp_path / "out").table["objects"]]),
        vocabulary=load_vocabulary(vocabulary_beside(tmp_path / "out")),
    )
    becomes = {"Bike": "bicycle", "beagle": "dog", "mountain bike, off-roader": "bicycle"}
    named = [after.of(row) for row in range(len(after))]
    for row in range(len(before)):
        assert {becomes.get(label, label) for label in before.of(row)} <= set(named[row])
    assert named == [
        ["bicycle"],
        ["dog"],
        ["bicycle"],
        ["dog"],
        [],
        ["person"],
        ["dog"],
    ]  # hounds: of the mapping alone


LABELS = ["dog", "cat", "tow truck", "quokka", "beagle", "bus"]
WORDS = [*LABELS, "dogs", "quokkas", "and", "hot", "buses", "a"]


@settings(max_examples=12, deadline=None)  # each writes a folder
@given(
    steps=st.dictionaries(st.sampled_from(LABELS), st.sampled_from(["animal", "Vehicle", "thing"]), min_size=1),
    captions=st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), min_size=1, max_size=5),
)
def test_any_merging_keeps_what_captions_mention(tmp_path_factory, steps, captions):
    folder = tmp_path_factory.mktemp("any")
    (folder / "m.tsv").write_text("".join(f"{name}\t{target}\n" for name, target in steps.items()))
    source = write(folder / "records", [LABELS] * len(captions), captions=pa.array([[each] for each in captions]))
    tidy_labels(source, out=folder / "out", mapping=folder / "m.tsv")
    column = load_records(source).table["captions"]
    before = mentioned(column, labels=pa.array(sorted(LABELS)))
    tidied = label_union([load_records(folder / "out").table["objects"]])
    assert tidied.to_pylist() == sorted({steps.get(label, label) for label in LABELS})
    vocabulary = load_vocabulary(folder / "out" / "vocabulary.tsv")
    after = mentioned(column, labels=tidied, vocabulary=vocabulary)
    for row in range(len(captions)):
        own = set(mentioned(column.slice(row, 1), labels=tidied).of(0))  # what names the new label itself
        assert set(after.of(row)) == {steps.get(label, label) for label in before.of(row)} | own


def test_the_vocabulary_beside_is_kept_and_added_to(records, synonyms, tmp_path):
    (records / "vocabulary.tsv").write_text("beagle\tbeagle snoopy\nperson\tperson man\nDog\tdog hot_dog\n")
    tidy_labels(records, out=tmp_path / "out", mapping=synonyms)
    found = load_vocabulary(tmp_path / "out" / "vocabulary.tsv").forms
    assert found["person"] == ("person", "man")
    assert set(found["Dog"]) >= {"dog", "hot dog", "beagle", "snoopy", "hound"}
    assert set(found["bicycle"]) >= {"bicycle", "bike", "mountain bike", "velo"}
    (tmp_path / "out" / "vocabulary.tsv").write_text("x\ty\n")
    with pytest.raises(DamagedError, match=r"vocabulary\.tsv"):
        vocabulary_beside(tmp_path / "out")


def test_kinds_become_what_they_are_kinds_of(records, tmp_path):
    wordnet, _ = write_wordnet(tmp_path / "dict")
    (tmp_path / "names.txt").write_text("animal\nDog\nvehicle\nunheard\n")
    (tmp_path / "pin.tsv").write_text("crane\tcrane\n")
    summary = tidy_labels(
        records, out=tmp_path / "out", wordnet=wordnet, into=tmp_path / "names.txt", mapping=tmp_path / "pin.tsv"
    )
    assert summary.merged == {
        "Bike": "vehicle", "beagle": "Dog", "dog": "Dog", "mountain bike, off-roader": "vehicle",
    }  # fmt: skip
    assert summary.remarks == (
        "1 labels are no noun of WordNet and stay: person",
        "1 of the names to merge into are no noun of WordNet: unheard",
    )
    assert rows(tmp_path / "out")[1] == ["Dog", "crane"]  # the mapping has it: it is to stay
    tidy_labels(records, out=tmp_path / "other", wordnet=wordnet, into=tmp_path / "names.txt")
    assert rows(tmp_path / "other")[1] == ["Dog", "animal"]


def test_rare_and_common_labels_are_left_out_and_said(records, synonyms, tmp_path):
    summary = tidy_labels(records, out=tmp_path / "out", mapping=synonyms, min_label_count=2, max_label_share=0.4)
    assert summary.left_out == {"dog": 3, "crane": 1, "person": 1}  # three of seven are more than 0.4
    assert rows(tmp_path / "out") == [["bicycle"], [], [], [], ["bicycle"], [], []]
    assert rows(tmp_path / "out", "scores")[0] == pytest.approx([0.8])
    assert summary.n_without_objects == 5
    note = read_annotation(tmp_path / "out")
    assert note["tidied"]["left_out"] == summary.left_out
    assert note["annotator"]["weights_hashes"] == []


@settings(max_examples=12, deadline=None)  # each writes a folder
@given(
    objects=st.lists(st.lists(st.sampled_from("abcde"), max_size=4), min_size=1, max_size=8),
    fewest=st.integers(0, 4),
    most=st.sampled_from([0.25, 0.5, 0.75, 0.9]),
)
def test_bounds_are_those_of_an_oracle(tmp_path_factory, objects, fewest, most):
    folder = tmp_path_factory.mktemp("bounds")
    summary = tidy_labels(
        write(folder / "records", objects), out=folder / "out", min_label_count=fewest, max_label_share=most
    )
    counts = Counter(label for labels in objects for label in set(labels))
    kept = {label for label, n in counts.items() if fewest <= n <= most * len(objects)}
    assert rows(folder / "out") == [[label for label in labels if label in kept] for labels in objects]
    assert summary.left_out == {label: n for label, n in counts.items() if label not in kept}


def test_an_audit_says_that_labels_were_tidied(tmp_path):
    world = VectorWorld(tmp_path)
    (tmp_path / "m.tsv").write_text("thing1\tthing0\nthing2\tthing0\n")
    tidy_labels(tmp_path / "records", out=tmp_path / "tidied", mapping=tmp_path / "m.tsv", max_label_share=0.35)
    options = {**world.options, "records": tmp_path / "tidied", "public": tmp_path / "tidied"}
    notes = audit_vl_dejavu(**options).summary.notes
    (note,) = [note for note in notes if "tidied" in note]
    assert note.startswith(
        f"labels of {tmp_path / 'tidied'} were tidied: 2 labels are merged into 1; 1 are left out as "
    )
    assert "(thing0)" in note
    assert not any("tidied" in note for note in audit_vl_dejavu(**world.options).summary.notes)


def test_it_is_done_once_and_again_with_the_same_bytes(records, synonyms, tmp_path, capsys):
    first = tidy_labels(records, out=tmp_path / "out", mapping=synonyms, min_label_count=2)
    digests = file_digests(tmp_path / "out")
    assert tidy_labels(records, out=tmp_path / "out", mapping=synonyms, min_label_count=2) == first
    assert "already holds these labels" in capsys.readouterr().err
    with pytest.raises(InputError, match="already holds other records"):
        tidy_labels(records, out=tmp_path / "out", mapping=synonyms)
    again = tidy_labels(records, out=tmp_path / "out", mapping=synonyms, min_label_count=2, overwrite=True)
    assert (again, file_digests(tmp_path / "out")) == (first, digests)


def test_what_labelled_the_records_is_kept(records, synonyms, tmp_path):
    tidy_labels(records, out=tmp_path / "one", mapping=synonyms)
    tidy_labels(tmp_path / "one", out=tmp_path / "two", min_label_count=2)
    note = read_annotation(tmp_path / "two")
    assert note["before"]["tidied"]["merged"] == {
        "Bike": "bicycle",
        "beagle": "dog",
        "mountain bike, off-roader": "bicycle",
    }
    assert note["annotator"] == note["before"]["annotator"]
    assert "velo" in load_vocabulary(tmp_path / "two" / "vocabulary.tsv").forms["bicycle"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "nothing is asked for: give --mapping, --wordnet with --into"),
        ({"min_label_count": 1}, "nothing is asked for"),
        ({"min_label_count": -1}, "expected 0 or more, and 0 to 1"),
        ({"max_label_share": 1.5}, "expected 0 or more, and 0 to 1"),
        ({"wordnet": "nowhere"}, "--wordnet and --into go together"),
        ({"into": "lvis"}, "--wordnet and --into go together"),
        ({"wordnet": "nowhere", "into": "lvis"}, "no WordNet at nowhere"),
        ({"mapping": "nowhere"}, "cannot read the mapping nowhere"),
    ],
)
def test_what_is_asked_badly_is_said(records, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        tidy_labels(records, out=tmp_path / "out", **options)
    assert not (tmp_path / "out" / "records.parquet").exists()


def test_the_records_themselves_stay(records, synonyms):
    with pytest.raises(InputError, match="holds the records themselves"):
        tidy_labels(records, out=records, mapping=synonyms)


def test_the_command_says_what_became_of_the_labels(records, synonyms, tmp_path):
    words = ("objects", "tidy", records, "--mapping", synonyms, "--min-label-count", 2, "--out", tmp_path / "out")
    code, stdout, _ = failure_world.memometer(*words)
    assert code == 0
    for line in (
        "merged       3 labels into 2",
        "left out     2 labels: fewer than 2 records hold them",
        "hound, velo",
    ):
        assert line in stdout
    code, stdout, _ = failure_world.memometer(*words, "--json")
    assert json.loads(stdout)["left_out"] == {"crane": 1, "person": 1}
