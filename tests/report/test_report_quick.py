"""Charts drawn the quick way: the same bytes, and altair is as it was."""

import contextlib

import altair as alt
from report_factory import make_audit

from memometer.report import page, render
from memometer.report.quick import quick_charts


def test_the_page_is_the_same_as_with_all_copies_and_checks(monkeypatch):
    audit = make_audit()
    quick = render(audit)
    monkeypatch.setattr(page, "quick_charts", contextlib.nullcontext)
    assert render(audit) == quick


def test_altair_is_left_as_it_was():
    chart = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_bar().encode(x="x:Q")
    with contextlib.suppress(ZeroDivisionError), quick_charts():
        assert chart.copy().encoding is chart.encoding
        raise ZeroDivisionError
    copied = chart.copy()
    assert copied.encoding is not chart.encoding
    assert copied.data is not chart.data
    assert copied.to_dict() == chart.to_dict()
