"""``memometer models``: what can be named as a model or an annotator, and what one of them is."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from memometer.cli.show import print_json

__all__ = ["command"]


def command(
    spec: Annotated[
        str | None,
        typer.Argument(
            help="What to describe: a model, e.g. hf:openai/clip-vit-base-patch32, an annotator, e.g. owlv2:FOLDER, or "
            "one word of the list, e.g. owlv2. Default: list all."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that a model of transformers brings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What can be named as a model or an annotator, what is installed, and what one of them is.

    Without SPEC, or with one word of the list, nothing is loaded: families with examples, and what installed packages
    offer. With a model or an annotator its licence, architecture, towers or labels, preprocessing and files.
    """
    told = _list()
    if spec is None:
        shown: Mapping[str, Any] = told
        lines = [*_listed(told), "one of them: memometer models SPEC"]
    elif ":" not in spec and any(spec in told[table] for table in TABLES):
        shown = {table: {spec: told[table][spec]} for table in TABLES if spec in told[table]}
        lines = list(_listed(shown))
    else:
        shown = _described(spec, told, device=device, trusted=trust_remote_code)
        lines = list(_one(shown))
    if as_json:
        print_json(shown)
    else:
        typer.echo("\n".join(lines))


TABLES = {
    "models": "models (--target, --reference)",
    "annotators": "annotators (memometer annotate --with)",
    "labels": "labels that are there (memometer annotate --with)",
}
"""Lists of words before the colon → what they are."""


def _list() -> dict[str, dict[str, Any]]:
    from memometer.annotators.known import ANNOTATORS, LABELS
    from memometer.encoders import offered
    from memometer.encoders.known import SCHEMES, list_named, list_offered

    return {
        "models": list_named(SCHEMES),
        "annotators": list_named(ANNOTATORS),
        "labels": list_named(LABELS),
        "offered": {"encoders": list_offered(offered.ENCODERS), "annotators": list_offered(offered.ANNOTATORS)},
    }


def _described(spec: str, told: Mapping[str, Any], *, device: str, trusted: bool) -> dict[str, Any]:
    scheme = spec.partition(":")[0]
    own = scheme in told["models"] or scheme in told["offered"]["encoders"]
    if not own and (scheme in told["annotators"] or scheme in told["offered"]["annotators"]):
        from memometer.annotators.describing import describe_annotator

        return describe_annotator(spec, device=device)
    from memometer.cli.trusting import trusting
    from memometer.embeddings import load_encoder
    from memometer.encoders.describing import describe_encoder

    named = trusting(spec) if trusted else spec
    return describe_encoder(load_encoder(named, device=device), named)


def _listed(told: Mapping[str, Any]) -> Iterator[str]:
    for table, title in TABLES.items():
        if table in told:
            yield f"{title}:"
            for name, each in told[table].items():
                needs = "" if each["installed"] else f" (not installed: {_install(each)})"
                yield f"  {name}: {each['loads']}{needs}"
                if "towers" in each:
                    yield f"      towers: {each['towers']}"
                if "vocabulary" in each:
                    yield f"      vocabulary: {each['vocabulary']}; {'boxes' if each['boxes'] else 'no boxes'}"
                yield from (f"      {example}" for example in each["examples"])
    for group, points in told.get("offered", {}).items():
        for name, point in points.items():
            yield f"{name}: offered by {point['package'] or 'an installed package'} ({group}: {point['function']})"


def _install(scheme: Mapping[str, Any]) -> str:
    return f"pip install 'memometer[{scheme['extra']}]'" if scheme["extra"] else f"pip install {scheme['needs']}"


def _one(told: Mapping[str, Any]) -> Iterator[str]:
    yield told["spec"]
    yield f"licence: {told['license'] or 'not stated in its files'}"
    size = "" if told["parameters"] is None else f", {told['parameters']:,} parameters"
    yield f"architecture: {told['architecture']}{size}"
    for tower, width in told.get("towers", {}).items():
        yield f"{tower} tower: {'its files tell' if width is None else f'{width:,} numbers'}"
    if "labels" in told:
        first = ", ".join(told["first_labels"])
        yield "labels: any vocabulary" if told["labels"] is None else f"labels: {told['labels']:,}, e.g. {first}"
    for name, value in (told["preprocess"] or {}).items():
        yield f"preprocessing, {name}: {value}"
    if told["code"]:
        yield f"code that ran: {told['code']}"
    yield from (f"files: {path}" for path in told["files"])
    yield from (f"warning: {text}" for text in told["warnings"])
