"""Kernels where nothing can be written (another user, no home, a read-only installation), and damaged ones."""

import ast
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import memometer
from memometer.compiling import compiled

SOURCE = Path(memometer.__file__).parent
NOBODY = 54_321

EVERY_KERNEL = """
import importlib, os, sys, types
import numpy as np
import memometer
import pathlib
print(pathlib.Path.home())  # which altair asks for when it is imported
for module in sys.argv[1:]:  # without the packages' own imports, which load torch
    parts = module.split(".")
    for n in range(2, len(parts)):
        package = sys.modules.setdefault(".".join(parts[:n]), types.ModuleType("package"))
        package.__path__ = [os.path.join(os.path.dirname(memometer.__file__), *parts[1:n])]
for module in sys.argv[1:]:
    print(importlib.import_module(module).__file__)
from memometer.data import hamming
try:
    open(hamming.__file__, "a")
except PermissionError:
    print("read-only")
print(hamming._distance(np.uint64(5), np.uint64(6)), "done")
"""


def with_kernels() -> list[Path]:
    return [
        path
        for path in sorted(SOURCE.rglob("*.py"))
        if "@compiled(" in path.read_text() and path.name != "compiling.py"
    ]


def installed(folder: Path) -> Path:
    """A copy of the package that nobody else may write to, without the kernels of this machine."""
    shutil.copytree(SOURCE, folder / "site-packages" / "memometer", ignore=shutil.ignore_patterns("__pycache__"))
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder / "site-packages"


def run_as_another(code: str, packages: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As a user whom the system does not know and who may only read; who is not root runs it with their own rights."""
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX"}
    }
    another = []
    if os.getuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root writes everywhere, and there is no setpriv to step down with")
        rights = "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"
        another = [
            setpriv,
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            *rights,
            "--bounding-set=-all,+dac_read_search",
        ]
    return subprocess.run(
        [*another, sys.executable, "-c", code, *arguments],
        env={**inherited, "PYTHONPATH": str(packages)} | ({} if another else {"XDG_CACHE_HOME": "/dev/null"}),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def open_folder():
    """A folder that others can reach: pytest's own are closed to them."""
    import tempfile

    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def test_every_kernel_runs_from_a_read_only_installation_without_a_home(open_folder):
    packages = installed(open_folder)
    modules = [".".join(("memometer", *path.relative_to(SOURCE).with_suffix("").parts)) for path in with_kernels()]
    assert len(modules) > 8
    done = run_as_another(EVERY_KERNEL, packages, *modules, cwd=open_folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(packages)) == len(modules)
    assert done.stdout.endswith("read-only\n2 done\n")
    assert not list(open_folder.rglob("*.nbi"))
    assert not (open_folder / "~").exists()


def test_no_kernel_goes_round_the_one_decorator():
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {"njit", "jit", "vectorize", "guvectorize"}:
                if ast.unparse(node) == "triton.jit":  # another compiler, with a cache of its own
                    continue
                assert path.name == "compiling.py", f"{path}:{node.lineno} compiles by numba itself; use compiled()"


KERNEL = """
from memometer.compiling import compiled

@compiled()
def grown(number):
    return number + 1
"""


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_damaged_kernel_is_compiled_again(tmp_path, suffix):
    path = tmp_path / "kernel.py"
    path.write_text(KERNEL)

    def is_kept() -> bool:
        grown = runpy.run_path(str(path))["grown"]
        assert grown(41) == 42
        return bool(grown.stats.cache_hits)

    assert [is_kept(), is_kept()] == [False, True]
    kept = next((tmp_path / "__pycache__").glob(f"*{suffix}"))
    whole = kept.read_bytes()
    flipped = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in (20, -40, -1)]
    for damaged in (*flipped, whole[: len(whole) // 2], b""):
        kept.write_bytes(damaged)
        assert [is_kept(), is_kept()] == [False, True]


def test_a_full_disk_costs_a_compilation_and_no_more(monkeypatch, tmp_path):
    from numba.core import caching

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert compiled()(lambda number: number + 1)(41) == 42
