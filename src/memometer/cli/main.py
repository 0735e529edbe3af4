"""The ``memometer`` command: assembles one thin file per command."""

from importlib import import_module
from typing import Annotated

import typer

from memometer import __version__
from memometer.cli.start import main

__all__ = ["app", "main"]

app = typer.Typer(
    name="memometer",
    help="Tells what vision-language and vision models have memorized of their training data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(help="Import, split and check image-caption records.", no_args_is_help=True)
audit = typer.Typer(help="Measure what a model has memorized.", no_args_is_help=True)
app.add_typer(data, name="data")
app.add_typer(audit, name="audit")

# group, command, module of memometer.cli; each module has one function, `command`, whose docstring is the help.
COMMANDS = (
    (data, "import", "data_import"),
    (data, "split", "data_split"),
    (data, "duplicates", "data_duplicates"),
    (data, "verify", "data_verify"),
    (data, "scenes", "data_scenes"),
    (app, "train", "train"),
    (app, "train-ssl", "train_ssl"),
    (audit, "vl-dejavu", "audit_vl_dejavu"),
    (audit, "image-dejavu", "audit_image_dejavu"),
    (audit, "clipmem", "audit_clipmem"),
    (audit, "sslmem", "audit_sslmem"),
    (audit, "unitmem", "audit_unitmem"),
    (app, "utility", "utility"),
    (app, "remove", "remove"),
    (app, "sweep", "sweep"),
    (app, "report", "report"),
    (app, "compare", "compare"),
    (app, "demo", "demo"),
)
for _group, _name, _module in COMMANDS:
    _group.command(_name)(import_module(f"memometer.cli.{_module}").command)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"memometer {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    del version
