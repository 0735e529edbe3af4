"""What is built from a model's files: no larger than its weights can fill, and no failure but a sentence.

A config is a few numbers, and each of them may be absurd: a million layers, or a width of ten million. What its weights
hold is the natural bound. It is kept while the model is built, so that nothing larger is ever made.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import safetensors
import torch
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

from memometer.errors import MemometerError, ModelError

__all__ = ["bounded", "first_line", "refusing", "tensors_in"]

SPARE_NUMBERS = 2**27
"""Beyond what the weights hold: masks, positions, the classifier that a library makes and throws away."""

SPARE_TENSORS = 1_000
MAX_TENSORS = 20_000
"""Where it is not known how many the weights hold; the models of the libraries have 3,000 at most."""

TIMES = 3
"""How often a library may make what it loads: the whole for a part of it, fresh weights before the stored ones."""

NUMBER_BYTES = 4


@contextlib.contextmanager
def refusing(doing: str, *, hint: str = "") -> Iterator[None]:
    """Whatever a library raises over a model's files becomes a sentence.

    Args:
        doing: what could not be done, e.g. ``cannot build the model 'm'``.
        hint: what to do where a package or a file is missing, after a semicolon.

    Raises:
        ModelError: the code within raised anything but an error of memometer's own.
    """
    try:
        yield
    except MemometerError:
        raise
    except (ImportError, OSError) as error:
        raise ModelError(f"{doing}: {first_line(error)}{hint}") from error
    except Exception as error:
        raise ModelError(f"{doing}: {first_line(error)}") from error
    except BaseException as error:
        # Rust's panics are no Exception, so that nobody catches them by accident.
        if type(error).__name__ != "PanicException":
            raise
        raise ModelError(f"{doing}: {first_line(error)}") from None


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 300 characters of it; its kind where it has none."""
    words = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{words[:300]}{' …' if len(words) > 300 else ''}" or type(error).__name__


@contextlib.contextmanager
def bounded(*, name: str, numbers: int | None = None, tensors: int | None = None) -> Iterator[None]:
    """Stops the building of a model that is larger than its weights can fill, or than the memory.

    Args:
        name: of the model, for messages.
        numbers: that its weights hold, at most; None where there are none.
        tensors: that its weights hold; None where that is not known.

    Raises:
        ModelError: it is larger.
    """
    guard = _Guard(name=name, numbers=numbers, tensors=tensors)
    hooks = (
        register_module_parameter_registration_hook(guard.register),
        register_module_buffer_registration_hook(guard.register),
    )
    try:
        with guard:
            yield
    finally:
        for hook in hooks:
            hook.remove()


def tensors_in(*paths: Path) -> int | None:
    """How many tensors files of weights hold; None where one is of a kind that does not tell without being read."""
    count = 0
    for path in paths:
        if path.suffix != ".safetensors":
            return None
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                count += len(file.keys())
        except (OSError, safetensors.SafetensorError):
            return None  # who reads it says what is wrong
    return count


class _Guard(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives its class no types
    """Looks at every tensor that is made of nothing, before it is made, and at all that modules keep."""

    def __init__(self, *, name: str, numbers: int | None, tensors: int | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # nor this
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // NUMBER_BYTES
        self._name, self._held = name, numbers
        self._most = memory if numbers is None else min(TIMES * numbers + SPARE_NUMBERS, memory)
        self._most_tensors = MAX_TENSORS if tensors is None else TIMES * tensors + SPARE_TENSORS
        self._numbers = self._tensors = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if not _has_tensor((*args, *given.values())) and "device" in given:
            shape = func(*args, **{**given, "device": torch.device("meta"), "pin_memory": False})
            if isinstance(shape, torch.Tensor) and shape.numel() > self._most:
                self._refuse(shape.numel())
        return func(*args, **given)

    def register(self, module: torch.nn.Module, name: str, tensor: torch.Tensor | None) -> None:  # noqa: ARG002 (torch's signature)
        """Counts what a module keeps."""
        if tensor is None:
            return
        self._tensors += 1
        self._numbers += 0 if isinstance(tensor, torch.nn.UninitializedParameter) else tensor.numel()
        if self._numbers > self._most:
            self._refuse(self._numbers)
        if self._tensors > self._most_tensors:
            raise ModelError(
                f"the config of '{self._name}' asks for more than {self._most_tensors:,} tensors, more than its "
                "weights hold by far; one of its numbers of layers or parts is too large"
            )

    def _refuse(self, numbers: int) -> NoReturn:
        fits = self._held is None or self._most < self._held
        most = "fit in memory" if fits else f"its weights hold, {self._held:,}"
        raise ModelError(
            f"the config of '{self._name}' asks for {numbers:,} numbers or more, far more than {most}; one of its "
            "sizes is too large"
        )


def _has_tensor(values: Sequence[object]) -> bool:
    return any(
        isinstance(value, torch.Tensor) or (isinstance(value, list | tuple) and _has_tensor(value)) for value in values
    )
