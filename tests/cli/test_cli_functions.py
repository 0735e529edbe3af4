"""Commands of functions: their options are the arguments, with the words of the docstring."""

import importlib
import inspect
from pathlib import Path
from typing import Literal, get_args

import pytest
import typer
from typer.testing import CliRunner

from memometer.cli.declared import declared
from memometer.cli.functions import command_of
from memometer.cli.main import assemble


def draw(folder: str | Path, *, size: int = 3, images: bool = True, names: tuple[str, ...] = ()) -> tuple:
    """Draws.

    Args:
        folder: where it is written; what stands
            on two lines is one.
        size: ``64`` for most.
        images: False keeps them out.
        names: may be several.
    """
    return folder, size, images, names


@command_of(f"{__name__}:draw", called={"folder": "records", "names": "--name|--also"})
def command(found: tuple, *, as_json: bool, **_: object) -> None:
    """Draw what is asked for."""
    typer.echo(f"{found!r} {as_json}")


@pytest.fixture
def call():
    app = typer.Typer()
    app.command()(command)
    return lambda *words: CliRunner().invoke(app, words).stdout


def test_arguments_are_options_and_reach_the_function(call):
    assert call("out").strip() == f"{(Path('out'), 3, True, None)} False"
    words = ("out", "--size", "5", "--no-images", "--name", "a", "--also", "b", "--json")
    assert call(*words).strip() == f"{(Path('out'), 5, False, ['a', 'b'])} True"


def test_help_has_the_words_of_the_docstring(call):
    shown = " ".join(word for word in call("--help").split() if word != "│")
    for words in ("Draw what is asked for.", "Where it is written; what stands on two lines is one.", "64 for most."):
        assert words in shown


def test_every_option_of_every_command_has_words():
    def options(command, *path):
        yield from ((path, each) for each in command.params)
        for name, inner in getattr(command, "commands", {}).items():
            yield from options(inner, *path, name)

    for path, option in options(typer.main.get_command(assemble())):
        assert len(getattr(option, "help", "") or "") > 3, (path, option.name)


@pytest.mark.parametrize(
    "place",
    [
        "memometer.data:import_records",
        "memometer.data:ReaderOptions",
        "memometer.data:Fields",
        "memometer.data.splits:split_records",
        "memometer.data.checking:verify_records",
        "memometer.scenes:make_scenes",
        "memometer.comparison:compare_audits",
        "memometer.sweeps:run_sweep",
        "memometer.exports:export_run",
        "memometer.view:view_runs",
    ],
)
def test_the_source_says_what_the_imported_function_says(place):
    module, name = place.split(":")
    imported = getattr(importlib.import_module(module), name)
    expected = inspect.signature(imported).parameters
    found = declared(place)
    assert found.doc == inspect.getdoc(imported)
    left_out = expected.keys() - {each.name for each in found.arguments}
    assert left_out <= {"options", "fields"}
    for each in found.arguments:
        told = expected[each.name]
        assert each.default == told.default
        if "Path" in str(told.annotation):
            assert Path in (each.kind, *get_args(each.kind))
        elif "tuple" in str(told.annotation) or "Sequence" in str(told.annotation):
            assert each.kind == list[str] | None
        else:
            assert each.kind == (str if "Mapping" in str(told.annotation) else told.annotation)


Choice = Literal["a", "b"]


def choose_all(*, many: dict[str, int] | None = None) -> None:
    """Chooses."""


def pick(those: Choice | None = None) -> None:
    """Picks."""


def test_aliases_are_followed_and_other_types_refused():
    (found,) = declared(f"{__name__}:pick").arguments
    assert found.kind == Choice | None
    with pytest.raises(LookupError, match="reads no 'dict\\[str, int\\]"):
        declared(f"{__name__}:choose_all")
    with pytest.raises(LookupError, match="declares no 'nothing'"):
        declared(f"{__name__}:nothing")
