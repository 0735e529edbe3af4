"""Commands whose options are the fields of a model: the same names, defaults, choices and words."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from memometer.cli.options import parameter
from memometer.options import Options, flag_of

__all__ = ["command_of"]


def command_of(
    options: type[Options],
    run: Callable[..., None],
    *,
    own: Mapping[str, inspect.Parameter],
) -> Callable[..., None]:
    """A command of typer.

    Args:
        options: the model; its docstring is the help, its ``ordered()`` how ``--help`` lists them below those required.
        run: is given the options as keywords.
        own: name → what the command line has in place of an option, or beside them.
    """
    fields = options.model_fields
    parameters = [own[name] if name in own else _parameter(options, name, fields[name]) for name in options.ordered()]
    parameters += [parameter for name, parameter in own.items() if name not in fields]
    off = [name for name in fields if flag_of(options, name).off]

    def command(**given: Any) -> None:
        run(**{name: not value if name in off else value for name, value in given.items()})

    required = [each for each in parameters if each.default is inspect.Parameter.empty]
    optional = [each for each in parameters if each.default is not inspect.Parameter.empty]
    command.__signature__ = inspect.Signature([*required, *optional])  # type: ignore[attr-defined]
    command.__doc__ = inspect.getdoc(options)
    return command


def _parameter(options: type[Options], name: str, field: FieldInfo) -> inspect.Parameter:
    flag = flag_of(options, name)
    switch = field.annotation is bool
    names = flag.names or ((f"--{name}".replace("_", "-"),) if switch else ())
    default = inspect.Parameter.empty if field.is_required() else field.default
    if switch and flag.off:
        default = False
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    said = typer.Option(*names, help=field.description, show_default=flag.default)
    return parameter(name, Annotated[flag.kind or field.annotation, said], default=default)
