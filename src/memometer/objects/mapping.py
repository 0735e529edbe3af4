"""Mapping files: labels that are one thing, and the name that it goes by."""

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from memometer.errors import InputError, shown
from memometer.files import read_words
from memometer.objects.vocabulary import plain_name

__all__ = ["LabelMapping", "load_mapping", "names_within"]

_EXPECTED = "expected on each line a label, one tab (in a .csv a comma), and the label that it becomes"


@dataclasses.dataclass(frozen=True)
class LabelMapping:
    """What labels become.

    Attributes:
        targets: plain name → the label that it becomes, chains followed to their end; itself where it is to stay.
        written: plain name → the name as the file has it.
        n_repeated: lines that say what a line before them says.
        n_chained: names whose target the file maps on.
    """

    targets: Mapping[str, str]
    written: Mapping[str, str]
    n_repeated: int = 0
    n_chained: int = 0

    def named(self, label: str) -> str | None:
        """The plain name by which the file has a label; None where it does not.

        A label is looked up whole, then, where it is a list of synonyms, by each of them in turn.

        >>> mapping = LabelMapping({"bike": "bicycle"}, {"bike": "bike"})
        >>> mapping.named("Mountain bike, Bike"), mapping.named("truck")
        ('bike', None)
        """
        return next((name for name in names_within(label) if name in self.targets), None)


def names_within(label: str) -> list[str]:
    """The plain name of a label, and of the synonyms that it lists, as ImageNet's do.

    >>> names_within("Tench, Tinca tinca")
    ['tench, tinca tinca', 'tench', 'tinca tinca']
    """
    parts = [plain_name(part) for part in label.split(",")]
    return list(dict.fromkeys([plain_name(label), *filter(None, parts)]))


def load_mapping(path: str | Path) -> LabelMapping:
    """Reads a mapping file: per line a label, a tab, and the label that it becomes; a ``.csv`` has commas.

    Names match whatever their case and whether their words are joined by spaces or underscores. UTF-8; empty lines,
    lines that begin with ``#`` and a first line ``from``, ``to`` are skipped.

    Raises:
        InputError: the file is missing, is not UTF-8, maps nothing, a line is not as described, a label becomes two
            things, or labels become one another; names the lines.
    """
    path = Path(path)
    text = read_words(path, what="mapping")
    steps: dict[str, str] = {}
    written: dict[str, str] = {}
    lines: dict[str, int] = {}
    n_repeated = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = _cells(line, delimiter="," if path.suffix.lower() == ".csv" else "\t")
        where = f"line {number} of {path}"
        if len(cells) != 2 or not all(cells):
            raise InputError(f"{where} is {shown(line)}; {_EXPECTED}")
        if not all(cell.isprintable() for cell in cells) or cells[1].startswith("#"):
            raise InputError(f"{where} is {shown(line)}; expected printable names, of which none begins with #")
        name, target = plain_name(cells[0]), cells[1]
        if not steps and (name, plain_name(target)) == ("from", "to"):
            continue
        if name not in steps:
            steps[name], written[name], lines[name] = target, cells[0], number
        elif plain_name(steps[name]) == plain_name(target):
            n_repeated += 1
        else:
            raise InputError(
                f"{where} turns '{cells[0]}' into '{target}', and line {lines[name]} turns it into '{steps[name]}'; "
                "a label becomes one thing: take one of the lines out"
            )
    if not steps:
        raise InputError(f"{path} maps no label; {_EXPECTED}")
    return _followed(steps, written, lines, path, n_repeated)


def _cells(line: str, *, delimiter: str) -> list[str]:
    rows = list(
        csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE)
    )
    return [" ".join(cell.split()) for cell in rows[0]] if rows else []


def _followed(
    steps: dict[str, str], written: dict[str, str], lines: dict[str, int], path: Path, n_repeated: int
) -> LabelMapping:
    """Each name with the end of its chain."""
    targets: dict[str, str] = {}
    n_chained = 0
    for name in steps:
        passed = [name]
        while (following := plain_name(steps[passed[-1]])) in steps and following != passed[-1]:
            if following in passed:
                circle = [*passed[passed.index(following) :], following]
                raise InputError(
                    f"{path} turns labels into one another: {' → '.join(written[each] for each in circle)} (lines "
                    f"{', '.join(str(lines[each]) for each in circle[:-1])}); take one of the lines out"
                )
            passed.append(following)
        targets[name] = steps[passed[-1]]
        n_chained += len(passed) > 1 and plain_name(steps[passed[1]]) != passed[1]
    return LabelMapping(targets, written, n_repeated, n_chained)
