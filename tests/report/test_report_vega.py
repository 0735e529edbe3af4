"""Charts where the address space is limited, which ends their renderer's process."""

import resource
import sys
from pathlib import Path

import pytest
from report_factory import make_audit

from memometer.report import vega, write_report

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems count address space otherwise")


@pytest.fixture
def limited():
    """A limit 16 GB beyond what this process has, and yet too little for V8."""
    vega._child_draws.cache_clear()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (16 << 30), hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    vega._child_draws.cache_clear()


@LINUX
def test_a_report_without_address_space_has_numbers_in_place_of_charts(tmp_path, limited, capsys):
    assert not vega.can_draw()
    page = write_report(make_audit(), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<svg" not in page
    assert "The chart could not be drawn for want of address space; its numbers:" in page
    assert f"draw them with 'memometer report {tmp_path}'" in capsys.readouterr().err
    with pytest.raises(RuntimeError, match="out of memory: the renderer"):
        vega.draw(vega.TINY)


def test_a_child_draws_what_this_process_draws(monkeypatch):
    here = vega.draw(vega.TINY)
    monkeypatch.setattr(vega, "_limited", lambda: True)
    assert vega.draw(vega.TINY) == here
    assert vega.can_draw()
