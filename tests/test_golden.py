"""Keys and numbers of every measure stay what they were: a change is on purpose, and breaking."""

import json
import math
import platform

import pytest
from audit_cases import CASES
from golden_runs import KEPT, made


def differences(found, kept, at=""):
    """The places where two JSON values differ by more than processors do."""
    if isinstance(kept, dict) and isinstance(found, dict):
        names = [*kept, *(found.keys() - kept.keys())]
        return [each for name in names for each in differences(found.get(name), kept.get(name), f"{at}/{name}")]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        pairs = enumerate(zip(found, kept, strict=True))
        return [each for place, pair in pairs for each in differences(*pair, f"{at}/{place}")]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (found, kept))
    same = math.isclose(found, kept, rel_tol=1e-5, abs_tol=1e-7) if numbers else found == kept
    return [] if same else [f"{at}: {found!r} instead of {kept!r}"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the same pictures are compressed to other bytes there")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_keys_and_numbers_are_those_that_were_kept(case, tmp_path):
    kept = json.loads((KEPT / f"{case.name}.json").read_text())
    assert differences(made(case, tmp_path), kept) == []


def test_a_difference_is_seen():
    kept = {"a": [{"b": 1.0}, None, "x"], "c": True}
    assert differences(kept, kept) == []
    assert differences({"a": [{"b": 1.0000001}, None, "x"], "c": True}, kept) == []
    for found in ({"a": [{"b": 1.001}, None, "x"], "c": True}, {"a": [{"b": 1.0}, 0, "x"], "c": True}, {"a": []}, {}):
        assert differences(found, kept) != []
