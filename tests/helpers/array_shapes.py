"""Shapes in the signatures of `memometer.measures` and `memometer.statistics` are checked in tests, at every call.

Users pay nothing for them: annotations are not evaluated, and jaxtyping is not imported. jaxtyping's own hook would
also check what is private or stands within functions, down to the loops of the bootstrap, at four times the time.
"""

import importlib.abc
import importlib.machinery
import inspect
import re
import sys
from pathlib import Path

import jaxtyping
from beartype import BeartypeConf, beartype

SOURCE = Path(__file__).parents[2] / "src"
IMPORT = re.compile(r"^    from jaxtyping import (.+)$", re.MULTILINE)


def annotated_modules():
    """module → the names of jaxtyping that its annotations use."""
    paths = [path for room in ("measures", "statistics") for path in (SOURCE / "memometer" / room).rglob("*.py")]
    found = {path: IMPORT.search(path.read_text(encoding="utf-8")) for path in sorted(paths)}
    return {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts): names[1].split(", ")
        for path, names in found.items()
        if names
    }


class CheckedModules(importlib.abc.MetaPathFinder):
    """Imports those modules with their public functions, classes and methods checked."""

    def __init__(self, modules):
        self.modules = modules

    def find_spec(self, name, path, target=None):
        if name not in self.modules:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def run_and_check(module):
            run(module)
            vars(module).update({kind: getattr(jaxtyping, kind) for kind in self.modules[name]})
            _check(module, module.__name__)

        spec.loader.exec_module = run_and_check
        return spec


def _check(owner, module):
    for name, value in list(vars(owner).items()):
        if name.startswith("_") or not (inspect.isroutine(value) or isinstance(value, type | property)):
            continue
        if isinstance(value, property) or getattr(value, "__module__", None) == module:
            if isinstance(value, type):
                _check(value, module)
            # An int is a float, as for type checkers.
            strict = beartype(conf=BeartypeConf(is_pep484_tower=True))
            setattr(owner, name, jaxtyping.jaxtyped(value, typechecker=strict))


def check_shapes():
    """Has every call checked; to be called before the modules are imported."""
    sys.meta_path.insert(0, CheckedModules(annotated_modules()))


def unchecked(function):
    """A function as users have it, whose own checks tell what is wrong with its input."""
    return inspect.unwrap(function)
