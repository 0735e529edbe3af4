"""Commands whose options are the arguments of the function that they call: their names, types, defaults and words."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from memometer.cli.declared import declared
from memometer.cli.options import JSON, parameter

__all__ = ["Command", "command_of", "options_of"]

SAID = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
"""A name and what a docstring says of it."""


class Command:
    """A command that knows its options when it is asked for them: lists of commands import no function.

    Args:
        run: is given the options as keywords.
        show: is given what ``run`` found, whether it is shown as JSON, and the options; its docstring is the help.
        options: what the command line has.
        beside: names of options that ``show`` alone is given.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        show: Callable[..., None],
        options: Callable[[], Iterable[inspect.Parameter]],
        *,
        beside: Sequence[str] = (),
    ) -> None:
        self.__name__, self.__doc__, self.__annotations__ = show.__name__, show.__doc__, {}
        self._run, self._show, self._options, self._beside = run, show, options, beside

    @functools.cached_property
    def __signature__(self) -> inspect.Signature:
        return inspect.Signature([*self._options(), JSON])

    def __call__(self, *, as_json: bool, **given: Any) -> None:
        """Does it."""
        found = self._run(**{name: value for name, value in given.items() if name not in self._beside})
        self._show(found, as_json=as_json, **given)


def command_of(
    place: str,
    *,
    called: dict[str, str] | None = None,
    own: Sequence[inspect.Parameter] = (),
    without: Sequence[str] = (),
    beside: Sequence[inspect.Parameter] = (),
) -> Callable[[Callable[..., None]], Command]:
    """Makes a command of what shows a function's result.

    Args:
        place: ``module:function``.
        called: argument of the function → what the command line calls it; without dashes it is given by its place.
        own: what the command line has in place of arguments.
        without: arguments that it does not have.
        beside: what the command line has besides, and the function that shows the result is given.
    """
    names = called or {}
    taken = {each: argument for argument, each in names.items()}

    def run(**given: Any) -> Any:
        off = {name.removeprefix("no_"): not value for name, value in given.items() if name.startswith("no_")}
        on = {taken.get(name, name): value for name, value in given.items() if not name.startswith("no_")}
        module, _, name = place.partition(":")
        return getattr(import_module(module), name)(**on, **off)

    def options() -> Iterator[inspect.Parameter]:
        replaced = {each.name: each for each in own}
        for each in options_of(place, called=names):
            if each.name not in without:
                yield replaced.get(each.name, each)
        yield from beside

    return lambda show: Command(run, show, options, beside=[each.name for each in beside])


def options_of(place: str, *, called: dict[str, str]) -> Iterator[inspect.Parameter]:
    """An option for each argument of a function, or of a dataclass, as its docstring describes it.

    Paths are read as paths, a tuple of texts is an option that may be repeated, and what is on is switched off.

    Args:
        place: ``module:name``; its source is read, nothing of it is imported.
        called: as of `command_of`; several names are joined by |.
    """
    found = declared(place)
    words = _words_of(found.doc)
    for each in found.arguments:
        name, kind, default = each.name, each.kind, each.default
        if default == ():
            default = None
        if default is True:
            name, default = f"no_{name}", False
        names = called.get(name, f"--{name}".replace("_", "-") if kind is bool else "")
        if names.isidentifier():
            yield parameter(names, Annotated[kind, typer.Argument(help=words[each.name])], default=default)
        else:
            said = typer.Option(*names.split("|") if names else (), help=words.get(each.name))
            yield parameter(name, Annotated[kind, said], default=default)


def _words_of(docstring: str) -> dict[str, str]:
    """Argument → what is said of it."""
    _, _, section = re.sub(r"(?m)^Attributes:$", "Args:", docstring).partition("\nArgs:\n")
    words = {name: " ".join(text.split()) for name, text in SAID.findall(section)}
    return {name: (text[0].upper() + text[1:]).replace("`", "") for name, text in words.items()}
