"""What a model of options, or of a file, finds wrong, in memometer's words: pydantic's own never reach a user."""

import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from memometer.errors import shown

__all__ = ["meant", "nearest", "problems"]

_EXPECTED = {
    "bool": "true or false",
    "dataclass": "an object",
    "dict": "an object",
    "finite_number": "a finite number",
    "float": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "int": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "list": "a list",
    "literal_error": "{expected}",
    "mapping": "an object",
    "model": "an object",
    "none_required": "nothing",
    "path": "a path",
    "set": "a list",
    "string": "a text",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "string_too_long": "{max_length} characters or fewer",
    "string_too_short": "{min_length} characters or more",
    "too_long": "a list of {max_length} or fewer",
    "too_short": "a list of {min_length} or more",
    "tuple": "a list",
}
"""Kind of fault, or how its name starts → what was expected, with what pydantic says of it in braces."""


def problems(error: ValidationError, *, of: type[BaseModel], noun: str = "key", most: int = 3) -> str:
    """The first few faults, e.g. ``vision_cfg.width = True; expected a whole number``.

    Args:
        error: what was found.
        of: the model that found it, for the names that it knows.
        noun: what its names are called: a key, an option.
        most: so many are told.
    """
    return "; ".join(_problem(fault, of=of, noun=noun) for fault in error.errors()[:most])


def nearest(name: str, known: Iterable[str]) -> str:
    """What to say of an unknown name: the one that was most likely meant, and all there are."""
    names = sorted(known)
    close = _alike(name, names, most=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known are {', '.join(names)}"


def meant(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """What to say of an unknown name where there are too many to list: the few that are most alike, else ``otherwise``.

    >>> meant("ViT-b-33", ["ViT-B-32", "RN50"], otherwise="there are two")
    'did you mean ViT-B-32?'
    """
    close = _alike(name, known, most=3)
    return f"did you mean {' or '.join(close)}?" if close else otherwise


def _alike(name: str, known: Iterable[str], *, most: int) -> list[str]:
    by_lower = {each.lower(): each for each in known}
    return [by_lower[each] for each in difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=0.5)]


def _problem(fault: Mapping[str, Any], *, of: type[BaseModel], noun: str) -> str:
    place = fault["loc"]
    where = ".".join(map(str, place))
    if fault["type"] == "extra_forbidden":
        known = _known(of, place[:-1])
        return f"unknown {noun} {shown(where)}" + (f"; {nearest(str(place[-1]), known)}" if known else "")
    if fault["type"] == "missing":
        return f"'{where}' is missing"
    if fault["type"] == "value_error":  # of our own
        message = str(fault["msg"]).removeprefix("Value error, ")
        return f"{where} = {shown(fault['input'])}: {message[:1].lower()}{message[1:]}" if place else message
    if expected := _between(fault, of) or _expected(fault):
        return f"{where or 'its content'} = {shown(fault['input'])}; expected {expected}"
    return f"{where or 'its content'}: {str(fault['msg'])[:1].lower()}{str(fault['msg'])[1:]}"


def _between(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    """The range of a number that has two ends; empty for others."""
    *place, name = fault["loc"] or ("",)
    inner = _at(model, place)
    field = None if inner is None else inner.model_fields.get(str(name))
    ends = {type(each).__name__: each for each in (field.metadata if field else ())}
    if not fault["type"].endswith("_than_equal") or not ends.keys() >= {"Ge", "Le"}:
        return ""
    return f"{ends['Ge'].ge:g} … {ends['Le'].le:g}"


def _expected(fault: Mapping[str, Any]) -> str:
    """What was expected; empty where the fault is of another sort."""
    kind, message = str(fault["type"]), str(fault["msg"])
    names = (name for name in _EXPECTED if kind.startswith(f"{name}_"))
    if words := _EXPECTED.get(kind) or _EXPECTED.get(next(names, "")):
        said = {
            name: f"{value:g}" if isinstance(value, float) else value for name, value in fault.get("ctx", {}).items()
        }
        return words.format(**said).replace("'", "")
    rest = message.removeprefix("Input should be ")
    return "" if rest == message else rest


def _known(model: type[BaseModel], place: Iterable[int | str]) -> Iterable[str]:
    """The names that there are at a place of the model; none where it has a free form there."""
    found = _at(model, place)
    return [] if found is None else [field.alias or name for name, field in found.model_fields.items()]


def _at(model: type[BaseModel], place: Iterable[int | str]) -> type[BaseModel] | None:
    """The model at a place of another; None where that has a free form there."""
    found: type[BaseModel] | None = model
    for part in place:
        field = None if found is None else found.model_fields.get(str(part))
        found = None if field is None else _model_in(field.annotation)
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of an annotation such as ``Part | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in typing.get_args(annotation) if (found := _model_in(each))), None)
