"""Checkpoints are read as data: whatever is in the file, nothing of it runs."""

import pickle
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from watching import Ran

from memometer.encoders.checkpoints import hash_tensors, read_state_dict
from memometer.errors import ModelError

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "scale": torch.tensor(1.5)}


def same(found):
    return found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3, "name": "run", "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
        {"state_dict": {f"module.{name}": tensor for name, tensor in STATE.items()}},
        {"state_dict": {f"_orig_mod.module.{name}": tensor for name, tensor in STATE.items()}},
        {f"module._orig_mod.{name}": tensor for name, tensor in STATE.items()},
    ],
    ids=["bare", "open_clip", "data-parallel", "compiled", "compiled inside"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_every_layout_of_a_torch_checkpoint_gives_the_same_tensors(tmp_path, content, zipped):
    torch.save(content, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    assert same(read_state_dict(tmp_path / "x.pt"))


def test_safetensors_are_read(tmp_path):
    safetensors.torch.save_file(STATE, tmp_path / "x.safetensors")
    assert same(read_state_dict(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle", "nested"])
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path, form, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # must not weaken an explicit choice
    touched, path = tmp_path / "touched", tmp_path / "evil.pt"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Ran(touched)))
    else:
        content = {"state_dict": {**STATE, "x": Ran(touched)}} if form == "nested" else Ran(touched)
        torch.save(content, path, _use_new_zipfile_serialization=form != "legacy")
    with pytest.raises(ModelError, match=r"holds Python objects.*, which could run code; nothing in it was run"):
        read_state_dict(path)
    assert not touched.exists()


def test_the_exploit_of_these_tests_would_work(tmp_path):
    touched = tmp_path / "touched"
    pickle.loads(pickle.dumps(Ran(touched)))  # noqa: S301 (the danger itself)
    assert touched.exists()


@pytest.mark.parametrize("keep", [0, 10, 400, -30])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, keep, suffix):
    path = tmp_path / f"x{suffix}"
    if suffix == ".pt":
        torch.save(STATE, path)
    else:
        safetensors.torch.save_file({**STATE, "long": torch.zeros(500)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=rf"x{suffix} is not a checkpoint"):
        read_state_dict(path)


def test_a_zip_of_something_else_is_an_error(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ModelError, match="is not a checkpoint"):
        read_state_dict(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [[1, 2], {}, {"a": 1}, {"state_dict": {"a": "text"}}, {3: torch.zeros(1)}])
def test_a_file_without_named_tensors_is_an_error(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ModelError, match="holds no state dict; expected names with tensors"):
        read_state_dict(tmp_path / "x.pt")


def test_a_missing_file_is_an_error():
    with pytest.raises(ModelError, match=r"no checkpoint at nowhere\.pt; expected a \.safetensors file"):
        read_state_dict(Path("nowhere.pt"))


def test_hash_depends_on_names_types_shapes_and_bytes_but_not_on_order():
    base = hash_tensors(STATE)
    assert hash_tensors(dict(reversed(STATE.items()))) == base
    different = [
        {**STATE, "scale": torch.tensor(1.25)},
        {**STATE, "scale": torch.tensor([1.5])},
        {**STATE, "scale": torch.tensor(1.5, dtype=torch.float64)},
        {"b.weight": STATE["a.weight"], "scale": STATE["scale"]},
        {**STATE, "a.weight": STATE["a.weight"].T.contiguous()},
    ]
    assert len({base, *map(hash_tensors, different)}) == 6
    assert hash_tensors({"x": torch.zeros(2, dtype=torch.bfloat16)}) != hash_tensors({"x": torch.zeros(2).half()})
