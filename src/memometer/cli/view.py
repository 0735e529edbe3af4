"""``memometer view``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memometer.cli.functions import command_of
from memometer.cli.options import parameter
from memometer.cli.show import print_json

if TYPE_CHECKING:
    from memometer.view.view import View

__all__ = ["command"]

RUNS = Annotated[list[Path], typer.Argument(help="Folders of runs, or folders that hold such.")]


@command_of("memometer.view:view_runs", called={"runs": "runs"}, own=[parameter("runs", RUNS)])
def command(view: "View", *, as_json: bool, **_: Any) -> None:
    """Index runs in one page that opens from disk, with all records of each audit in a table.

    Example:
    memometer view runs/ --out view
    """
    if as_json:
        print_json({"page": str(view.page), "runs": view.n_runs, "unread": [list(each) for each in view.unread]})
    else:
        typer.echo(str(view.page))
