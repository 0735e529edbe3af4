"""What holds of the report of every measure."""

import html
import re
from importlib import resources

import pytest
from commands import invoke
from rich.console import Console

from memometer.catalogue import KNOWN
from memometer.cli.report import command
from memometer.errors import InputError
from memometer.report import html_fragment, page_of, render
from memometer.report.svg import to_svg

STYLE = resources.files("memometer.report").joinpath("templates/page.css").read_text("utf-8")
FIGURES = [pytest.param(name, each, id=f"{name}-{each.key}") for name in KNOWN for each in page_of(name).figures]


def test_every_measure_is_here(runs):
    assert runs.keys() == KNOWN.keys()


@pytest.mark.parametrize(("name", "figure"), FIGURES)
@pytest.mark.parametrize("width", [960, 340])
def test_charts_draw_within_their_width_in_known_colours(runs, name, figure, width):
    svg = to_svg(figure.draw(runs[name], width=width), key="x", label="A label & <more>")
    drawn = re.match(r'<svg [^>]*width="([\d.]+)"', svg)
    assert float(drawn[1]) <= width * 1.1
    assert 'role="img"' in svg
    assert 'aria-label="A label &amp; &lt;more&gt;"' in svg
    for paint, color in set(re.findall(r'(fill|stroke)="(#[0-9a-f]+)"', svg)):
        assert f'[{paint}="{color}"]' in STYLE, f"dark mode has no replacement for {paint} {color}"
    assert not re.findall(r'(?:fill|stroke)="(?!#|none|transparent|url)', svg)


@pytest.mark.parametrize(("name", "figure"), FIGURES)
def test_charts_have_the_same_numbers_as_a_table(runs, name, figure):
    numbers = figure.numbers(runs[name])
    assert numbers.rows
    assert {len(row) for row in numbers.rows} == {len(numbers.header)}


@pytest.mark.parametrize("name", KNOWN)
def test_the_page_says_the_verdict_and_names_stay_text(runs, name):
    page = render(runs[name])
    assert html.escape(page_of(name).verdict(runs[name].summary).title) in page
    assert not re.search("<b>(mild|quite)", page)
    assert "memometer-audit" in html_fragment(runs[name])


@pytest.mark.parametrize("name", KNOWN)
def test_the_terminal_shows_the_results_in_80_columns(runs, name, capsys):
    Console(width=80).print(*page_of(name).printed(runs[name]), sep="\n")
    printed = capsys.readouterr().out
    for words in ("text less image", "odd") if name in ("sslmem", "unitmem") else ():
        assert words in printed
    assert len(printed) > 100
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize("name", KNOWN)
def test_the_report_is_rebuilt_from_its_folder_unless_a_table_is_missing(runs, tmp_path, name):
    saved = runs[name].save(tmp_path / name)
    report = tmp_path / name / "report.html"
    report.unlink(missing_ok=True)
    done = invoke(command, tmp_path / name)
    assert done.exit_code == 0, done.exception
    assert done.stdout.strip() == str(report)
    assert report.read_text(encoding="utf-8") == render(saved)
    table = next(path for path in (tmp_path / name).glob("*.parquet") if path.name != "rejects.parquet")
    table.unlink()
    done = invoke(command, tmp_path / name)
    assert isinstance(done.exception, InputError)
    assert f"lacks {table.name}; run the command that wrote it again" in str(done.exception)
