"""Keys and numbers of every measure stay what they were: a change is on purpose, and breaking."""

import json
import platform

import pytest
from audit_cases import CASES
from golden_runs import KEPT, differences, made


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the same pictures are compressed to other bytes there")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_keys_and_numbers_are_those_that_were_kept(case, tmp_path):
    kept = json.loads((KEPT / f"{case.name}.json").read_text())
    assert differences(made(case, tmp_path), kept) == []


def test_a_difference_is_seen():
    kept = {"a": [{"b": 1.0}, None, "x"], "c": True}
    assert differences(kept, kept) == []
    assert differences({"a": [{"b": 1.0000001}, None, "x"], "c": True}, kept) == []
    wrong = {"a": [{"b": 1.001}, None, "x"], "c": True}, {"a": [{"b": 1.0}, 0, "x"], "c": True}, {"a": []}, {}
    for found in (*wrong, dict(reversed(kept.items()))):
        assert differences(found, kept) != []
