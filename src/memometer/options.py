"""Options that are declared once: a frozen model whose fields are read by the function, the command and sweep files."""

import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, Self, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from memometer.errors import InputError
from memometer.validation import problems

__all__ = ["Flag", "Numbers", "Options", "Several", "Words", "by_keyword", "flag_of", "part_of"]

Given = ParamSpec("Given")
Result = TypeVar("Result")
Model = TypeVar("Model", bound="Options")


@dataclasses.dataclass(frozen=True)
class Flag:
    """How an option is given on a command line and written down, where its type alone does not say it.

    Attributes:
        kind: the type that a command line gives; None for that of the option.
        names: instead of ``--its-name``.
        off: whether the flag sets a switch to False.
        written: its value → what names it in a file; None where it is text, a number or a path.
        default: what ``--help`` shows as its default; True for the default itself, False for none.
    """

    kind: Any = None
    names: tuple[str, ...] = ()
    off: bool = False
    written: Callable[[Any], Any] | None = None
    default: bool | str = True


FLAG = dataclasses.fields(Flag)


class Options(BaseModel):
    """What a command, or the function of the same name, is asked to do; unknown options are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def ordered(cls) -> list[str]:
        """All options, as ``--help`` lists them."""
        return list(cls.model_fields)

    @classmethod
    def checked(cls, **options: object) -> Self:
        """The options, each in its range.

        Raises:
            InputError: an unknown option, proposing the nearest one, or a value out of its range.
        """
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            raise InputError(problems(error, of=cls, noun="option", most=10)) from error

    def changed(self, **options: object) -> Self:
        """These with other values, checked like them."""
        return type(self).checked(**{**{name: getattr(self, name) for name in self.model_fields_set}, **options})

    def written(self, name: str) -> Any:
        """The value of an option as text, a number, a list of them, or None."""
        value, flag = getattr(self, name), flag_of(type(self), name)
        if flag.written is not None:
            return flag.written(value)
        if isinstance(value, list | tuple):
            return list(value)
        return str(value) if isinstance(value, Path) else value


def part_of(options: type[Options], names: Iterable[str]) -> type[Options]:
    """A model of some of the options; those that name records may be missing."""
    fields = options.model_fields
    kept: dict[str, Any] = {name: (fields[name].annotation, fields[name]) for name in names}
    if "records" in kept:
        kept["records"] = (Any, FieldInfo(default=None, metadata=fields["records"].metadata))
    return create_model(options.__name__, __base__=Options, **kept)


def flag_of(options: type[BaseModel], name: str) -> Flag:
    """What is declared of an option beside its type, what is said of its type and then of itself."""
    said: dict[str, Any] = {}
    for each in options.model_fields[name].metadata:
        if isinstance(each, Flag):
            said |= {part.name: value for part in FLAG if (value := getattr(each, part.name)) != part.default}
    return Flag(**said)


def _split(value: object) -> object:
    """A list as a command line has it, ``5,20,80``."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _listed(value: object) -> object:
    """One or several as several."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


if TYPE_CHECKING:
    Numbers: TypeAlias = Sequence[int]
    Words: TypeAlias = Sequence[str] | None
else:
    Numbers = Annotated[tuple[int, ...], BeforeValidator(_split), Flag(kind=str)]
    Words = Annotated[tuple[str, ...] | None, BeforeValidator(_split), Flag(kind=str | None)]
Several = BeforeValidator(_listed)


def by_keyword(options: Callable[Given, Model]) -> Callable[[Callable[[Model], Result]], Callable[Given, Result]]:
    """Makes a function of `Options` one with each option as a keyword, as notebooks and editors show it.

    Args:
        options: their class.
    """
    declared: type[Model] = options  # type: ignore[assignment]

    def decorate(run: Callable[[Model], Result]) -> Callable[Given, Result]:
        @functools.wraps(run)
        def function(*args: Given.args, **given: Given.kwargs) -> Result:
            if args:
                raise TypeError(f"{run.__name__} takes its options by name")
            return run(declared.checked(**given))

        function.__signature__ = inspect.Signature([_parameter(*each) for each in fields])  # type: ignore[attr-defined]
        function.__doc__ = "\n".join([inspect.getdoc(declared) or "", "", "Args:", *map(_words, fields)])
        return function

    fields = list(declared.model_fields.items())
    return decorate


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.is_required() else field.default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field.annotation)


def _words(option: tuple[str, FieldInfo]) -> str:
    text = f"{option[0]}: {option[1].description}"
    return textwrap.fill(text, 116, initial_indent=" " * 4, subsequent_indent=" " * 8)
