"""The kernel of GPU searches, in triton's interpreter on the CPU, against the oracle of the search."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from memometer.neighbors.fused import fused_products_run
from memometer.neighbors.plan import plan_for

HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs triton")
def test_every_pair_that_reaches_the_floor_survives_and_the_search_gives_the_oracles_bytes():
    """In a process of its own: triton compiles or interprets, as it was told when it was imported."""
    paths = os.pathsep.join([str(HELPERS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(HELPERS / "fused_cases.py")],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "all the same\n", done.stderr


def test_a_gpu_with_tensor_cores_and_a_compiler_gets_the_kernel_and_any_other_the_path_without_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for capability, compiler, name in (
        ((9, 0), True, "bfloat16 on cuda"),
        ((7, 5), True, "float32 on cuda"),
        ((9, 0), False, "float32 on cuda"),
    ):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, of=capability: of)
        monkeypatch.setattr(importlib.util, "find_spec", lambda _, has=compiler: has or None)
        fused_products_run.cache_clear()
        assert plan_for("cuda", n=9, m=9, dim=12).products.name == name
    fused_products_run.cache_clear()


def test_the_script_for_a_gpu_runs_at_tiny_size_and_names_the_hardware(tmp_path):
    pytest.importorskip("triton")
    script = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
    command = [sys.executable, script, "--tiny", "--stages", "search", "study", "--out", tmp_path / "gpu.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["hardware"] == "cpu"
    assert found["stages"]["search"]["products"] == "bfloat16 on cpu"
    assert found["stages"]["search"]["speed_over_the_product_alone"] > 0
    assert [stage["ok"] for stage in found["stages"].values()] == [True, True]
