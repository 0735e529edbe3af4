"""The index of runs and the table of all records, in a real browser, opened from disk."""

import dataclasses
import html
import json
import re
import time

import pyarrow as pa
import pytest
from browser import MARKS, browser  # noqa: F401 (a fixture)
from typer.testing import CliRunner

from memometer import load_audit
from memometer.cli.main import app
from memometer.data.records import RECORD_SCHEMA
from memometer.errors import InputError
from memometer.tables import write_table
from memometer.view import view_runs
from memometer.view.index import COLUMNS

HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\u2028{{7*7}}'


@pytest.fixture(scope="module")
def saved(runs, tmp_path_factory):
    """A folder with a run of every kind, by its name."""
    folder = tmp_path_factory.mktemp("saved")
    for name, run in runs.items():
        run.save(folder / "all" / name)
    return folder / "all"


@pytest.fixture(scope="module")
def view(saved, tmp_path_factory):
    return view_runs([saved], out=tmp_path_factory.mktemp("view") / "view").page.parent


def rows_of(folder):
    texts = [path.read_text() for path in sorted(folder.glob("rows-*.js"))]
    return [row for text in texts for row in json.loads(re.fullmatch(r"memometerRows\((.*)\);\n", text, re.DOTALL)[1])]


def test_every_run_has_a_row_a_report_and_its_records(saved, view, runs):
    rows = rows_of(view / "assets")
    assert sorted(row[0] for row in rows) == sorted(runs)
    for row in rows:
        assert len(row) == len(COLUMNS)
        assert (view / row[1][1]).is_file()
        samples = runs[row[0]].samples
        if "record_id" not in samples.column_names:
            assert row[2] is None
            continue
        shown = rows_of((view / row[2][1]).parent)
        assert len(shown) == samples.num_rows
        assert all(name in each for each, name in zip(shown, samples["record_id"].to_pylist(), strict=True))


def test_neighbours_captions_and_objects_stand_beside_the_scores(saved, view, runs):
    (row,) = [row for row in rows_of(view / "assets") if row[0] == "vl-dejavu"]
    run = load_audit(saved / "vl-dejavu")
    shown = rows_of((view / row[2][1]).parent)
    near = run.tables["neighbors"].to_pylist()
    assert [each[-2:] for each in shown] == [
        [" · ".join(dict.fromkeys(row[f"neighbors_{model}"])) for model in ("target", "reference")] for row in near
    ]
    page = (view / row[2][1]).read_text()
    for name in ("captions", "objects", "recall_target", "neighbors_reference"):
        assert name in page


def changed(table, columns):
    for name in columns.keys() & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, columns[name])
    return table


def big_run(run, folder, *, n):
    """The run with ``n`` records, whose captions are hostile."""
    ids = pa.array([f"r{place:06d}" for place in range(n)])
    rows = pa.array(place % 30 for place in range(n))
    columns = {"record_id": ids, "recall_target": pa.array([place / n for place in range(n)])}
    tables = {name: changed(run.tables[name].take(rows), columns) for name in ("samples", "neighbors")}
    config = {**run.config, "records": str(folder / "records"), "target": HOSTILE}
    records = {
        "record_id": ids,
        "captions": pa.array([[f"{HOSTILE} {place}"] for place in range(n)]),
        "objects": pa.array([["cat", HOSTILE]] * n),
    }
    whole = {field.name: records.get(field.name, pa.nulls(n, field.type)) for field in RECORD_SCHEMA}
    write_table(folder / "records" / "records.parquet", pa.table(whole, schema=RECORD_SCHEMA))
    dataclasses.replace(run, tables={**run.tables, **tables}, config=config).save(folder / "run")


def opened(browser, path):  # noqa: F811 (the fixture's value)
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda asked: said.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", timeout=120_000)
    return page, said


@pytest.mark.browser
@MARKS[1]
def test_a_hundred_thousand_records_are_sorted_and_filtered_and_nothing_of_theirs_runs(runs, tmp_path, browser):  # noqa: F811
    (tmp_path / "records").mkdir()
    big_run(runs["vl-dejavu"], tmp_path, n=100_000)
    folder = view_runs([tmp_path / "run"], out=tmp_path / "view").page.parent
    page, said = opened(browser, folder / "runs" / "000" / "records.html")
    assert "of 100,000 entries" in page.inner_text(".dt-info")
    column = page.locator("thead th", has_text="recall target")
    started = time.monotonic()
    column.click()
    column.click()
    page.locator("tbody tr:first-child td:first-child", has_text="r099999").wait_for()
    sorting = time.monotonic() - started
    page.get_by_label("filter recall target").fill(">= 0.99999")
    page.locator(".dt-info", has_text="1 to 1 of 1 entry").wait_for()
    page.get_by_label("filter recall target").fill("")
    page.get_by_label("filter captions").fill("</script> 42420")
    page.locator(".dt-info", has_text="1 to 1 of 1 entry").wait_for()
    assert HOSTILE[:20] in page.inner_text("tbody")
    assert sorting < 60  # generous: it is under two seconds on an idle machine
    assert page.evaluate("window.hacked") is None
    assert page.locator("tbody img, tbody script").count() == 0
    assert said == []


