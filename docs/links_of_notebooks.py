"""A hook of mkdocs: links of notebooks to sources of other pages lead to those pages, as links of Markdown do."""

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

LINK = re.compile(r'href="([^":#]+\.(?:md|py))(#[^"]*)?"')


def on_page_content(html: str, *, page: "Page", files: "Files", **_: object) -> str:
    """The page with its links mended."""
    folder = posixpath.dirname(page.file.src_uri)
    if folder != "notebooks":
        return html

    def mended(found: re.Match[str]) -> str:
        target = files.get_file_from_path(posixpath.normpath(posixpath.join(folder, found[1])))
        return found[0] if target is None else f'href="{target.url_relative_to(page.file)}{found[2] or ""}"'

    return LINK.sub(mended, html)
