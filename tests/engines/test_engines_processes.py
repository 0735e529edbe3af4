"""The engine of processes: the same bytes as this process, whoever dies."""

import numpy as np
import pytest
from file_digests import file_digests
from piece_works import SIZE, Deadly, Failing, N, Squares, begun, made_by

from memometer.engines import Here, current, using
from memometer.engines.processes import Processes
from memometer.errors import InputError, JobError
from memometer.pieces import in_pieces


@pytest.fixture
def whole(tmp_path):
    """What this process alone leaves on disk."""
    made_by(Here(), tmp_path / "whole", Squares(tmp_path / "marks of whole"))
    return file_digests(tmp_path / "whole")


def test_processes_leave_the_same_bytes(tmp_path, whole):
    marks, told = tmp_path / "marks", []
    pieces = made_by(Processes(2), tmp_path / "out", Squares(marks, pause=0.05), advance=told.append)
    assert file_digests(tmp_path / "out") == whole
    assert np.concatenate(pieces.column("squares")).tolist() == [row**2 for row in range(N)]
    assert sum(told) == N
    assert all(len(processes) == 1 for processes in begun(marks).values())
    assert len({processes[0] for processes in begun(marks).values()}) == 2  # both had some of them


def test_what_is_there_is_not_made_again(tmp_path, whole):
    made_by(Here(), tmp_path / "out", Squares(tmp_path / "first"))
    for piece in (2, 5):
        (tmp_path / "out" / f"{piece:05d}.npz").unlink()
    told = []
    made_by(Processes(2), tmp_path / "out", Squares(tmp_path / "marks"), advance=told.append)
    assert sorted(begun(tmp_path / "marks")) == [2 * SIZE, 5 * SIZE]
    assert (sum(told), file_digests(tmp_path / "out")) == (N, whole)


def test_one_who_dies_leaves_its_piece_to_the_other(tmp_path, whole, capsys):
    made_by(Processes(2), tmp_path / "out", Deadly(tmp_path / "marks"))
    assert file_digests(tmp_path / "out") == whole
    assert len(begun(tmp_path / "marks")[21]) == 2
    assert "died (signal 9); its 1 pieces go on elsewhere" in capsys.readouterr().err


def test_the_last_one_is_replaced(tmp_path, whole):
    made_by(Processes(1), tmp_path / "out", Deadly(tmp_path / "marks", times=2))
    assert file_digests(tmp_path / "out") == whole


def test_a_piece_that_kills_whoever_makes_it_is_named(tmp_path):
    with pytest.raises(JobError, match=r"3 processes died at piece 3 of .*out \(rows 21 to 27\)"):
        made_by(Processes(2), tmp_path / "out", Deadly(tmp_path / "marks", times=99))


def test_errors_are_raised_here(tmp_path):
    with pytest.raises(InputError, match="row 21 cannot be squared"):
        made_by(Processes(2), tmp_path / "out", Failing(tmp_path / "marks"))


def test_processes_stay_for_the_next_job(tmp_path):
    engine = Processes(1)
    with using(engine):
        assert current() is engine
        for name in ("a", "b"):
            in_pieces(tmp_path / name, n=SIZE, size=SIZE, make=Squares(tmp_path / f"marks of {name}"))
    assert begun(tmp_path / "marks of a") == begun(tmp_path / "marks of b")  # the same process
    assert engine.members == []


def test_what_cannot_be_sent_is_made_here(tmp_path, whole, capsys):
    def closure(span):
        return Squares(tmp_path / "marks")(span)

    made_by(Processes(1), tmp_path / "out", closure)
    assert file_digests(tmp_path / "out") == whole
    assert "other processes cannot be sent it" in capsys.readouterr().err


def test_no_processes_are_an_error():
    with pytest.raises(InputError, match="0 processes are asked for; expected 1 or more"):
        Processes(0)
