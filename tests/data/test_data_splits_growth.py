"""Splits of records that grow, or that had roles: what never moves."""

from collections import Counter

import pytest
from split_folders import grow, make, names, roles_of

from memometer.data.splits import split_records
from memometer.errors import InputError


def test_added_records_move_none(tmp_path):
    folder = make(tmp_path, names(100), parts=2)
    split_records(folder, "a=30,b=30,public=rest")
    before = roles_of(folder)
    grow(folder, names(50, start=500))
    summary = split_records(folder, "a=30,b=30,public=rest")
    after = roles_of(folder)
    assert {name: after[name] for name in before} == before
    assert {after[name] for name in names(50, start=500)} == {"public"}
    assert (summary.n_kept, summary.counts, summary.notices[0]) == (100, {"a": 30, "b": 30, "public": 90}, UNHASHED)


UNHASHED = "150 of 150 records have no image hash: whether they are duplicates is not known"


def test_added_records_fill_what_is_missing(tmp_path):
    folder = make(tmp_path, names(40), parts=4)
    split_records(folder, "a=10,b=10,public=rest")
    before = roles_of(folder)
    (folder / "records.parquet" / "part-0.parquet").unlink()  # ten records are gone
    gone = Counter(before[name] for name in names(10))
    grow(folder, names(20, start=500))
    summary = split_records(folder, "a=10,b=10,public=rest")
    after = roles_of(folder)
    assert all(after[name] == before[name] for name in names(30, start=10))
    assert summary.counts == {"a": 10, "b": 10, "public": 30}
    assert Counter(after[name] for name in names(20, start=500)) == {
        "a": gone["a"],
        "b": gone["b"],
        "public": 20 - gone["a"] - gone["b"],
    }


def test_a_new_duplicate_takes_the_role_of_the_old_record(tmp_path):
    folder = make(tmp_path, names(40), parts=2, image_hash=[f"h{number}" for number in range(40)])
    split_records(folder, "a=10,b=10,public=rest")
    before = roles_of(folder)
    grow(folder, names(20, start=500), image_hash=[f"h{number}" for number in range(20)])
    summary = split_records(folder, "a=10,b=10,public=rest")
    after = roles_of(folder)
    assert all(after[f"r{500 + number}"] == before[f"r{number}"] for number in range(20))
    assert any("more than 10: new duplicates take the role of the old" in notice for notice in summary.notices)


def test_a_new_record_between_two_roles_gets_none(tmp_path):
    folder = make(tmp_path, ["x", "y"], parts=2, image_phash=[0, 0xFFF])
    split_records(folder, "a=1,b=1")
    before = roles_of(folder)
    grow(folder, ["between"], image_phash=[0b111111])
    summary = split_records(folder, "a=1,b=1")
    assert roles_of(folder) == {**before, "between": None}
    assert any(notice.startswith("2 records keep roles that differ") for notice in summary.notices)
    assert any(notice.startswith("1 new records get no role") for notice in summary.notices)


def test_too_few_records_for_a_kept_split(tmp_path):
    folder = make(tmp_path, names(40), parts=4)
    split_records(folder, "a=20,b=rest")
    (folder / "records.parquet" / "part-0.parquet").unlink()
    with pytest.raises(InputError, match=r"asks for 20 records, but .* keep the role, 0 are free\).*--reassign"):
        split_records(folder, "a=20,b=rest")
    assert split_records(folder, "a=20,b=rest", reassign=True).counts == {"a": 20, "b": 10}


@pytest.mark.parametrize("change", [{"seed": 1}, {"roles": "b=30,a=30,public=rest"}, {"max_distance": 4}])
def test_another_split_starts_afresh_and_says_so(tmp_path, change):
    folder = make(tmp_path, names(100))
    split_records(folder, "a=30,b=30,public=rest")
    before = roles_of(folder)
    summary = split_records(folder, **{"roles": "a=30,b=30,public=rest", **change})
    assert summary.n_kept == 0
    assert summary.notices[0].startswith("100 records had roles that are not of a split with this seed")
    fresh = make(tmp_path / "fresh", names(100))
    split_records(fresh, **{"roles": "a=30,b=30,public=rest", **change})
    assert roles_of(folder) == roles_of(fresh)
    assert ("seed" in change or "roles" in change) == (roles_of(folder) != before)


def test_roles_of_the_source_are_replaced_with_a_notice(tmp_path):
    folder = make(tmp_path, names(10), role=["train"] * 10)
    assert split_records(folder, "a=5,b=5").notices[0].startswith("10 records had roles")
    assert set(roles_of(folder).values()) == {"a", "b"}


def test_reassign_says_nothing(tmp_path):
    folder = make(tmp_path, names(10), image_hash=names(10))
    split_records(folder, "a=5,b=5")
    assert split_records(folder, "a=5,b=5", seed=4, reassign=True).notices == ()


def test_roles_can_be_kept_from_another_folder(tmp_path):
    old = make(tmp_path / "old", names(50))
    split_records(old, "a=20,b=20,public=rest")
    new = make(tmp_path / "new", names(80, start=10))
    summary = split_records(new, "a=20,b=20,public=rest", keep=old)
    before, after = roles_of(old), roles_of(new)
    assert all(after[name] == before[name] for name in names(40, start=10))
    assert (summary.n_kept, summary.counts) == (40, {"a": 20, "b": 20, "public": 40})
    again = split_records(new, "a=20,b=20,public=rest")
    assert (again.n_kept, roles_of(new)) == (80, after)
    with pytest.raises(InputError, match="no role to keep"):
        split_records(new, "a=20,b=20,public=rest", keep=make(tmp_path / "far", names(5, start=900)))
