"""The page of what is read has every kind that the code knows, each with a test that is there."""

import re
from pathlib import Path

import pytest

from memometer.annotators.label_files.labelling import KINDS as READERS
from memometer.annotators.loading import KINDS, LABEL_FILES
from memometer.data.sources import FORMATS
from memometer.data.sources.recognise import DATA_SETS
from memometer.embeddings.loading import LOADERS
from memometer.encoders.hf_families import FAMILIES
from memometer.storage.addresses import EXTRAS

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "proofs.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(\w+/test_\w+\.py)::(test_\w+)(?:\[([^]]+)\])?`")
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def sections():
    """Heading of a table, and the kinds in its first column, in the order of the page."""
    tables = re.split(r"^\| [^|]+ \|[^\n]*\n\|---[^\n]*\n", PAGE, flags=re.MULTILINE)[1:]
    return [ROW.findall(table.partition("\n\n")[0]) for table in tables]


def test_every_kind_is_in_its_table():
    models, families, annotators, labels, sources = map(set, sections())
    assert models == {*LOADERS, "embeddings"}
    assert families == set(FAMILIES)
    assert annotators == set(KINDS)
    assert labels == set(LABEL_FILES)
    assert labels - {"captions", "folders", "table"} <= set(READERS)
    assert sources == {*FORMATS, *DATA_SETS, *EXTRAS}


def test_no_kind_stands_twice():
    for kinds in sections():
        assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize(("file", "test", "case"), sorted(set(NAMED.findall(PAGE))))
def test_every_test_is_there(file, test, case):
    source = (TESTS / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {test}\(", source, re.MULTILINE)
    if case:
        helpers = "".join(path.read_text(encoding="utf-8") for path in sorted((TESTS / "helpers").glob("hf_*.py")))
        assert f'"{case}":' in source + helpers or f"def {case}(" in source


def test_every_row_has_a_test():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `") and not line.startswith("| `model_type`")]
    assert rows
    assert all(NAMED.search(line) for line in rows)


def test_the_pages_of_each_are_linked_both_ways():
    for name in ("models", "annotate", "data"):
        assert f"]({name}.md)" in PAGE
        assert "](proofs.md" in (TESTS.parent / "docs" / f"{name}.md").read_text(encoding="utf-8")
