"""The ``memometer`` command: assembles one thin file per command."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core

from memometer import __version__
from memometer.catalogue import MEASURES
from memometer.cli.start import main

__all__ = ["COMMANDS", "assemble", "commands", "main"]

# Group, command, module of memometer.cli; each module has one function, `command`, whose docstring is the help.
COMMANDS = (
    ("data", "import", "data_import"),
    ("data", "split", "data_split"),
    ("data", "duplicates", "data_duplicates"),
    ("data", "verify", "data_verify"),
    ("data", "scenes", "data_scenes"),
    ("", "annotate", "annotate"),
    ("objects", "tidy", "objects_tidy"),
    ("objects", "agree", "objects_agree"),
    ("", "train", "train"),
    ("", "train-ssl", "train_ssl"),
    ("", "utility", "utility"),
    ("", "remove", "remove"),
    ("", "sweep", "sweep"),
    ("", "report", "report"),
    ("", "compare", "compare"),
    ("", "export", "export"),
    ("", "log", "log"),
    ("", "view", "view"),
    ("", "models", "models"),
    ("", "estimate", "estimate"),
    ("", "demo", "demo"),
)
FIRST_LINES = {
    "annotate": "Label the images of RECORDS with a detector or a tagger: records with objects, boxes and scores.",
    "train": "Train a CLIP model from scratch.",
    "train-ssl": "Train an image encoder from scratch without labels.",
    "utility": "What a model is good for: zero-shot classification, a linear probe, image ↔ text retrieval.",
}
"""Of the help of commands whose options are models, which a list of commands does without."""

PANELS = {
    "Records": ("data", "annotate", "objects"),
    "Audits": ("audit", "compare", "report", "view", "export", "log"),
    "Training": ("train", "train-ssl", "utility", "sweep", "remove"),
    "Help": ("models", "estimate", "demo"),
}
"""Under which head ``memometer --help`` lists a command, in the order that most people come to them."""

GROUPS = {
    "data": "Import, split and check image-caption records.",
    "objects": "Tidy labels, and compare labellings of the same records.",
    "audit": "Measure what a model has memorized.",
}


def commands() -> list[tuple[str, str, str]]:
    """All commands as `COMMANDS` has them, with the audit of each measure."""
    return [*COMMANDS, *(("audit", measure, "audit") for measure in MEASURES)]


def assemble(words: Sequence[str] | None = None) -> typer.Typer:
    """The command line; of one command alone, where ``words`` begin with it: typer prepares every option."""
    whole = typer.Typer(
        name="memometer",
        cls=_Listed,
        help="Tells what vision-language and vision models have memorized of their training data.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    whole.callback()(_options)
    groups, panels = {"": whole}, {name: panel for panel, names in PANELS.items() for name in names}
    for name, about in GROUPS.items():
        groups[name] = typer.Typer(help=about, no_args_is_help=True)
        whole.add_typer(groups[name], name=name, rich_help_panel=panels[name])
    asked = [each for each in commands() if (*(words or ())[:2],) == each[:2] or ("", *(words or ())[:1]) == each[:2]]
    lines = {**FIRST_LINES, **{measure: row.question for measure, row in MEASURES.items()}}
    for group, name, module in asked or commands():
        listed = words is not None and not asked
        command = _listed(lines.get(name) or str(_command(module, name).__doc__)) if listed else _command(module, name)
        groups[group].command(name, rich_help_panel=None if group else panels[name])(command)
    return whole


class _Listed(typer.core.TyperGroup):
    """Commands in the order of `PANELS`; typer puts groups last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        del ctx
        return [name for names in PANELS.values() for name in names if name in self.commands]


def _command(module: str, name: str) -> Callable[..., None]:
    found = import_module(f"memometer.cli.{module}")
    command: Callable[..., None] = found.command_named(name) if module == "audit" else found.command
    return command


def _listed(line: str) -> Callable[..., None]:
    """A command that is named among others and not called."""

    def command() -> None: ...

    command.__doc__ = line
    return command


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
