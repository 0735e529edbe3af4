"""Tables of a page: DataTables (MIT), as the package itables ships it, over rows that are written beside the page.

A browser lets no page that was opened from disk read a file, but for scripts: the rows are scripts that hand over JSON.
Every cell is text: nothing of a run is read as HTML.
"""

import base64
import functools
import json
from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memometer.files import write_text

if TYPE_CHECKING:
    import jinja2

__all__ = ["Column", "page_with_table", "write_assets", "write_rows"]

ROWS_PER_FILE = 10_000


class Column(NamedTuple):
    """One column.

    Attributes:
        title: its heading.
        kind: ``text``; ``texts``, several; ``number``; ``link``, a pair of a text and a path within the view; or
            ``picture``, a JPEG in base64.
    """

    title: str
    kind: str = "text"


def write_assets(folder: Path) -> None:
    """What all pages share: the component, its style and ours."""
    assets = folder / "assets"
    assets.mkdir(exist_ok=True)
    shipped = resources.files("itables").joinpath("html")
    component = base64.b64encode(shipped.joinpath("dt_bundle.js").read_bytes()).decode()
    write_text(assets / "component.js", f'window.memometerComponent = "{component}";\n')
    write_text(assets / "component.css", shipped.joinpath("dt_bundle.css").read_text("utf-8"))
    own = resources.files("memometer.view").joinpath("templates")
    for name in ("view.js", "view.css"):
        write_text(assets / name, own.joinpath(name).read_text("utf-8"))


def write_rows(rows: Iterable[Sequence[Any]], folder: Path) -> list[str]:
    """Writes the rows in files of `ROWS_PER_FILE`; gives their names."""
    rows = iter(rows)
    names: list[str] = []
    while part := list(islice(rows, ROWS_PER_FILE)):
        name = f"rows-{len(names):04d}.js"
        # A script ends at </script> whatever it stands in, and old scripts end lines at U+2028.
        text = json.dumps(part, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        write_text(folder / name, f"memometerRows({text});\n")
        names.append(name)
    return names


def page_with_table(
    path: Path,
    *,
    title: str,
    lead: str,
    columns: Sequence[Column],
    files: Sequence[str],
    up: str,
    order: int,
    **more: Any,
) -> Path:
    """Writes a page.

    Args:
        path: of the page.
        title: its heading.
        lead: what stands below it.
        columns: of the table.
        files: the names of its rows' files, beside the page.
        up: from the page to the view's folder, e.g. ``../../``.
        order: the column that is sorted by at first, from the highest; −1 leaves the rows as they are.
        more: what else the template shows.
    """
    text = _templates().get_template("page.html.jinja")
    settings = {"columns": [column._asdict() for column in columns], "order": order}
    # In an attribute, escaped by the template; a script in the page would not be.
    write_text(path, text.render(title=title, lead=lead, settings=json.dumps(settings), files=files, up=up, **more))
    return path


@functools.cache
def _templates() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("memometer.view"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
