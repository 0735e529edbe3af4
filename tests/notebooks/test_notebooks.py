"""The notebooks run as they are, show what they speak of, and say what is so."""

import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"


def executed(name, folder, monkeypatch, **changes):
    """A notebook after its run, with its files in ``folder``; a change is a variable's new value, on its only line."""
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    source = (NOTEBOOKS / f"{name}.py").read_text(encoding="utf-8")
    for variable, value in changes.items():
        source, n = re.subn(rf"^{variable} = .*$", f"{variable} = {value!r}", source, flags=re.MULTILINE)
        assert n == 1, variable
    path = folder / f"{name}.ipynb"
    jupytext.write(jupytext.reads(source, fmt="py:percent"), path)
    command = [Path(sys.executable).with_name("jupyter-execute"), "--inplace", "--kernel_name=python3", path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return Shown(jupytext.read(path))


class Shown:
    """What a notebook shows."""

    def __init__(self, notebook):
        self.outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]

    @property
    def text(self):
        """Printed, or the value of a cell."""
        texts = [out.get("text") or out.get("data", {}).get("text/plain", "") for out in self.outputs]
        return "\n".join(text for out, text in zip(self.outputs, texts, strict=True) if out.get("name") != "stderr")

    def of(self, mime):
        """What it shows of a kind."""
        return [out["data"][mime] for out in self.outputs if mime in out.get("data", {})]


@pytest.mark.slow
def test_a_released_clip(tmp_path, monkeypatch):
    shown = executed("released-clip", tmp_path, monkeypatch)
    assert re.search(r"It memorized: \d+% more of its training records", shown.text)
    assert len(shown.of("image/svg+xml")) == 1
    assert any("Memorization found" in html for html in shown.of("text/html"))
    assert (tmp_path / "memometer-released-clip" / "run" / "report.html").is_file()


@pytest.mark.slow
def test_a_released_clip_of_transformers(tmp_path, monkeypatch):
    """The one line that a user changes; this model is untrained, so nothing is to be found."""
    from hf_factory import hf_folder

    shown = executed("released-clip", tmp_path, monkeypatch, MODEL=f"hf:{hf_folder(tmp_path / 'clip', 'CLIP')}")
    assert "Nothing is shown. If there is something, it is below" in shown.text
    assert not (tmp_path / "memometer-released-clip" / "stand-in").exists()


@pytest.mark.slow
def test_your_training(tmp_path, monkeypatch):
    shown = executed("your-training", tmp_path, monkeypatch)
    numbers = {
        name.strip(): tuple(map(float, values))
        for name, *values in re.findall(
            r"^(.+?) +([+-]\d\.\d+), 95 % interval ([+-]\d\.\d+) to ([+-]\d\.\d+)", shown.text, re.MULTILINE
        )
    }
    assert set(numbers) >= {"balanced", "control, balanced", "one way, a's records"}
    assert numbers["balanced"][1] > 0
    assert numbers["balanced"][0] > numbers["control, balanced"][0]
    assert len(shown.of("image/svg+xml")) == 4


@pytest.mark.slow
def test_wrong_captions(tmp_path, monkeypatch):
    shown = executed("wrong-captions", tmp_path, monkeypatch)
    (area,) = re.findall(r"clipmem +(0\.\d+) +(0\.\d+) +(0\.\d+)", shown.text)
    assert float(area[1]) > 0.5  # better than chance, by its interval
    assert len(shown.of("image/svg+xml")) == 1


def test_every_notebook_is_tested_and_in_the_docs():
    names = {path.stem for path in NOTEBOOKS.glob("*.py")}
    tested = set(re.findall(r'executed\("([\w-]+)"', Path(__file__).read_text()))
    assert names == tested
    for page in ("docs/index.md", "mkdocs.yml", "README.md"):
        text = (NOTEBOOKS.parents[1] / page).read_text()
        assert all(f"notebooks/{name}.py" in text for name in names), page


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_links_of_notebooks_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        assert (path.parent / link).exists(), link
