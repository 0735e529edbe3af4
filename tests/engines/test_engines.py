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


def die_once(path):
    if path.name == "3" and not path.exists():
        path.touch()
        os.kill(os.getpid(), 9)
    return path.name


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


def test_a_piece_that_kills_its_worker_is_named(capsys):
    done = []
    with pytest.raises(JobError, match="which had nothing else to do, at piece 2: for want of memory, or"):
        done.extend(map_ordered(die, range(5), workers=2, name="piece {}".format))
    assert "a worker process died" in capsys.readouterr().err


def test_work_goes_on_where_a_worker_dies_only_beside_others(tmp_path):
    pieces = [tmp_path / str(number) for number in range(6)]
    assert list(map_ordered(die_once, pieces, workers=2)) == [path.name for path in pieces]
    assert (tmp_path / "3").exists()


def test_an_error_in_a_worker_is_raised_here():
    with pytest.raises(ValueError, match="piece 0"):
        list(map_ordered(fail, range(5), workers=1))


def test_there_is_at_least_one_worker():
    assert default_workers() >= 1
