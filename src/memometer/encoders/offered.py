"""Encoders whose code is not memometer's: a function that the user names, and what installed packages offer.

A package offers one by an entry point of the group ``memometer.encoders``, whose name is the word before the colon and
whose object is a function of what the user wrote::

    [project.entry-points."memometer.encoders"]
    mine = "my_package.models:load"        # mine:small → load("mine:small", device="cpu")

Both run code, as the user asked by naming them; the encoder says so, and so does the manifest of a run. Annotators are
named and offered alike (`memometer.annotators.offered`).
"""

import functools
import importlib.metadata
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from memometer.encoders.base import Features
from memometer.errors import ModelError

__all__ = [
    "ANNOTATORS",
    "ENCODERS",
    "OwnEncoder",
    "code_ran",
    "load_offered",
    "load_python",
    "offered",
    "offered_function",
    "own_function",
    "taken_by",
]

ENCODERS, ANNOTATORS = "memometer.encoders", "memometer.annotators"
"""Groups of entry points."""

PLACE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")


class OwnEncoder:
    """An encoder as its own code gives it, under the name that the user asked for.

    Attributes:
        spec: what the user named it by.
        code: the function that gave it.
        warnings: its own, and that code ran.
    """

    def __init__(self, encoder: Any, *, spec: str, code: str) -> None:
        self._encoder = encoder
        self.spec = spec
        self.code = code
        self.warnings = (*getattr(encoder, "warnings", ()), code_ran(code))

    def __getattr__(self, name: str) -> Any:
        if name == "_encoder":
            raise AttributeError(name)
        return getattr(self._encoder, name)


@functools.cache
def offered(group: str) -> Mapping[str, importlib.metadata.EntryPoint]:
    """What installed packages offer in a group, by name; nothing of it is imported."""
    return {point.name: point for point in importlib.metadata.entry_points(group=group)}


def load_python(spec: str, *, device: str = "cpu", precision: str = "fp32", features: Features = "projector") -> Any:
    """Calls ``python:package.module:function``, which returns an encoder; see `memometer.encoders.base`.

    The folder that the command runs in is looked into last. Of the options the function gets those that it has.

    Raises:
        ModelError: there is no such function, it fails, or what it returns is no encoder.
    """
    function, code = own_function(spec)
    return _called(function, spec=spec, code=code, device=device, precision=precision, features=features)


def own_function(spec: str) -> tuple[Callable[..., Any], str]:
    """The function that ``python:package.module:function`` names, and what that code is called.

    Raises:
        ModelError: there is no such function.
    """
    from memometer.encoders.bounded import refusing  # torch loads here

    place = spec.removeprefix("python:")
    named = PLACE.fullmatch(place)
    if named is None:
        raise ModelError(f"'{spec}' names no function; expected python:package.module:function")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # worker processes find the module there too
    with refusing(f"cannot import {named[1]}, which '{spec}' names"):
        module = import_module(named[1])
    function = getattr(module, named[2], None)
    if not callable(function):
        raise ModelError(f"'{spec}': {named[1]} has no function {named[2]}")
    return function, place


def load_offered(spec: str, *, device: str = "cpu", precision: str = "fp32", features: Features = "projector") -> Any:
    """The encoder that an installed package offers by the word before the colon; its function gets the whole ``spec``.

    Raises:
        ModelError: the function fails, or what it returns is no encoder.
    """
    function, code = offered_function(ENCODERS, spec)
    return _called(function, spec, spec=spec, code=code, device=device, precision=precision, features=features)


def offered_function(group: str, spec: str) -> tuple[Callable[..., Any], str]:
    """The function that an installed package offers by the word before the colon, and what that code is called.

    Raises:
        ModelError: it cannot be imported.
    """
    from memometer.encoders.bounded import refusing  # torch loads here

    point = offered(group)[spec.partition(":")[0]]
    package = point.dist.name if point.dist else "a package"
    code = f"{point.value} of {package}"
    with refusing(f"cannot import {code}, which '{spec}' names"):
        return point.load(), code


def taken_by(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Of some options those that a function has."""
    parameters = inspect.signature(function).parameters
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    return {key: value for key, value in options.items() if takes_all or key in parameters}


def code_ran(code: str) -> str:
    """What is said of code of others that ran."""
    return f"code that is not memometer's ran: {code}"


def _called(function: Callable[..., Any], *given: Any, spec: str, code: str, **options: Any) -> OwnEncoder:
    from memometer.encoders.bounded import refusing  # torch loads here

    with refusing(f"{code} gave no encoder for '{spec}'"):
        encoder = function(*given, **taken_by(function, options))
    towers = [
        tower for tower, method in (("image", "encode_images"), ("text", "encode_texts")) if _has(encoder, method)
    ]
    if not towers or not isinstance(getattr(encoder, "identity", None), str):
        raise ModelError(
            f"{code} gave {type(encoder).__name__} for '{spec}'; expected an encoder: a text 'identity', and "
            "'preprocess' with 'encode_images', or 'encode_texts', or all of them"
        )
    return OwnEncoder(encoder, spec=spec, code=code)


def _has(encoder: object, method: str) -> bool:
    return callable(getattr(encoder, method, None))
