"""WordNet's nouns: senses, kinds, and files that are none."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_wordnet import write_wordnet

from memometer.errors import InputError
from memometer.objects.wordnet import load_wordnet

DEBIAN = Path("/usr/share/wordnet")
"""Where Debian's wordnet-base puts WordNet 3.0."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder, places = write_wordnet(tmp_path_factory.mktemp("wordnet") / "dict")
    return load_wordnet(folder), places


@pytest.mark.parametrize(
    ("label", "synset"),
    [
        ("dog", "dog"),
        ("Domestic_Dog", "dog"),
        ("dogs", "dog"),
        ("crane", "crane bird"),
        ("derrick, crane", "crane machine"),
        ("crane, derrick", "crane machine"),
        ("crane, quokka", "crane bird"),
        ("beagle (dog)", "beagle"),
        ("quokka", None),
        ("", None),
        (",", None),
    ],
)
def test_what_a_label_means(world, label, synset):
    nouns, places = world
    assert nouns.sense(label) == places.get(synset)


def test_a_label_may_carry_its_synset(world):
    nouns, places = world
    assert nouns.sense(f"crane (n{places['crane machine']:08d})") == places["crane machine"]
    assert nouns.sense("crane (n00000003)") is None


def test_the_nearest_kind_wins(world):
    nouns, _ = world
    names, unknown = nouns.senses_of_all(["animal", "dog", "bike", "domestic dog", "quokka"])
    assert (set(names.values()), unknown) == ({"animal", "dog", "bike"}, ["quokka"])
    labels = {
        "beagle": "dog",
        "hound": "dog",
        "toy": "dog",
        "crane": "animal",
        "mountain bike, all-terrain bike": "bike",
    }
    assert {label: nouns.nearest(label, names) for label in labels} == labels
    assert nouns.nearest("vehicle", names) is None
    assert nouns.nearest("quokka", names) is None


def test_what_is_above_comes_level_by_level(world):
    nouns, places = world
    names = {place: name for name, place in places.items()}
    assert [names[each] for each in nouns.above(places["toy dog"])] == ["toy dog", "dog", "animal", "entity"]


def test_a_folder_without_wordnet(tmp_path):
    with pytest.raises(
        InputError, match=r"no WordNet at .*No such file or directory \(index.noun\); expected the folder"
    ):
        load_wordnet(tmp_path)
    (tmp_path / "index.noun").write_text("dog n 1 0 1 0 00000000\n")
    with pytest.raises(InputError, match=r"\(data.noun\)"):
        load_wordnet(tmp_path)


@pytest.mark.parametrize("line", ["dog", "dog n", "dog n x 1 @ 1 0 00000071", "dog n 1 1 @ 1 0 here", "\xe9 n"])
def test_a_broken_index(tmp_path, line):
    folder, _ = write_wordnet(tmp_path / "dict")
    (folder / "index.noun").write_bytes(line.encode("latin-1") + b"\n")
    with pytest.raises(InputError, match=r"line 1 of .*index.noun is no noun with its senses"):
        load_wordnet(folder)


def test_an_empty_index(tmp_path):
    folder, _ = write_wordnet(tmp_path / "dict")
    (folder / "index.noun").write_text("  1 licence\n")
    with pytest.raises(InputError, match="has no noun"):
        load_wordnet(folder)


def test_data_of_another_version_is_told(tmp_path):
    folder, _ = write_wordnet(tmp_path / "dict")
    (folder / "data.noun").write_bytes(b" " + (folder / "data.noun").read_bytes())
    with pytest.raises(InputError, match=r"data.noun has no synset at byte"):
        load_wordnet(folder).nearest("dog", {})


def test_kinds_in_a_circle_end(tmp_path):
    folder, places = write_wordnet(tmp_path / "dict")
    data = (folder / "data.noun").read_bytes()
    circle = data.replace(b"@ %08d" % places["animal"], b"@ %08d" % places["beagle"])
    (folder / "data.noun").write_bytes(circle)
    assert load_wordnet(folder).nearest("beagle", {}) is None


@settings(deadline=None)
@given(at=st.integers(0, 10_000), byte=st.binary(min_size=1, max_size=3), cut=st.booleans())
def test_any_damage_is_an_answer_or_a_sentence(tmp_path_factory, at, byte, cut):
    folder, _ = write_wordnet(tmp_path_factory.mktemp("damage") / "dict")
    for name in ("index.noun", "data.noun"):
        data = (folder / name).read_bytes()
        place = at % len(data)
        (folder / name).write_bytes(data[:place] + byte + (b"" if cut else data[place + len(byte) :]))
    try:
        nouns = load_wordnet(folder)
        names, _ = nouns.senses_of_all(["animal", "dog"])
        assert nouns.nearest("beagle", names) in {"animal", "dog", None}
    except InputError:
        pass


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="no WordNet here: apt-get install wordnet-base")
def test_the_real_one_knows_imagenet():
    """timm has each class's synset: most names alone mean it, and a name that carries it always does."""
    from timm.data import ImageNetInfo

    nouns, info = load_wordnet(DEBIAN), ImageNetInfo("imagenet-1k")
    synsets = [int(info.index_to_label_name(place)[1:]) for place in range(1000)]
    names = [info.index_to_description(place) for place in range(1000)]
    assert sum(nouns.sense(name) == synset for name, synset in zip(names, synsets, strict=True)) == 893
    assert all(nouns.sense(f"{name} (n{each:08d})") == each for name, each in zip(names, synsets, strict=True))
    kinds, _ = nouns.senses_of_all(["dog", "bicycle", "bird"])
    assert nouns.nearest("golden retriever", kinds) == "dog"
    assert nouns.nearest("mountain bike, all-terrain bike, off-roader", kinds) == "bicycle"
