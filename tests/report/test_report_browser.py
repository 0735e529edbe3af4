"""The page in a real browser, opened from disk as a reader does."""

import itertools
import re

import pytest
from browser import MARKS, browser  # noqa: F401 (a fixture)
from report_factory import make_audit, make_record, make_samples

from memometer.report import render

CAPTIONS = [
    "<script>alert('caption')</script>",
    "</style></head><img src=x onerror=alert('image')>",
    "<svg onload=alert('svg')> <a href='javascript:alert(1)'>javascript:alert(1)</a>",
    "\u202eright to left\x00 with a null byte",
    "unbreakable" * 400,
    "clipped " * 12_500,
]

pytestmark = MARKS


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report whose captions, ids and labels are hostile."""
    records = []
    for rank, caption in enumerate(CAPTIONS, start=1):
        record = make_record(rank, captions=[caption, caption], record_id=caption[:200])
        record["target_neighbors"][0]["objects"][0]["label"] = caption[:500]
        record["objects"][0]["label"] = caption[:500]
        records.append(record)
    audit = make_audit(records=records, labels=[*CAPTIONS, "dog"], samples=make_samples(n=50))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(audit), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, report):  # noqa: F811
    """Opens the report with given options and records all that it must not do."""
    contexts = []

    def open_page(**options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.seen = {"requests": [], "errors": [], "dialogs": []}
        page.on("request", lambda request: page.seen["requests"].append(request.url))
        page.on("pageerror", lambda error: page.seen["errors"].append(str(error)))
        page.on("console", lambda message: page.seen["errors"].append(message.text))
        page.on("dialog", lambda dialog: (page.seen["dialogs"].append(dialog.message), dialog.dismiss()))
        page.goto(report.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_it_opens_from_disk_without_network_errors_or_dialogs(opened, report):
    page = opened(offline=True)
    page.wait_for_timeout(200)
    outside = [url for url in page.seen["requests"] if url != report.as_uri() and not url.startswith("data:image/jpeg")]
    assert outside == []
    assert page.seen["errors"] == []
    assert page.seen["dialogs"] == []
    assert "Memorization found" in page.inner_text(".verdict")
    broken = "() => [...document.images].filter(image => !image.complete || image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0
    assert page.evaluate("document.images.length") == 21 * len(CAPTIONS)


def test_hostile_captions_show_as_text(opened):
    page = opened()
    shown = page.locator("blockquote").all_inner_texts()
    assert shown[0] == CAPTIONS[0]
    assert shown[1] == CAPTIONS[1]
    assert shown[2] == CAPTIONS[2]
    assert "with a null byte" in shown[3]
    assert "\ufffd" in shown[3]
    assert "(clipped: 100,000 characters in all)" in shown[5]
    assert page.locator("script, iframe, object, embed, form, [onload], [onerror]").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.locator("svg text", has_text="<script>alert").count() >= 1


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_the_page_never_scrolls_sideways(opened, width):
    page = opened(viewport={"width": width, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    drawn = page.locator("#recall .chart svg:visible")
    assert drawn.count() == 1
    assert drawn.bounding_box()["width"] <= width


def test_tables_scroll_inside_their_own_box(opened):
    page = opened(viewport={"width": 390, "height": 844})
    box = "document.querySelector('#result .scroll')"
    assert page.evaluate(f"{box}.scrollWidth > {box}.clientWidth")


LUMINANCE = """
(selector) => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const background = element => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll(selector)].filter(element => element.getClientRects().length).map(element => {
    const style = getComputedStyle(element);
    const painted = element instanceof SVGElement;
    const front = !painted ? style.color : style.fill !== "none" ? style.fill : style.stroke;
    const [high, low] = [luminance(parse(front)), luminance(background(element))].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  });
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_have_contrast(opened, scheme):
    page = opened(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    texts = (
        ".verdict p, .caution, p, .note, nav a, a, summary, th, td, dt, dd, h2, h3, h4, .chips li, blockquote, pre, "
        "footer p"
    )
    for selector in (*texts.split(", "), ".chart.wide text", ".similarity"):
        ratios = page.evaluate(LUMINANCE, selector)
        assert ratios, selector
        assert min(ratios) >= 4.5, (selector, min(ratios))
    marks = ".chart.wide [stroke]:is([stroke='#009e73'], [stroke='#6f7782'], [stroke='#0072b2'], [stroke='#d55e00'])"
    ratios = page.evaluate(LUMINANCE, marks + ":not([fill]), " + marks + "[fill='none']")
    assert ratios
    assert min(ratios) >= 3


def test_the_keyboard_reaches_everything(opened):
    page = opened()
    here = "document.activeElement.textContent.trim() + '|' + (document.activeElement.getAttribute('href') || '')"
    page.keyboard.press("Tab")
    assert page.evaluate(here) == "Skip to the result|#result"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(here))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", stops[-1]
        if page.evaluate("document.activeElement.closest('article') !== null"):
            break
    else:
        pytest.fail(f"60 tab stops do not reach the gallery: {stops}")
    assert "Gallery|#gallery" in stops
    page.locator("nav a[href='#gallery']").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    assert 0 <= page.locator("#gallery h2").bounding_box()["y"] < 200
    page.locator("#recall summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#recall table").is_visible()


def test_screen_readers_get_names(opened):
    page = opened()
    assert page.locator("svg:not([role='img'][aria-label])").count() == 0
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("html[lang='en']").count() == 1
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    headings = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(heading => +heading.tagName[1])")
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    targets = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.hash)).length"
    )
    assert targets == 0


def test_print_opens_details_and_drops_navigation(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#recall details table").bounding_box()["height"] > 100
    assert page.evaluate("getComputedStyle(document.querySelector('article')).breakInside") == "avoid"
    pdf = page.pdf(format="A4", print_background=True)
    assert 5 < len(re.findall(rb"/Type\s*/Page\b", pdf)) < 40


def test_it_works_without_javascript(opened):
    page = opened(java_script_enabled=False)
    page.locator("#recall summary").click()
    assert page.locator("#recall table").is_visible()
