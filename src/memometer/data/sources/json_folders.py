"""JSON files of a folder that list its images, and what is wrong with one that does not."""

import dataclasses
from pathlib import Path

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.lists import open_list
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.other_tools import of_other_tool
from memometer.errors import SourceError

__all__ = ["at_top", "json_lists", "why_not"]

MAX_LISTS = 32
"""A folder with more JSON files holds texts of single images."""


def at_top(folder: Path, *suffixes: str) -> list[str]:
    """The files of a folder itself with one of the suffixes, by name."""
    return sorted(str(entry) for entry in folder.iterdir() if entry.suffix.lower() in suffixes and entry.is_file())


def json_lists(folder: Path, options: ReaderOptions) -> list[str]:
    """JSON files of a folder, or of ``annotations`` in it, that hold lists of images; those with captions, if any."""
    for place in (folder, folder / "annotations"):
        jsons = at_top(place, ".json") if place.is_dir() else []
        if len(jsons) > MAX_LISTS:
            continue  # texts of single images
        pictured = {entry.stem for entry in place.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES} if jsons else ()
        jsons = [path for path in jsons if Path(path).stem not in pictured]
        found = {path: told for path in jsons if (told := _told(path, options)) is not None}
        if kept := [path for path, told in found.items() if told == min(found.values())]:
            return kept
    return []


def _told(path: str, options: ReaderOptions) -> int | None:
    """What a JSON list of images says of them: 0 for captions, 1 for labels where captions are optional, else None."""
    if of_other_tool(Path(path)):
        return None
    try:
        rows = open_list([path], dataclasses.replace(options, captions="optional")).rows
    except SourceError:
        return None
    if rows.fields.captions:
        return 0
    labelled = rows.fields.label or rows.fields.objects or rows.corners
    return 1 if labelled and not options.captions_required else None


def why_not(folder: Path) -> str:
    """What is wrong with the first JSON file of a folder, for the end of a message."""
    for path in at_top(folder, ".json")[:1]:
        if told := of_other_tool(Path(path)):
            return f"; {path} is {told}"
        try:
            open_list([path], ReaderOptions(captions="optional"))
        except SourceError as error:
            return f"; {error}"
    return ""
