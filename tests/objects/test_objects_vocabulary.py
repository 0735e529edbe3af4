"""Vocabulary files, and the vocabulary that ships."""

import pytest
from object_names import coco_names

from memometer.errors import InputError
from memometer.objects.vocabulary import default_vocabulary, load_vocabulary, regular_forms


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "nouns.tsv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_file_is_read_as_it_is_described(tmp_path):
    path = write(tmp_path, "\ufeff# animals\r\ndog\tdog dogs  Puppy dog\r\n\r\nice cream\tice_cream sorbet\r\n")
    vocabulary = load_vocabulary(path)
    assert vocabulary.forms == {"dog": ("dog", "dogs", "puppy"), "ice cream": ("ice cream", "sorbet")}
    assert vocabulary.terms == ("dog", "ice cream")
    assert len(vocabulary) == 2
    assert vocabulary.find("Ice_Cream") == ("ice cream", "sorbet")
    assert vocabulary.find("cat") is None


def test_two_terms_may_share_a_form(tmp_path):
    vocabulary = load_vocabulary(write(tmp_path, "sand\tsand dune\nhill\thill dune\n"))
    assert vocabulary.forms["sand"][1] == vocabulary.forms["hill"][1] == "dune"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dog\tdog\ncat cats\n",
            "line 2 of .*nouns.tsv has no tab: 'cat cats'; expected on each line one term, one tab",
        ),
        ("dog\t\n", "line 1 of .* is 'dog\t'; expected"),
        ("\tdog\n", "line 1 of .* expected"),
        ("dog\tdog\tdogs\n", "line 1 of .* expected"),
        ("dog\tdog\n# x\ndog\tdogs\n", "line 3 of .* names 'dog' again, after line 1"),
        ("# nothing\n", "holds no terms"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        load_vocabulary(write(tmp_path, text))


def test_bad_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the vocabulary .*missing.tsv: No such file"):
        load_vocabulary(tmp_path / "missing.tsv")
    with pytest.raises(InputError, match=r"not UTF-8 \(byte 9\)"):
        load_vocabulary(write(tmp_path, "cafes\tcaf\u00e9", encoding="latin-1"))


def test_the_built_in_vocabulary_covers_coco_and_lvis():
    vocabulary = default_vocabulary()
    coco = coco_names()
    assert len(coco) == 80
    assert all(vocabulary.find(name) for name in coco)
    for name in ["aerosol_can", "jersey", "bow_(decorative_ribbons)", "car_(automobile)", "zucchini", "Christmas_tree"]:
        assert vocabulary.find(name), name
    assert len(vocabulary) == 80 + 1203 - 59  # names that both lists have
    assert {"man", "women", "people", "girl"} <= set(vocabulary.find("person"))
    assert "tow truck" in vocabulary.find("truck")
    assert "hot dogs" not in vocabulary.find("dog")


def test_forms_of_the_built_in_vocabulary_are_words():
    for term, forms in default_vocabulary().forms.items():
        assert forms, term
        for form in forms:
            assert form == form.lower().strip(), term
            assert "_" not in form, term
            assert "(" not in form, term


@pytest.mark.parametrize(
    ("label", "forms"),
    [
        ("fox", ("fox", "foxes")),
        ("berry", ("berry", "berries")),
        ("toy", ("toy", "toys")),
        ("boxes", ("boxes", "boxeses", "boxe", "box")),
        ("puppies", ("puppies", "puppieses", "puppie", "puppy")),
        ("Shoes", ("shoes", "shoeses", "shoe")),
        ("glass", ("glass", "glasses")),
        ("bus (vehicle)", ("bus", "buses")),
        ("", ()),
    ],
)
def test_regular_forms(label, forms):
    assert regular_forms(label) == forms
