"""What functions and dataclasses take, as their source says it: to describe a command imports nothing that it needs.

An annotation is followed through the names that modules give to others (``Keep = Literal[…]``) and import, as far as
the built-in types, ``Path`` and ``Literal``; a default, to the literal that it is.
"""

import ast
import dataclasses
import functools
import inspect
import tokenize
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

__all__ = ["Argument", "Declared", "declared"]

PLAIN = {"bool": bool, "float": float, "int": int, "str": str}


@dataclasses.dataclass(frozen=True)
class Argument:
    """One of a function's arguments, or of a dataclass's fields.

    Attributes:
        name: as declared.
        kind: the type that the command line reads.
        default: ``inspect.Parameter.empty`` where there is none.
    """

    name: str
    kind: Any
    default: Any


@dataclasses.dataclass(frozen=True)
class Declared:
    """What stands in the source of a function or a dataclass.

    Attributes:
        arguments: in order; those whose default is no literal, such as another dataclass, are not among them.
        doc: its docstring.
    """

    arguments: tuple[Argument, ...]
    doc: str


def declared(place: str) -> Declared:
    """Reads ``module:name``, of which nothing is imported.

    Raises:
        LookupError: the module declares no such name, or an argument of a type that the command line does not read.
    """
    module, name = place.split(":")
    home, node = _declaration(module, name)
    if node is None:
        raise LookupError(f"{module} declares no '{name}'")
    arguments = []
    for argument, annotation, default in _fields(node) if isinstance(node, ast.ClassDef) else _arguments(node):
        try:
            value = inspect.Parameter.empty if default is None else ast.literal_eval(_expanded(default, home))
        except ValueError:
            continue
        arguments.append(Argument(argument, _kind(_expanded(annotation, home)), value))
    return Declared(tuple(arguments), inspect.cleandoc(ast.get_docstring(node) or ""))


Found = tuple[str, ast.expr, ast.expr | None]
"""Name, annotation and default."""


def _arguments(function: Any) -> Iterator[Found]:
    said = function.args
    places = [*said.posonlyargs, *said.args]
    defaults = [*[None] * (len(places) - len(said.defaults)), *said.defaults, *said.kw_defaults]
    for each, default in zip([*places, *said.kwonlyargs], defaults, strict=True):
        yield each.arg, each.annotation, default


def _fields(dataclass: ast.ClassDef) -> Iterator[Found]:
    for each in dataclass.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id, each.annotation, each.value


def _kind(annotation: ast.expr) -> Any:
    """The type that the command line reads: a path, a list of texts, a text for a mapping, else the type itself.

    Raises:
        LookupError: it reads none of that type.
    """
    names = {each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)}
    optional = any(isinstance(each, ast.Constant) and each.value is None for each in ast.walk(annotation))
    if "Path" in names:
        return Path | None if optional else Path
    if names & {"tuple", "Sequence"}:
        return list[str] | None
    return str if "Mapping" in names else _type(annotation)


def _type(annotation: ast.expr) -> Any:
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _type(left) | _type(right)
        case ast.Constant(value=None):
            return None
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            return Literal[ast.literal_eval(choices)]
        case ast.Name(id=name) if name in PLAIN:
            return PLAIN[name]
    raise LookupError(f"the command line reads no '{ast.unparse(annotation)}'")


def _expanded(expression: ast.expr, module: str) -> ast.expr:
    """An expression with what a module's names stand for in their place."""

    class Expansion(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            home, found = _declaration(module, node.id)
            return _expanded(found, home) if isinstance(found, ast.expr) else node

    expanded: ast.expr = Expansion().visit(expression)
    return expanded


def _declaration(module: str, name: str) -> tuple[str, Any]:
    """Where a name is declared, and what stands there: a function, a class or an expression; None for others' names."""
    found = _names(module).get(name)
    return _declaration(*found) if isinstance(found, tuple) else (module, found)


@functools.cache
def _names(module: str) -> Mapping[str, Any]:
    """Name → what a module's source has under it: an AST, or, where it is imported, the place that it comes from."""
    top, *inner = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return {}
    path = Path(spec.origin)
    if inner:
        path = path.parent.joinpath(*inner[:-1], f"{inner[-1]}.py")
        path = path if path.is_file() else path.with_suffix("") / "__init__.py"
    with tokenize.open(path) as file:
        body = ast.parse(file.read()).body
    names: dict[str, Any] = {}
    for each in [*body, *(held for block in body if isinstance(block, ast.If) for held in block.body)]:
        match each:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names[name] = each
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = value
            case ast.ImportFrom(module=str(home)) if home.partition(".")[0] == module.partition(".")[0]:
                names |= {alias.asname or alias.name: (home, alias.name) for alias in each.names}
    return names
