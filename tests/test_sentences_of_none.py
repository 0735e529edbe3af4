"""Where there is nothing at all, no sentence asks for less of it."""

import pyarrow as pa
import pytest
from split_folders import make, names

from memometer.audits.guards import check_public
from memometer.data.removal import choose_removals
from memometer.data.splits import split_records
from memometer.errors import InputError


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "the public set has no images; name another --public-role, or import some"),
        (1, "public set has 1 images, fewer than k = 9; pass --k 1, or more public images"),
        (8, "public set has 8 images, fewer than k = 9; pass --k 8 or fewer, or more public images"),
    ],
)
def test_a_public_set_that_is_too_small(n, words):
    with pytest.raises(InputError) as raised:
        check_public(n, k=9)
    assert str(raised.value) == words
    check_public(9, k=9)


def test_no_score_to_rank_by():
    scores = pa.table({"record_id": ["a", "b"], "clipmem": pa.array([None, None], pa.float64())})
    with pytest.raises(
        InputError, match="none of the 2 records has a score to rank by; pass another --by, or --subset"
    ):
        choose_removals(scores, most=1)


def test_roles_that_leave_none(tmp_path):
    folder = make(tmp_path, names(10))
    with pytest.raises(
        InputError, match="role 'b' asks for 1 records, but the roles before it leave none; ask less of"
    ):
        split_records(folder, "a=10,b=1")
