"""Commands of functions: their options are the arguments, with the words of the docstring."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

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
