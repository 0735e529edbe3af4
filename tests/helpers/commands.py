"""A command of memometer's by itself, without the others around it."""

import typer
from typer.testing import CliRunner


def invoke(command, *words):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])
