"""The objects that captions name, against a plain search word by word."""

import json
import re
import tarfile
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from memometer.objects import nouns
from memometer.objects.nouns import caption_objects, label_forms, mentioned
from memometer.objects.vocabulary import Vocabulary, load_vocabulary

FLICKR8K = Path(__file__).parents[3] / "shared" / "data" / "flickr8k"

VOCABULARY = Vocabulary(
    {
        "dog": ("dog", "dogs", "puppy"),
        "hot dog": ("hot dog", "hotdog"),
        "stand": ("hot dog stand",),
        "shirt": ("shirt", "t-shirt"),
        "sand": ("dune",),
        "hill": ("hill", "dune"),
    }
)


def named(*captions, vocabulary=VOCABULARY):
    return caption_objects(pa.array([list(captions)]), vocabulary).to_pylist()[0]


@pytest.mark.parametrize(
    ("caption", "terms"),
    [
        ("A DOG runs.", ["dog"]),
        ("the dog's ball", ["dog"]),
        ("the dog\u2019s ball", ["dog"]),
        ("dogs, dogs", ["dog"]),
        ("hotdogs doghouse", []),
        ("a hot dog", ["hot dog"]),
        ("a hot-dog", ["hot dog"]),
        ("a hot dog and a dog", ["dog", "hot dog"]),
        ("a hot dog stand", ["stand"]),
        ("hot hot dog stands", ["hot dog"]),
        ("a hot, dog", ["hot dog"]),  # punctuation is no word
        ("a red t-shirt", ["shirt"]),
        ("a red T shirt", ["shirt"]),
        ("a red t\u2011shirt", ["shirt"]),
        ("dog-friendly", []),
        ("-dog- --dog", ["dog"]),
        ("a 2-dog night", ["dog"]),
        ("a dune", ["hill", "sand"]),
        ("", []),
    ],
)
def test_what_names_a_term(caption, terms):
    assert named(caption) == terms


def test_any_caption_of_a_record_names():
    assert named("a dog", None, "a hill", "a dog") == ["dog", "hill"]


def test_letters_beyond_ascii():
    vocabulary = Vocabulary({"coffee": ("café",), "bear": ("Bär", "медведь")})
    assert named("un Cafe\u0301!", vocabulary=vocabulary) == ["coffee"]
    assert named("BÄR", vocabulary=vocabulary) == named("Медведь", vocabulary=vocabulary) == ["bear"]


def plain(captions, vocabulary):
    """The same by Python's own words: at every word the longest form, then on behind it."""
    forms = {}
    for term, its_forms in vocabulary.forms.items():
        for form in its_forms:
            words = tuple(form.lower().split())
            parts = tuple(form.lower().replace("-", " ").split())
            for spelling in {words, parts, ("-".join(parts),)}:
                forms.setdefault(spelling, set()).add(term)
    found = set()
    for caption in captions or []:
        words = re.findall(r"[^\W_]+(?:(?<![0-9])-[^\W_]+)*", (caption or "").lower())
        at = 0
        while at < len(words):
            longest = next((n for n in range(len(words) - at, 0, -1) if tuple(words[at : at + n]) in forms), 0)
            found |= forms.get(tuple(words[at : at + longest]), set())
            at += max(longest, 1)
    return sorted(found)


words = st.sampled_from(
    ["hot", "dog", "dogs", "stand", "t", "shirt", "t-shirt", "hot-dog", "dune", "x", "hill", "-", "'s", ". "]
)
texts = st.lists(words, max_size=8).map(" ".join) | st.text(alphabet="hot dgstan-4'.\u00e9", max_size=20) | st.none()


@settings(deadline=None, max_examples=60)  # the first example waits for the compiler
@given(st.lists(st.lists(texts, max_size=3) | st.none(), max_size=10), st.integers(1, 4))
def test_the_fast_search_finds_what_the_plain_one_finds(records, batch):
    column = pa.array(records, pa.list_(pa.string()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nouns, "BATCH", batch)
        found = caption_objects(pa.chunked_array([column[:3], column[3:]], column.type), VOCABULARY)
    assert found.to_pylist() == [plain(record, VOCABULARY) for record in records]


def test_mentioned_labels_by_the_vocabulary_the_built_in_one_and_their_own_words():
    labels = pa.array(["hot dog", "motorcycle", "quokka", "tow_truck"])
    texts = pa.array(["hotdog", "Two quokkas on a motorbike", "quokkae", None, "a tow truck"])
    sets = mentioned(texts, labels=labels, vocabulary=VOCABULARY)
    assert sets.labels.equals(labels)
    assert [sets.of(row) for row in range(5)] == [["hot dog"], ["motorcycle", "quokka"], [], [], ["tow_truck"]]


def test_mentioned_takes_lists_as_well():
    sets = mentioned(pa.array([["a dog", "a hill"], None, []]), labels=pa.array(["dog", "hill"]), vocabulary=VOCABULARY)
    assert [sets.of(row) for row in range(3)] == [["dog", "hill"], [], []]


def test_a_vocabulary_takes_precedence_over_the_built_in_one():
    assert label_forms("dog", VOCABULARY) == ("dog", "dogs", "puppy")
    assert "terrier" in label_forms("dog")


def test_no_records_and_no_labels():
    assert caption_objects(pa.array([], pa.list_(pa.string())), VOCABULARY).to_pylist() == []
    empty = mentioned(pa.array(["a dog"]), labels=pa.array([], pa.string()))
    assert (len(empty), empty.indices.tolist()) == (1, [])


@pytest.mark.skipif(not FLICKR8K.is_dir(), reason="the Flickr8k shards are not here")
def test_the_objects_of_flickr8k_come_from_its_captions():
    """All 8,091, but for "dune": the file lists it under sand and under hill, the stored objects have sand alone."""
    samples = []
    for shard in sorted(FLICKR8K.glob("*.tar")):
        with tarfile.open(shard) as tar:
            samples += [json.load(tar.extractfile(member)) for member in tar if member.name.endswith(".json")]
    found = caption_objects(
        pa.array([sample["captions"] for sample in samples]), load_vocabulary(FLICKR8K / "nouns.tsv")
    ).to_pylist()
    assert len(found) == 8091
    other = [
        (sample, names) for sample, names in zip(samples, found, strict=True) if sorted(sample["objects"]) != names
    ]
    assert len(other) == 9
    for sample, names in other:
        assert set(names) - set(sample["objects"]) == {"hill"}
        assert not set(sample["objects"]) - set(names)
        assert any("dune" in caption.lower() for caption in sample["captions"])
