"""The ``memometer`` command: assembles one thin file per command."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from memometer import __version__
from memometer.cli.start import main

__all__ = ["COMMANDS", "assemble", "main"]

# group, command, module of memometer.cli; each module has one function, `command`, whose docstring is the help.
COMMANDS = (
    ("data", "import", "data_import"),
    ("data", "split", "data_split"),
    ("data", "duplicates", "data_duplicates"),
    ("data", "verify", "data_verify"),
    ("data", "scenes", "data_scenes"),
    ("", "train", "train"),
    ("", "train-ssl", "train_ssl"),
    ("audit", "vl-dejavu", "audit_vl_dejavu"),
    ("audit", "image-dejavu", "audit_image_dejavu"),
    ("audit", "clipmem", "audit_clipmem"),
    ("audit", "sslmem", "audit_sslmem"),
    ("audit", "unitmem", "audit_unitmem"),
    ("", "utility", "utility"),
    ("", "remove", "remove"),
    ("", "sweep", "sweep"),
    ("", "report", "report"),
    ("", "compare", "compare"),
    ("", "demo", "demo"),
)
GROUPS = {"data": "Import, split and check image-caption records.", "audit": "Measure what a model has memorized."}


def assemble(words: Sequence[str] = ()) -> typer.Typer:
    """The command line; with one command alone, where ``words`` begin with it: typer prepares every option."""
    whole = typer.Typer(
        name="memometer",
        help="Tells what vision-language and vision models have memorized of their training data.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    whole.callback()(_options)
    groups = {"": whole}
    for name, about in GROUPS.items():
        groups[name] = typer.Typer(help=about, no_args_is_help=True)
        whole.add_typer(groups[name], name=name)
    asked = [each for each in COMMANDS if tuple(words[:2]) == each[:2] or ("", *words[:1]) == each[:2]]
    for group, name, module in asked or COMMANDS:
        groups[group].command(name)(import_module(f"memometer.cli.{module}").command)
    return whole


def _version(value: bool) -> None:
    if value:
        typer.echo(f"memometer {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    del version


def __getattr__(name: str) -> typer.Typer:
    """``app``, the whole command line; assembled when it is asked for."""
    if name != "app":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return assemble()
