import os

import pytest

from memometer.engines import default_workers, map_ordered
from memometer.errors import JobError


def square(number):
    return number * number


def die(number):
    if number == 2:
        os.kill(os.getpid(), 9)
    return number


def fail(number):
    raise ValueError(f"piece {number}")


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_order(workers):
    assert list(map_ordered(square, iter(range(20)), workers=workers)) == [number**2 for number in range(20)]


def test_pieces_are_taken_as_needed():
    taken = []

    def pieces():
        for number in range(100):
            taken.append(number)
            yield number

    results = map_ordered(square, pieces(), workers=1, ahead=2)
    assert next(results) == 0
    results.close()
    assert len(taken) <= 4


def test_a_killed_worker_is_a_sentence():
    with pytest.raises(JobError, match="fewer --workers: it goes on where it was"):
        list(map_ordered(die, range(5), workers=1))


def test_an_error_in_a_worker_is_raised_here():
    with pytest.raises(ValueError, match="piece 0"):
        list(map_ordered(fail, range(5), workers=1))


def test_there_is_at_least_one_worker():
    assert default_workers() >= 1