@pytest.mark.browser
@MARKS[1]
def test_the_index_opens_from_disk_and_leads_to_reports(view, runs, browser):  # noqa: F811
    page, said = opened(browser, view / "index.html")
    assert page.locator("tbody tr").count() == len(runs)
    page.get_by_label("filter Run").fill("sslmem")
    page.locator(".dt-info", has_text="1 to 1 of 1 entry").wait_for()
    page.get_by_role("link", name="report").click()
    page.wait_for_selector("#result")
    assert "SSLMem" in page.inner_text("h1")
    assert said == []


@pytest.mark.browser
@MARKS[1]
def test_the_gallery_s_records_have_their_pictures(saved, runs, tmp_path, browser):  # noqa: F811
    run = runs["image-dejavu"]
    shown = {row["record_id"] for row in run.gallery.to_pylist() if row["image"] is not None}
    assert shown
    folder = view_runs([saved / "image-dejavu"], out=tmp_path / "view").page.parent
    page, said = opened(browser, folder / "runs" / "000" / "records.html")
    heading = page.locator("thead th", has_text="picture")
    heading.click()
    heading.click()
    page.locator("tbody tr:first-child img").wait_for()
    widths = page.eval_on_selector_all(
        "tbody img", "all => Promise.all(all.map(each => each.decode().then(() => each.naturalWidth)))"
    )
    ids = page.eval_on_selector_all("tbody img", "all => all.map(each => each.closest('tr').cells[0].textContent)")
    assert set(ids) == shown
    assert all(0 < width <= 160 for width in widths)
    assert page.locator("tbody tr:first-child img").count() == 1
    assert said == []


def test_truths_are_ones_and_zeros(saved, runs, tmp_path):
    folder = view_runs([saved / "image-dejavu"], out=tmp_path / "view").page.parent / "runs" / "000"
    settings = json.loads(
        html.unescape(re.search(r'data-settings="([^"]*)"', (folder / "records.html").read_text())[1])
    )
    place = [column["title"] for column in settings["columns"]].index("correct_target")
    assert settings["columns"][place]["kind"] == "number"
    wanted = [
        None if value is None else int(value) for value in runs["image-dejavu"].samples["correct_target"].to_pylist()
    ]
    assert [row[place] for row in rows_of(folder)] == wanted


def test_a_view_is_replaced_and_nothing_else_is(saved, tmp_path):
    def memometer(*words):
        return CliRunner().invoke(app, ["view", *map(str, words)])

    done = memometer(saved / "sslmem", "--out", tmp_path / "view", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["runs"] == 1
    assert "--overwrite to replace" in str(memometer(saved / "sslmem", "--out", tmp_path / "view").exception)
    assert memometer(saved, "--out", tmp_path / "view", "--overwrite").exit_code == 0
    (tmp_path / "empty").mkdir()
    assert "no run is in" in str(memometer(tmp_path / "empty", "--out", tmp_path / "view", "--overwrite").exception)
    assert (tmp_path / "view" / "index.html").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.html").write_text("x")
    assert "no view" in str(memometer(saved, "--out", tmp_path / "mine", "--overwrite").exception)
    with pytest.raises(InputError, match="no run is in"):
        view_runs([tmp_path / "mine"], out=tmp_path / "other")
    with pytest.raises(InputError, match="there is no folder"):
        view_runs([tmp_path / "nowhere"], out=tmp_path / "other")


def test_a_damaged_run_is_left_out_and_said(saved, tmp_path):
    import shutil

    shutil.copytree(saved / "sslmem", tmp_path / "runs" / "good")
    shutil.copytree(saved / "sslmem", tmp_path / "runs" / "bad")
    (tmp_path / "runs" / "bad" / "samples.parquet").write_bytes(b"x")
    found = view_runs([tmp_path / "runs"], out=tmp_path / "view")
    assert found.n_runs == 1
    ((path, reason),) = found.unread
    assert path.endswith("bad")
    assert "samples.parquet" in reason


def test_records_that_moved_are_named_or_left_out(saved, tmp_path, runs):
    (tmp_path / "records").mkdir()
    big_run(runs["vl-dejavu"], tmp_path, n=20)
    (tmp_path / "records").rename(tmp_path / "moved")
    for place, options, held in (("a", {}, False), ("b", {"records": tmp_path / "moved"}, True)):
        folder = view_runs([tmp_path / "run"], out=tmp_path / place, **options).page.parent
        page = (folder / "runs" / "000" / "records.html").read_text()
        assert ("could not be read" in page) is not held
        assert (HOSTILE[:10] in str(rows_of(folder / "runs" / "000"))) is held
        assert HOSTILE[:20] not in page
