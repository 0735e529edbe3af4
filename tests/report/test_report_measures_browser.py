"""The report of every measure in a real browser, wide and narrow, light and dark."""

import itertools
from pathlib import Path

import pytest
from browser import MARKS, browser  # noqa: F401 (a fixture)

from memometer.catalogue import KNOWN
from memometer.report import render

pytestmark = MARKS

ROOT = Path(__file__).parents[2]

CUT_OFF = """() => [...document.querySelectorAll('svg')].flatMap(chart => {
    const room = chart.getBoundingClientRect();
    return room.width === 0 ? [] : [...chart.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect();
        return box.left < room.left - 1 || box.right > room.right + 1
            || box.top < room.top - 1 || box.bottom > room.bottom + 1;
    }).map(text => `${chart.getAttribute('aria-label')}: ${text.textContent}`);
})"""
"""Texts of charts that reach beyond them, in the fonts that this browser has."""
TOUCHING = """() => [...document.querySelectorAll('svg')].flatMap(chart => {
    const shown = [...chart.querySelectorAll('text')].filter(text => text.getAttribute('opacity') !== '0');
    const boxes = shown.map(text => [text.textContent, text.getBoundingClientRect()]);
    return boxes.flatMap(([name, a], place) => boxes.slice(place + 1).filter(([, b]) =>
        a.width > 0 && b.width > 0 && Math.abs(a.top - b.top) < 2 && a.height === b.height
        && a.left < b.right - 1 && b.left < a.right - 1
    ).map(([other]) => `${chart.getAttribute('aria-label')}: ${name} and ${other}`));
})"""
"""Texts on one line that lie on each other."""


@pytest.fixture(scope="module")
def reports(runs, tmp_path_factory):
    """Measure → the file of its report."""
    folder = tmp_path_factory.mktemp("reports")
    files = {name: folder / f"{name}.html" for name in runs}
    for name, run in runs.items():
        files[name].write_text(render(run), encoding="utf-8")
    return files


@pytest.mark.parametrize("name", sorted(KNOWN))
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_it_opens_from_disk_and_fits(browser, reports, name, width, scheme):  # noqa: F811
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(reports[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert errors == []
    assert [url for url in requests if url != reports[name].as_uri() and not url.startswith("data:image/jpeg")] == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("script, iframe, object, embed, form").count() == 0
    assert page.locator("svg:visible").count() > 0
    assert page.locator("svg:not([role='img'][aria-label])").count() == 0
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(TOUCHING) == []
    broken = "() => [...document.images].filter(image => !image.complete || image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0
    headings = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4, h5')].map(each => +each.tagName[1])")
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings)), headings
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    context.close()


def test_charts_of_the_docs_are_not_cut_off(browser):  # noqa: F811
    charts = sorted((ROOT / "docs").rglob("*.svg"))
    assert charts
    page = browser.new_page()
    for chart in charts:
        page.set_content(chart.read_text("utf-8"))
        assert page.evaluate(CUT_OFF) == [], chart
        assert page.evaluate(TOUCHING) == [], chart
    page.close()
