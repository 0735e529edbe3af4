"""Names of classes that a source numbers or gives by synset: ``data.yaml``, ``classes.txt``, ImageNet's mapping."""

import csv
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from memometer.data.sources.json_values import parse_json
from memometer.errors import SourceError

__all__ = ["CLASSNAMES_FILES", "YOLO_FILES", "ClassNames", "find_class_names", "load_class_names"]

MAX_BYTES = 16 * 2**20

YOLO_FILES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names", "_darknet.labels")
"""Where the names of YOLO's classes lie, beside the images or above them."""

CLASSNAMES_FILES = ("classnames.txt",)
"""Where the names of WebDataset's classes lie, as CLIP_benchmark has it."""


@dataclasses.dataclass(frozen=True)
class ClassNames:
    """Names by what a source calls a class.

    Attributes:
        path: where they are from.
        names: by number, as text, or by synset.
    """

    path: str
    names: Mapping[str, str]

    def of(self, label: str) -> str:
        """The name of a class; the class itself where the file does not know it."""
        return self.names.get(label, label)


def load_class_names(path: str | Path) -> ClassNames:
    """Names from a file: YOLO's YAML, a JSON list or object, a name a line.

    Lines may have the class before its name: ``n01440764 tench, Tinca tinca``, Open Images' ``/m/01g317,Person``, below
    a line ``LabelName,DisplayName`` in its later versions.

    Raises:
        SourceError: not there, or no names in it.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"{path} has {path.stat().st_size:,} bytes, which no list of class names has")
        text = path.read_text("utf-8-sig")
        if path.suffix.lower() in {".yaml", ".yml"}:
            content = yaml.safe_load(text)
            names = _from_object(content.get("names") if isinstance(content, dict) else content)
        elif path.suffix.lower() == ".json":
            names = _from_object(parse_json(text))
        else:
            names = _from_lines(text.splitlines())
    except OSError as error:
        raise SourceError(f"the class names at {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError, yaml.YAMLError, csv.Error) as error:
        raise SourceError(f"{path} holds no class names: {' '.join(str(error).split())}") from None
    if not names:
        raise SourceError(
            f"{path} holds no class names; expected a name a line, YOLO's data.yaml with 'names', a JSON list or "
            "object, or ImageNet's LOC_synset_mapping.txt"
        )
    return ClassNames(str(path), names)


def find_class_names(folders: Iterable[Path], files: Sequence[str]) -> ClassNames | None:
    """The names in the first of the ``files`` that one of the ``folders`` holds; None where none holds any."""
    for folder in folders:
        for name in files:
            if (folder / name).is_file():
                try:
                    return load_class_names(folder / name)
                except SourceError:  # a file of that name about something else
                    continue
    return None


def _from_object(content: object) -> dict[str, str]:
    """Of a list of names, or an object of number or synset → name; ImageNet's has number → [synset, name]."""
    if isinstance(content, list):
        content = dict(enumerate(content))
    if not isinstance(content, dict):
        return {}
    names = {}
    for key, value in content.items():
        if isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value):
            names[value[0]] = value[1]
        name = value[-1] if isinstance(value, list) and value else value
        if isinstance(name, str) and name.strip():
            names[str(key)] = name.strip()
    return names


def _from_lines(lines: Sequence[str]) -> dict[str, str]:
    filled = [line.strip() for line in lines if line.strip()]
    if filled and filled[0].lower() == "labelname,displayname":
        filled = filled[1:]
    for pattern in (r"(n\d{8})[\s,:]+(.+)", r"(\d+)[\s,:]+(.+)", r"(/[a-z]+/[\w-]+)[\s,:]+(.+)"):
        found = [re.fullmatch(pattern, line) for line in filled]
        if filled and all(found) and len({match[1] for match in found if match}) == len(filled):
            return {match[1]: next(csv.reader([match[2]]))[0].strip() for match in found if match}
    return {str(number): line.strip() for number, line in enumerate(lines) if line.strip()}
