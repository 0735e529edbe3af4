"""The table in docs/architecture.md says which folder may import which; the syntax trees must agree."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "memometer"
TABLE = (ROOT / "docs" / "architecture.md").read_text().splitlines()
SHARED = set(
    re.findall(r"`(\w+)(?:\.py|/)`", next(line.split("|")[1] for line in TABLE if line.startswith("| `errors.py`")))
)
"""Modules, and a folder, that everything may import, as the table's first row names them."""


def allowed_imports() -> dict[str, set[str]]:
    """folder → folders it may import, as the table says."""
    table: dict[str, set[str]] = {}
    for line in TABLE:
        row = re.match(r"\| `(\w+)/` \| .* \| (.*) \|$", line)
        if row:
            above = set(table)
            words = {word.strip() for word in row[2].split(",")}
            table[row[1]] = above if words & {"all above", "all"} else words - {"–"}
    return table


class RunTime(ast.NodeTransformer):
    """Drops what only a type checker reads."""

    def visit_If(self, node):
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else self.generic_visit(node)


def imported_folders(path: Path) -> set[str]:
    """Folders of memometer that a file imports at run time, anywhere in it."""
    return {name.split(".")[1] for name in imported_modules(path) if name.startswith("memometer.")}


def imported_modules(path: Path) -> set[str]:
    """Modules that a file imports at run time, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(RunTime().visit(ast.parse(path.read_text()))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("folder", sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()))
def test_imports_follow_the_table(folder):
    table = allowed_imports()
    assert folder in table, f"{folder}/ is missing from the table in docs/architecture.md"
    for path in sorted((SOURCE / folder).rglob("*.py")):
        forbidden = imported_folders(path) - SHARED - {folder} - table[folder]
        assert not forbidden, f"{path.relative_to(ROOT)} imports {forbidden}; {folder}/ may import {table[folder]}"


ROOMS = sorted(path for path in (SOURCE / "measures").iterdir() if path.is_dir() and (path / "audit.py").exists())


def test_a_measure_imports_nothing_of_another():
    assert len(ROOMS) == 5
    for room in ROOMS:
        for path in sorted(room.rglob("*.py")):
            others = {name.split(".")[2] for name in imported_modules(path) if name.startswith("memometer.measures.")}
            assert others <= {room.name}, f"{path.relative_to(ROOT)} imports of {others - {room.name}}"


def test_scores_and_kernels_are_pure():
    for room in ROOMS:
        for path in sorted(path for path in room.glob("*.py") if path.stem == "scores" or "kernels" in path.stem):
            found = imported_folders(path) - SHARED - {"measures"}
            assert found <= {"objects"}, f"{path.relative_to(ROOT)} imports {found}"


def test_charts_alone_draw():
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE)
        if "altair" in {name.split(".")[0] for name in imported_modules(path)}:
            assert place.parts[0] == "report" or "charts" in {path.stem, path.parent.name}, f"{place} draws"


LISTED = "from memometer.cli.main import assemble; get_command(assemble"


@pytest.mark.parametrize(
    ("code", "unloaded"),
    [
        ("import memometer", {"torch", "numba", "pyarrow", "altair"}),
        ("import memometer.cli.main", {"torch", "numba", "altair"}),
        *(
            (f"from typer.main import get_command; {LISTED}({words}))", {"pydantic", "numpy", "pyarrow"})
            for words in (
                ["--help"],
                ["data", "--help"],
                ["audit", "--help"],
                *(["data", name, "--help"] for name in ("import", "split", "verify", "scenes")),
                *([name, "--help"] for name in ("compare", "sweep", "export", "view")),
            )
        ),
    ],
)
def test_what_starts_loads_no_more_than_it_needs(code, unloaded):
    code = f"import sys; {code}; sys.exit(bool({unloaded} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_lists_of_commands_say_what_their_options_say():
    from memometer.catalogue import MEASURES, options_of
    from memometer.cli import annotate, main, train, train_ssl, utility

    for name, command in (("annotate", annotate), ("train", train), ("train-ssl", train_ssl), ("utility", utility)):
        assert command.command.__doc__.splitlines()[0] == main.FIRST_LINES[name]
    for name, row in MEASURES.items():
        assert options_of(name).__doc__.splitlines()[0] == row.question


def test_public_names_are_sorted_and_exist():
    import memometer

    assert memometer.__all__ == sorted(memometer.__all__)
    for name in memometer.__all__:
        assert getattr(memometer, name) is not None
