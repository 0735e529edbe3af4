"""The report of every measure in a real browser, wide and narrow, light and dark."""

import itertools

import pytest
from browser import MARKS, browser  # noqa: F401 (a fixture)
from crop_world import knowing, options
from model_factory import write_records
from pair_worlds import PairWorld
from sweep_factory import sweep
from tower_world import encoder, records_folder
from utility_factory import make_utility
from worlds import VectorWorld

from memometer import (
    audit_clipmem,
    audit_image_dejavu,
    audit_sslmem,
    audit_unitmem,
    audit_vl_dejavu,
    compare_audits,
    make_scenes,
    split_records,
)
from memometer.catalogue import KNOWN
from memometer.report import render

pytestmark = MARKS


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Measure → the file of a small audit's report."""
    folder = tmp_path_factory.mktemp("reports")
    scenes = folder / "scenes"
    make_scenes(scenes, n=200, size=40, kind="foreground")
    split_records(scenes, "a=50,b=50,public=rest")
    towers = records_folder(folder / "towers", n=90)
    shared = {"records": towers, "role": "a", "tower": "both", "replicates": 50, "gallery": 3, "draws": 2}
    values = {
        "default": [(0.1, 0.5), (0.12, 0.51)],
        "<b>masked</b>": [(0.04, 0.5), (0.05, 0.5)],
        "dear": [(0.2, 0.1)] * 2,
    }
    trained = write_records(folder / "pairs-of-sweep", n=9, roles=("a", "b", "public"))
    pairs = PairWorld(folder / "pairs", known=0.5)
    audits = {
        "vl-dejavu": audit_vl_dejavu(**VectorWorld(folder / "vectors", plant=1.0).options),
        "image-dejavu": audit_image_dejavu(
            target=knowing(scenes, "a"), reference=knowing(scenes, "b"), reference_role="b", **options(scenes)
        ),
        "clipmem": audit_clipmem(**pairs.options),
        "sslmem": audit_sslmem(target=encoder(1), reference=encoder(2), reference_role="b", **shared),
        "sweep": sweep(folder / "sweep", trained, values),
        "unitmem": audit_unitmem(target=encoder(1), control_role="b", **shared),
        "utility": make_utility(classes=[f"<b>class</b> {n}" for n in range(12)]),
    }
    other = audit_vl_dejavu(**VectorWorld(folder / "others", plant=0.2).options)
    audits["compare"] = compare_audits([audits["vl-dejavu"], other, audits["vl-dejavu"]])
    for name, audit in audits.items():
        (folder / f"{name}.html").write_text(render(audit), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in audits}


def test_every_measure_is_here(reports):
    assert reports.keys() == KNOWN.keys()


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
    broken = "() => [...document.images].filter(image => !image.complete || image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0
    headings = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4, h5')].map(each => +each.tagName[1])")
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings)), headings
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    context.close()
