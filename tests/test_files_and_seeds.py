import inspect
import sys

import numpy as np
import pytest

from memometer import files
from memometer.files import atomic_path, hash_bytes, hash_file, hash_json, read_json, write_json, write_text
from memometer.seeds import rng_for, seed_for


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")

    def fail_half_way():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert not (tmp_path / "x.json").exists()
    write_json(tmp_path / "x.json", {"word": "déjà"})
    assert read_json(tmp_path / "x.json") == {"word": "déjà"}


def test_hashes(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 1_000_000)
    assert hash_file(tmp_path / "x") == hash_bytes(b"abc" * 1_000_000)
    assert hash_json({"a": 1, "b": 2}) == hash_json({"b": 2, "a": 1})
    assert hash_json({"a": 1}) != hash_json({"a": "1"})


def test_seeds_depend_on_names_and_their_types():
    assert seed_for(0, "a", 1) != seed_for(0, "a", "1")
    assert seed_for(0, "ab", "c") != seed_for(0, "a", "bc")
    np.testing.assert_array_equal(rng_for(1, "x").random(3), rng_for(1, "x").random(3))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file that the signal left open
def test_a_signal_at_any_line_leaves_no_temporary_file(tmp_path):
    source, first = inspect.getsourcelines(files._temporary.__wrapped__)
    clearing = first + next(number for number, line in enumerate(source) if line.strip() == "finally:")
    ends = {atomic_path.__wrapped__.__code__: np.inf, files._temporary.__wrapped__.__code__: clearing}
    lines = []

    def write(*, stop):
        def trace(frame, event, _argument):
            if event == "line" and frame.f_lineno < ends.get(frame.f_code, 0):
                lines.append(frame.f_lineno)
                if len(lines) == stop:
                    raise KeyboardInterrupt
            return trace

        lines.clear()
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            with atomic_path(tmp_path / "x") as temporary:
                temporary.write_text("whole")
        finally:
            sys.settrace(before)

    write(stop=None)
    n_lines = len(lines)
    assert n_lines > 8
    for stop in range(1, n_lines + 1):
        (tmp_path / "x").unlink(missing_ok=True)
        with pytest.raises(KeyboardInterrupt):
            write(stop=stop)
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} in ({}, {"x": "whole"}), lines[-1]
