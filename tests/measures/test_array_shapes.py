"""Shapes in signatures are checked while tests run, and cost users nothing."""

import importlib
import inspect
import subprocess
import sys
import typing

import numpy as np
import pytest
from array_shapes import SOURCE, annotated_modules
from jaxtyping import TypeCheckError

from memometer.measures.clipmem.scores import HeldOut, clipmem
from memometer.measures.unitmem.scores import UnitSums
from memometer.statistics import ConfidentHits, roc_area


@pytest.mark.parametrize(
    "call",
    [
        lambda: roc_area(np.zeros(3), np.zeros(4, bool)),
        lambda: roc_area(np.zeros(3), np.zeros(3)),
        lambda: roc_area(np.zeros((3, 1)), np.zeros(3, bool)),
        lambda: clipmem(targets=np.zeros((1, 2)), references=np.zeros((1, 3))),
        lambda: HeldOut(np.zeros(3), np.zeros(4), 1),
        lambda: UnitSums.of(np.ones((2, 3)), np.arange(4)),
        lambda: ConfidentHits(*[np.zeros(3)] * 4, np.arange(4)),
    ],
)
def test_arrays_of_a_wrong_shape_or_type_are_refused(call):
    with pytest.raises(TypeCheckError):
        call()


@pytest.mark.parametrize("name", annotated_modules())
def test_every_annotation_of_a_public_function_is_one_that_can_be_checked(name):
    """One with a name that nobody knows would be passed over in silence."""
    module = importlib.import_module(name)
    for each in map(vars(module).get, module.__all__):
        if inspect.isroutine(each):
            assert hasattr(each, "__wrapped__")
        for part in (each, *(vars(each).values() if isinstance(each, type) else ())):
            if inspect.isfunction(part) or isinstance(part, type):
                typing.get_type_hints(part)


def test_no_module_with_shapes_is_passed_over():
    rooms = [SOURCE / "memometer" / room for room in ("measures", "statistics")]
    named = [path for room in rooms for path in room.rglob("*.py") if "jaxtyping" in path.read_text()]
    assert len(annotated_modules()) == len(named) >= 15


def test_jaxtyping_is_no_part_of_what_users_run():
    code = f"import sys, {', '.join(annotated_modules())}\nassert not {{'jaxtyping', 'beartype'}} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
