"""Code of a user's own, and installed packages that offer some."""

import contextlib
import importlib
import sys

from memometer.encoders.offered import offered


def own_module(folder, monkeypatch, name, text):
    """A module in the folder that commands run in."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, name, raising=False)
    (folder / f"{name}.py").write_text(text)


@contextlib.contextmanager
def own_package(folder, monkeypatch, entry_points):
    """Within it a package ``their-models`` is installed whose modules lie in ``folder``."""
    info = folder / "their_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    monkeypatch.syspath_prepend(str(folder))
    offered.cache_clear()
    importlib.invalidate_caches()
    yield "their-models"
    offered.cache_clear()
