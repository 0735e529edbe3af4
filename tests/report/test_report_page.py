import dataclasses
import html.parser
import json
import re
import shutil

import pyarrow as pa
import pytest
from commands import invoke
from report_factory import HOSTILE, gap, jpeg, make_audit, make_manifest, make_record, make_summary

from memometer.audits.result import load_audit
from memometer.cli.report import command
from memometer.errors import InputError
from memometer.files import read_json
from memometer.measures.vl_dejavu.page import PAGE
from memometer.report import MAX_BYTES, html_fragment, render, write_report
from memometer.report.pictures import MAX_THUMBNAIL_BYTES, Pictures


class Elements(html.parser.HTMLParser):
    """Every element with its attributes, and the text."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def with_figures(monkeypatch, keys):
    """Leaves the page these charts alone."""
    figures = tuple(figure for figure in PAGE.figures if figure.key in keys)
    monkeypatch.setattr("memometer.measures.vl_dejavu.page.PAGE", dataclasses.replace(PAGE, figures=figures))


@pytest.fixture
def without_charts(monkeypatch):
    """Charts have their own tests and take their time."""
    with_figures(monkeypatch, ())


@pytest.fixture
def one_chart(monkeypatch):
    with_figures(monkeypatch, ("objects",))


def hostile_record(rank):
    text = HOSTILE[rank % len(HOSTILE)]
    objects = [{"label": text, "correct": correct, "mentioned": False} for correct in (True, False)]
    neighbor = {"record_id": text, "similarity": 0.5, "image": jpeg(rank), "objects": objects}
    own = [{"label": text, "mentioned": False, "target": True, "reference": False}]
    return make_record(
        rank,
        record_id=text,
        captions=[text, text],
        objects=own,
        target_neighbors=[neighbor],
        reference_neighbors=[neighbor],
    )


def hostile_audit():
    text = HOSTILE[0] + HOSTILE[2]
    summary = make_summary() | {"target": text, "reference": HOSTILE[3], "query": text, "notes": HOSTILE}
    summary["n_skipped"] = dict.fromkeys(HOSTILE, 1)
    summary["duplicates_across_roles"] = {"n": 2, "pairs": [[HOSTILE[0], HOSTILE[1]], [HOSTILE[2], HOSTILE[3]]]}
    summary["gaps"]["all"]["ppg"] = gap(None, reason=text)
    manifest = make_manifest() | {"command": " ".join(HOSTILE), "packages": {HOSTILE[0]: HOSTILE[1]}, "finished": text}
    manifest["target"] = {"spec": text, "warnings": [HOSTILE[1]], "preprocess": {HOSTILE[0]: HOSTILE[2]}}
    return make_audit(
        summary=summary,
        records=[hostile_record(rank) for rank in range(len(HOSTILE))],
        labels=HOSTILE,
        manifest=manifest,
        config={HOSTILE[0]: HOSTILE[2]},
    )


def test_the_page_shows_the_audit():
    page = Elements(render(make_audit()))
    for words in (
        "Memorization found",
        "+0.096",
        "[+0.081, +0.111]",
        "open_clip:models/a",
        "2,988 of 3,000",
        "A dog runs over the grass after ball number 1 .",
        "memometer audit vl-dejavu --target open_clip:models/a",
        "the preprocessing is a guess",
        "2851198725_37b6027625",
        "0" * 32,
        "no object",
    ):
        assert words in page.text, words
    tags = [tag for tag, _ in page.elements]
    assert tags.count("svg") == 10
    assert tags.count("img") == 3 * 21
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(tags)


def test_the_page_names_its_policy(without_charts):
    metas = [attributes for tag, attributes in Elements(render(make_audit())).elements if tag == "meta"]
    policy = next(meta["content"] for meta in metas if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert metas[0] == {"charset": "utf-8"}


@pytest.mark.parametrize("shown", [render, html_fragment])
def test_hostile_text_stays_text(one_chart, shown):
    page = shown(hostile_audit())
    found = Elements(page)
    tags = {tag for tag, _ in found.elements}
    assert not {"script", "iframe", "object", "a\x00null\x07bell"} & tags
    for tag, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert attributes.get("src", "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
        assert re.match(r"#[\w-]+$|https://arxiv\.org/", attributes.get("href", "#x"))
    assert page.count("<style>") == page.count("</style>") == 1
    for text in (HOSTILE[0], HOSTILE[2], HOSTILE[3], HOSTILE[4], HOSTILE[5], HOSTILE[10]):
        assert text in found.text, text
    assert "\x00" not in page
    assert "\x07" not in page


def test_a_long_caption_is_clipped_and_says_so(without_charts):
    page = render(make_audit(records=[make_record(1, captions=["long " * 20_000])]))
    assert "(clipped: 100,000 characters in all)" in page
    assert page.count("long ") < 300


def test_images_are_inlined_only_when_they_are_jpeg(without_charts):
    png, svg = b"\x89PNG\r\n\x1a\n", b"<svg onload='alert(1)'/>"
    for data, reason in ((png, "not a JPEG"), (svg, "not a JPEG"), (b"", "not a JPEG")):
        page = render(make_audit(records=[make_record(1, image=data)]))
        assert "<img" not in page
        assert reason in page
    huge = b"\xff\xd8\xff" + bytes(MAX_THUMBNAIL_BYTES)
    assert "too large for a thumbnail" in render(make_audit(records=[make_record(1, image=huge)]))
    assert "no image" in render(make_audit(records=[make_record(1) | {"image": None}]))


def test_without_images_there_are_none(without_charts):
    page = render(make_audit(), images=False)
    assert "<img" not in page
    assert "left out to keep the file small" not in page
    assert "A dog runs over the grass" in page


def test_a_large_gallery_stays_within_20_megabytes(without_charts):
    image = jpeg() + bytes(60_000)
    records = [make_record(rank, image=image) for rank in range(30, 0, -1)]
    page = render(make_audit(records=records))
    assert 0.98 * MAX_BYTES < len(page.encode()) <= MAX_BYTES
    assert "image left out to keep the file small" in page
    articles = page.split("<article")[1:]
    shown = [article.count("<img") for article in articles]
    assert [int(re.search(r"record-(\d+)", article)[1]) for article in articles] == list(range(1, 31))
    assert shown[0] == 21
    assert shown[-1] == 0
    assert shown == sorted(shown, reverse=True)


def test_the_largest_texts_stay_within_20_megabytes(without_charts):
    text = '"' * 3_000
    objects = [{"label": text, "correct": bool(place % 2), "mentioned": False} for place in range(60)]
    own = [{"label": text, "mentioned": False, "target": True, "reference": False} for _ in range(60)]
    neighbors = [{"record_id": text, "similarity": 0.1, "image": jpeg(), "objects": objects} for _ in range(12)]
    record = {"record_id": text, "captions": [text] * 12, "objects": own, "image": jpeg()}
    record |= {"target_neighbors": neighbors, "reference_neighbors": neighbors}
    audit = make_audit(records=[make_record(1, **record)])
    audit = make_audit(gallery=pa.concat_tables([audit.gallery] * 60))
    page = render(audit)
    assert len(page.encode()) <= MAX_BYTES
    assert "The first 50 of 60 records are shown" in page


def test_pictures_stop_at_the_first_that_does_not_fit():
    pictures = Pictures(room=10_000)
    small, large = jpeg(), jpeg() + bytes(9_000)
    assert pictures.place(small).uri
    assert not pictures.place(large).uri
    assert not pictures.place(small).uri
    assert pictures.n_left_out == 2


def test_the_gallery_marks_objects_by_more_than_colour(without_charts):
    page = render(make_audit(records=[make_record(1, neighbors=0)]))
    assert '<li class="hit unmentioned"><span class="unseen">correct, unmentioned: </span><bdi>hat</bdi></li>' in page
    assert '<li class="hit"><span class="unseen">correct: </span><bdi>dog</bdi></li>' in page
    assert '<li class="miss unmentioned"><bdi>kite</bdi></li>' in page  # its own, but neither model recovers it
    objects = [
        {"label": "mast", "correct": False, "mentioned": False},
        {"label": "sail", "correct": True, "mentioned": False},
    ]
    neighbors = [{"record_id": "p", "similarity": 0.1, "image": None, "objects": objects}]
    page = render(make_audit(records=[make_record(1, target_neighbors=neighbors, objects=[])]))
    assert '<li class="miss"><bdi>mast</bdi></li>' in page
    assert '<li class="hit unmentioned"><span class="unseen">correct, unmentioned: </span><bdi>sail</bdi></li>' in page
    assert page.index("<bdi>sail</bdi>") < page.index("<bdi>mast</bdi>")


def test_undefined_gaps_are_dashes_with_their_reason(without_charts):
    summary = make_summary(both_ways=False)
    summary["gaps"]["unmentioned"] = {
        name: gap(None, reason="every object is named") for name in ("ppg", "prg", "aucg")
    }
    page = render(make_audit(summary=summary))
    row = re.search(r">PRG</abbr></th>(.*?)</tr>", page)[1]
    assert re.findall(r">([^<]+)</td>", row)[4:] == ["–", "–", "–", "0"]
    assert "every object is named" in page


def test_warnings_come_once_and_are_counted(without_charts):
    summary = make_summary() | {"notes": ["reference: the preprocessing is a guess", "1 pair of duplicate images"]}
    page = render(make_audit(summary=summary))
    assert page.count("he preprocessing is a guess") == 2  # the warning itself, and the manifest in the provenance
    assert "Warnings (2)" in page


EQUAL = make_manifest()
EQUAL["reference"]["weights_hash"] = EQUAL["target"]["weights_hash"]
REJECTS = pa.table({"record_id": ["x", "y"], "side": ["public"] * 2, "reason": ["not an image"] * 2})
BARE = [{"record_id": "p", "similarity": 0.1, "image": None, "objects": []}]
NO_IMAGE = make_record(1, target_neighbors=BARE, reference_neighbors=BARE) | {"image": None}
ONE_WAY = make_summary(both_ways=False)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "<code><bdi>2851198725_37b6027625</bdi></code> = <code><bdi>3050606344_af711c726c</bdi></code>"),
        ({"manifest": EQUAL}, "every gap is 0 by construction"),
        ({"rejects": REJECTS}, r"public</td><td[^>]*><bdi>not an image</bdi></td><td>2<"),
        ({"records": [NO_IMAGE]}, r'^(?!.*class="blank")'),
        ({}, "^(?!.*among many records some stand out by chance)"),
        ({"summary": make_summary(size=0.001)}, "among many records some stand out by chance"),
        ({"summary": ONE_WAY}, "mixes memorization with plain model quality"),
        ({"summary": ONE_WAY}, 'colspan="9">One-way</th>'),
        ({"summary": ONE_WAY}, "^(?!.*Balanced, both ways</th>)"),
        ({"records": [make_record(1, direction="backward")]}, "from the reference’s training records"),
        ({"records": [make_record(1, direction="backward")]}, "trained on it <small><bdi>open_clip:models/b"),
        ({"records": [make_record(1, direction="backward")]}, "never saw it <small><bdi>open_clip:models/a"),
    ],
)
def test_what_a_reader_must_know_is_on_the_page(without_charts, fields, words):
    assert re.search(words, render(make_audit(**fields)), re.DOTALL)


def test_an_audit_without_a_gallery_or_objects_still_has_a_page(one_chart):
    audit = make_audit(records=[], labels=[])
    page = render(audit)
    assert "The run holds no gallery" in page
    assert page.count("There is nothing to draw") == 1


def test_the_fragment_stands_by_itself(one_chart):
    fragment = html_fragment(make_audit())
    assert fragment.strip().startswith('<div class="memometer-audit">')
    assert "<html" not in fragment
    selectors = re.findall(r"^([^{\n]+){", re.search(r"<style>(.*?)</style>", fragment, re.DOTALL)[1], re.MULTILINE)
    assert selectors
    assert all(part.strip().startswith(".memometer-audit") for one in selectors for part in one.split(","))
    assert fragment.count("<svg") == 1
    assert "Memorization found" in fragment
    assert make_audit()._repr_html_() == fragment


def test_two_fragments_on_one_page_share_no_ids(monkeypatch, one_chart):
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><path id="c0" d="M0,0" fill="#009e73"/></svg>'
    monkeypatch.setattr("vl_convert.vegalite_to_svg", lambda _: drawing)
    fragments = [html_fragment(make_audit(summary=make_summary(size=size))) for size in (0.1, 0.2)]
    ids = [set(re.findall(r' id="([^"]+)"', fragment)) for fragment in fragments]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_write_report_refuses_a_folder(tmp_path, without_charts):
    with pytest.raises(InputError, match=r"is a folder; expected the name of a file"):
        write_report(make_audit(), tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        write_report(make_audit(), tmp_path / "file" / "report.html")


def test_the_command_writes_elsewhere_and_prints_json(tmp_path, without_charts):
    make_audit().save(tmp_path / "run")
    result = invoke(command, tmp_path / "run", "--no-images", "--out", tmp_path / "new" / "small.html", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["report"] == str(tmp_path / "new" / "small.html")
    assert printed["gaps"] == make_summary()["gaps"]
    assert "<img" not in (tmp_path / "new" / "small.html").read_text(encoding="utf-8")
    assert not (tmp_path / "run" / "report.html").exists()


def test_the_command_names_a_folder_without_an_audit(tmp_path):
    result = invoke(command, tmp_path)
    assert isinstance(result.exception, InputError)
    assert "holds no finished audit" in str(result.exception)


def test_files_of_two_runs_in_one_folder_are_said(tmp_path, without_charts):
    for name in ("one", "other"):
        audit = make_audit()
        dataclasses.replace(audit, manifest={**audit.manifest, "key": name}).save(tmp_path / name)
    assert read_json(tmp_path / "one" / "summary.json")["key"] == load_audit(tmp_path / "one").manifest["key"] == "one"
    shutil.copy(tmp_path / "other" / "summary.json", tmp_path / "one" / "summary.json")
    with pytest.raises(InputError, match=r"one is damaged: its summary\.json and its manifest\.json are of two runs"):
        load_audit(tmp_path / "one")
    shutil.copy(tmp_path / "one" / "manifest.json", tmp_path / "other" / "manifest.json")
    with pytest.raises(InputError, match="of two runs; copy one run's folder as a whole"):
        load_audit(tmp_path / "other")


def test_a_sweep_is_no_audit(tmp_path):
    (tmp_path / "summary.json").write_text('{"measure": "sweep"}')
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="what 'memometer sweep' wrote, which 'memometer report' shows"):
        load_audit(tmp_path)
