import io
import sys

import pytest
from rich.console import Console

from memometer import progress
from memometer.progress import notice, progress_bar, quiet


def shown(monkeypatch):
    """What a terminal gets."""
    screen = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=screen, force_terminal=True, width=160))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    return screen


def test_a_bar_within_a_bar_stands_below_it_and_goes(monkeypatch):
    screen = shown(monkeypatch)
    with progress_bar("sweep", total=2, unit="cells") as advance:
        advance(0, "default [bold], seed 0: training a")
        with progress_bar("training a", total=3, unit="steps") as step:
            step(3, "epoch 1")
            progress._shown.get().refresh()
            notice("a line of its own")
        inner = progress._shown.get()
        assert [task.description for task in inner.tasks] == ["sweep"]
        with quiet(), progress_bar("unseen", total=1) as unseen:
            unseen()
        advance(2)
        assert inner.tasks[0].completed == 2
    assert progress._shown.get() is None
    for words in ("training a", "epoch 1", "a line of its own", "default [bold], seed 0", "2/2"):
        assert words in screen.getvalue()
    assert "unseen" not in screen.getvalue()


def test_a_bar_that_fails_leaves_none_behind(monkeypatch):
    shown(monkeypatch)
    with pytest.raises(RuntimeError), progress_bar("outer", total=1), progress_bar("inner", total=1):
        raise RuntimeError("stopped")
    assert progress._shown.get() is None


def test_without_a_terminal_there_are_lines(capsys):
    with progress_bar("outer", total=1, unit="cells") as outer, progress_bar("inner", total=2, unit="steps") as inner:
        inner(2)
        outer()
    assert capsys.readouterr().err == "inner: 2 steps\nouter: 1 cells\n"
