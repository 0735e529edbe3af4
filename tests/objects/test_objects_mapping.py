"""Mapping files: what they say, and every way in which they say it badly."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memometer.errors import InputError
from memometer.objects.mapping import load_mapping
from memometer.objects.vocabulary import plain_name


def mapping(folder, text, *, name="synonyms.tsv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_mapping(path)


def test_names_match_whatever_their_case_and_underscores(tmp_path):
    found = mapping(tmp_path, "# synonyms\nfrom\tto\nMountain_Bike\tbicycle\n\nracer\tcar\n")
    assert found.targets == {"mountain bike": "bicycle", "racer": "car"}
    assert found.named("mountain bike") == found.named("MOUNTAIN_BIKE") == "mountain bike"
    assert found.named("bike") is None
    assert found.named("race car, racer, racing car") == "racer"


def test_a_whole_list_of_synonyms_goes_before_its_parts(tmp_path):
    found = mapping(tmp_path, "a, b\tx\nb\ty\n")
    assert found.targets[found.named("A, B")] == "x"
    assert found.targets[found.named("c, b")] == "y"


def test_commas_within_quotes_of_a_csv(tmp_path):
    found = mapping(tmp_path, 'from,to\r\n"tench, Tinca tinca",fish\r\nhen,bird\r\n', name="m.CSV")
    assert found.targets == {"tench, tinca tinca": "fish", "hen": "bird"}


def test_chains_are_followed_and_counted(tmp_path):
    found = mapping(tmp_path, "a\tb\nb\tc\nc\tD\nz\tz\ny\tz\n")
    assert found.targets == {"a": "D", "b": "D", "c": "D", "z": "z", "y": "z"}
    assert found.n_chained == 2  # y goes to z, which stays


def test_what_is_said_twice_is_counted(tmp_path):
    assert mapping(tmp_path, "a\tb\nA\tB\na\tb\n").n_repeated == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "maps no label"),
        ("# a\tb\n", "maps no label"),
        ("from\tto\n", "maps no label"),
        ("a b\n", r"line 1 of .*synonyms.tsv is 'a b'; expected on each line a label, one tab"),
        ("a\tb\tc\n", "line 1 of"),
        ("a\t\n", "line 1 of"),
        ("\tb\n", "line 1 of"),
        ("a\t#b\n", "none begins with #"),
        ("a\tb\x07\n", "printable"),
        ("a\tb\n\nA\tc\n", r"line 3 of .* turns 'A' into 'c', and line 1 turns it into 'b'; .* take one of the lines"),
        ("x\ta\na\tb\nb\tc\nc\ta\n", r"turns labels into one another: a → b → c → a \(lines 2, 3, 4\)"),
        ("Dog\tcat\ncat\tDOG\n", "Dog → cat → Dog"),
        (b"a\tb\xff\n", r"is not UTF-8 \(byte 3\)"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        mapping(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=re.escape(f"cannot read the mapping {tmp_path / 'none.tsv'}: No such file")):
        load_mapping(tmp_path / "none.tsv")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from("abcdefgh"), min_size=1))
def test_every_chain_ends_where_steps_one_by_one_end(tmp_path_factory, steps):
    text = "".join(f"{name}\t{target}\n" for name, target in steps.items())

    def end(name):
        for _ in range(20):
            if steps.get(name, name) == name:
                return name
            name = steps[name]
        return None

    ends = {name: end(name) for name in steps}
    folder = tmp_path_factory.mktemp("mapping")
    if None in ends.values():
        with pytest.raises(InputError, match="into one another"):
            mapping(folder, text)
    else:
        assert mapping(folder, text).targets == ends


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_mapping_or_a_sentence(tmp_path_factory, text):
    try:
        found = mapping(tmp_path_factory.mktemp("any"), text.encode("utf-8", "surrogatepass"))
    except InputError:
        return
    assert all(plain_name(name) == name and target for name, target in found.targets.items())
