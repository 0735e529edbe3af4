"""``memometer models``: what can be named as a model, and what one of them is."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from memometer.cli.show import print_json

__all__ = ["command"]


def command(
    spec: Annotated[
        str | None, typer.Argument(help="A model to describe, e.g. hf:openai/clip-vit-base-patch32. Default: list all.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that a model of transformers brings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What can be named as a model, what is installed, and what one model is.

    Without SPEC nothing is loaded: families with examples, and what installed packages offer. With one, its licence,
    architecture, towers, preprocessing and files.
    """
    if spec is None:
        from memometer.encoders.known import list_models

        told: Mapping[str, Any] = list_models()
    else:
        from memometer.cli.trusting import trusting
        from memometer.embeddings import load_encoder
        from memometer.encoders.describing import describe_encoder

        named = trusting(spec) if trust_remote_code else spec
        told = describe_encoder(load_encoder(named, device=device), named)
    if as_json:
        print_json(told)
    elif spec is None:
        _print_list(told)
    else:
        _print_one(told)


def _print_list(told: Mapping[str, Any]) -> None:
    for name, scheme in told["models"].items():
        needs = "" if scheme["installed"] else f" (not installed: {_install(scheme)})"
        typer.echo(f"{name}: {scheme['loads']}{needs}")
        typer.echo(f"    towers: {scheme['towers']}")
        for example in scheme["examples"]:
            typer.echo(f"    {example}")
    for group in ("encoders", "annotators"):
        for name, point in told[group].items():
            typer.echo(
                f"{name}: offered by {point['package'] or 'an installed package'} ({group}: {point['function']})"
            )
    typer.echo("one of them: memometer models SPEC")


def _install(scheme: Mapping[str, Any]) -> str:
    return f"pip install 'memometer[{scheme['extra']}]'" if scheme["extra"] else f"pip install {scheme['needs']}"


def _print_one(told: Mapping[str, Any]) -> None:
    typer.echo(told["spec"])
    typer.echo(f"licence: {told['license'] or 'not stated in its files'}")
    size = "" if told["parameters"] is None else f", {told['parameters']:,} parameters"
    typer.echo(f"architecture: {told['architecture']}{size}")
    for tower, width in told["towers"].items():
        typer.echo(f"{tower} tower: {'its files tell' if width is None else f'{width:,} numbers'}")
    for name, value in (told["preprocess"] or {}).items():
        typer.echo(f"preprocessing, {name}: {value}")
    if told["code"]:
        typer.echo(f"code that ran: {told['code']}")
    for path in told["files"]:
        typer.echo(f"files: {path}")
    for text in told["warnings"]:
        typer.echo(f"warning: {text}")
