"""``memometer export``."""

from typing import TYPE_CHECKING, Any

import typer

from memometer.cli.functions import command_of

if TYPE_CHECKING:
    from memometer.exports.export import Exported

__all__ = ["command"]


@command_of("memometer.exports:export_run", called={"run": "run"})
def command(written: "Exported", *, as_json: bool, **_: Any) -> None:
    """Write a finished run in the form of another tool: CSV, LaTeX, a model card, Croissant, keys of shards, FiftyOne.

    Example:
    memometer export runs/audit --to model-card --out card/
    memometer export runs/audit --to keys --by recall_target-recall_reference --most 100 --out dropped/
    """
    from memometer.cli.show import print_json

    if as_json:
        print_json({"form": written.form, "folder": str(written.folder), "files": list(written.files)})
    else:
        typer.echo(str(written.folder))
