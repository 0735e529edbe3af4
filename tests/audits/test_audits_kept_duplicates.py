"""Duplicates across roles are a stage: searched once for the same images, again for others, and after damage."""

import pyarrow as pa
import pytest

from memometer.audits import guards
from memometer.audits.guards import duplicates_across_roles
from memometer.data.duplicates import find_duplicates
from memometer.data.records import RECORD_SCHEMA, Records


def part(tmp_path, *rows):
    named = [{"record_id": name, "image_hash": held, "image_phash": look} for name, held, look in rows]
    return Records(table=pa.Table.from_pylist(named, schema=RECORD_SCHEMA), folder=tmp_path)


@pytest.fixture
def searches(monkeypatch):
    """One entry for each search."""
    calls = []

    def counted(records, **options):
        calls.append(len(records))
        return find_duplicates(records, **options)

    monkeypatch.setattr(guards, "find_duplicates", counted)
    return calls


def test_duplicates_are_searched_once(tmp_path, searches):
    parts = {
        "target": part(tmp_path, ("a", "h1", 0), ("b", "h2", 0xFFFFFF << 20)),
        "public": part(tmp_path, ("c", "h1", 0), ("d", "h4", 2**64 - 1)),
    }
    found = duplicates_across_roles(parts)
    assert found == {"n": 1, "pairs": [["a", "c"]]}
    assert duplicates_across_roles(parts, store=tmp_path / "stages") == found
    assert duplicates_across_roles(parts, store=tmp_path / "stages") == found
    assert len(searches) == 2
    (kept,) = (tmp_path / "stages").rglob("*.json")
    kept.write_text(kept.read_text().replace('"n": 1', '"n": 2'))
    assert duplicates_across_roles(parts, store=tmp_path / "stages") == found
    assert len(searches) == 3


def test_other_images_ids_or_roles_are_searched_anew(tmp_path, searches):
    rows = [("a", "h1", 0)], [("c", "h1", 0)]
    several = (
        ("target", "public", *rows),
        ("public", "target", *rows),
        ("target", "public", [("z", "h1", 0)], rows[1]),
        ("target", "public", [("a", "h9", 0)], rows[1]),
        ("target", "public", [("a", "h1", 1)], rows[1]),
    )
    for one, other, left, right in several:
        parts = {one: part(tmp_path, *left), other: part(tmp_path, *right)}
        duplicates_across_roles(parts, store=tmp_path / "stages")
    assert len(searches) == len(several)
