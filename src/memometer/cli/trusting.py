"""``--trust-remote-code``: said of a command, it is meant of every model of transformers that the command names."""

from typing import Any

from memometer.errors import InputError
from memometer.options import Options, flag_of
from memometer.runs.options import spec_of, specs_of

__all__ = ["trusting", "trusting_all"]

OPTION = "trust-remote-code"


def trusting(spec: str) -> str:
    """The name of a model, with the option behind it where it is one of transformers."""
    name, mark, options = spec.partition("?")
    if not name.startswith("hf:") or OPTION in options.split("&"):
        return spec
    return f"{spec}{'&' if mark else '?'}{OPTION}"


def trusting_all(options: type[Options], given: dict[str, Any]) -> dict[str, Any]:
    """The options of a command, with `trusting` said of every model among them.

    Raises:
        InputError: none is of transformers, so that there is no code to trust.
    """
    changed = dict(given)
    for name in options.model_fields:
        written = flag_of(options, name).written
        if written is spec_of and isinstance(given.get(name), str):
            changed[name] = trusting(given[name])
        elif written is specs_of and given.get(name) is not None:
            value = given[name]
            changed[name] = trusting(value) if isinstance(value, str) else [trusting(each) for each in value]
    if changed == given and OPTION not in str(given):
        raise InputError("--trust-remote-code is about models of transformers, hf:…, and none is named; leave it away")
    return changed
