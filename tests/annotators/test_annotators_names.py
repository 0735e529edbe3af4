"""Vocabularies of annotators, and what of a closed set is wanted."""

import itertools

import pytest
from object_names import coco_names
from timm.data import ImageNetInfo

from memometer.annotators import Asked, load_annotator
from memometer.annotators.groups import grouped
from memometer.annotators.names import COCO, chosen_labels, lvis_names, read_names
from memometer.annotators.prompts import prompts_of, templates_of
from memometer.errors import InputError, ModelError


def test_coco_and_lvis_are_whole():
    assert list(COCO) == coco_names()
    assert len(set(lvis_names())) == 1203
    assert {"bus (vehicle)", "sofa", "doughnut", "cellular telephone", "person"} <= set(lvis_names())
    assert not {"bus", "couch", "donut", "cell phone"} & set(lvis_names())
    assert read_names("coco").names == COCO
    assert read_names("lvis").names == lvis_names()
    assert read_names("lvis").described()["hash"] != read_names("coco").described()["hash"]


def test_names_of_a_file_are_merged_and_counted(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\ufeff# mine\nhot_dog\n\nHot dog\n  Cat \ncat\nzebra\n", encoding="utf-8")
    found = read_names(path)
    assert found.names == ("hot dog", "Cat", "zebra")
    assert found.n_merged == 2
    path.write_text("zebra\tzebra zebras\ncat\tcat\n")  # terms and word forms, as an import takes them
    assert read_names(path).names == ("cat", "zebra")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no name; expected one a line"),
        (b"# only\n\n", "holds no name"),
        (b"caf\xe9\n", r"is not UTF-8 \(byte 3\)"),
        (b"a\x00b\n", "expected one name a line, of printable characters"),
        (b"_\n", "has the name '_'"),
    ],
)
def test_a_bad_file_is_named(tmp_path, content, message):
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_names(tmp_path / "names.txt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no vocabulary at .*; expected lvis, coco, or a file"):
        read_names(tmp_path / "lvsi")


def test_21_000_names_are_read_and_grouped(tmp_path):
    names = ImageNetInfo("imagenet-21k").label_descriptions()
    (tmp_path / "names.txt").write_text("\n".join(names))
    found = read_names(tmp_path / "names.txt")
    assert len(found.names) + found.n_merged == 21_843
    assert len(found.names) > 21_000
    groups = grouped(found.names, length=lambda some: sum(len(name.split()) + 1 for name in some), most=250, spec="it")
    assert [place for group in groups for place in group] == list(range(len(found.names)))
    assert max(sum(len(found.names[place].split()) + 1 for place in group) for group in groups) <= 250


def test_groups_are_as_large_as_fit():
    def length(some):
        return 2 + sum(map(len, some))

    for most in range(5, 30):
        names = ["a", "bb", "ccc", "a", "a", "bb", "ccc", "ccc"] * 3
        groups = grouped(names, length=length, most=most, spec="it")
        assert [place for group in groups for place in group] == list(range(len(names)))
        for group, after in itertools.pairwise(groups):
            assert length([names[place] for place in group]) <= most
            assert length([names[place] for place in (*group, after[0])]) > most
    with pytest.raises(InputError, match="the name 'ccc' is longer than a prompt of it may be, 4 tokens"):
        grouped(["a", "ccc"], length=length, most=4, spec="it")


def test_one_template_or_seven():
    assert prompts_of(["cat", "dog"], templates_of(None)) == ["a photo of a cat.", "a photo of a dog."]
    assert len(set(prompts_of(["cat", "dog"], templates_of(7)))) == 14
    with pytest.raises(InputError, match="3 templates are asked for; expected 1 or 7"):
        templates_of(3)


def test_of_a_closed_set_the_vocabulary_chooses():
    known = ["N/A", "tench, Tinca tinca", "Hot_dog", "cat"]
    chosen, said = chosen_labels(known, ("hot dog", "tinca TINCA", "yak"), spec="timm:x")
    assert chosen.tolist() == [False, True, True, False]
    assert said == ["timm:x does not know 1 of the 3 names, e.g. yak"]
    assert chosen_labels(known, None, spec="timm:x")[0].all()
    with pytest.raises(ModelError, match="none of the 1 names of the vocabulary is among them"):
        chosen_labels(known, ("yak",), spec="timm:x")


def test_options_are_refused_where_they_mean_nothing():
    asked = {"names": ("cat",), "threshold": 0.1}
    with pytest.raises(InputError, match="'detic:x' names no annotator; expected owlv2, grounding-dino, omdet, rtdetr"):
        load_annotator("detic:x", Asked(**asked))
    with pytest.raises(InputError, match="timm takes no --templates; owlv2 and zero-shot do: leave it out"):
        load_annotator("timm:x", Asked(**asked, templates=7))
    with pytest.raises(InputError, match="owlv2 takes no --probability; timm does: leave it out"):
        load_annotator("owlv2:x", Asked(**asked, probability="sigmoid"))
