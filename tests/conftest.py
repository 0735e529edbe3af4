"""Fixtures that several files of tests share; what they need is imported by the tests that ask for them."""

import pytest
from array_shapes import check_shapes
from hub_cache import hub_cache  # noqa: F401 (a fixture)
from hub_server import hub  # noqa: F401 (a fixture)
from memory_store import memory  # noqa: F401 (a fixture)
from object_store import s3_server, store  # noqa: F401 (fixtures)

# Doctests are collected of every module, and of these there are several of one name.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

check_shapes()
pytest.register_assert_rewrite("import_sources")


@pytest.fixture(scope="module")
def resnet():
    """One of timm's test models."""
    from vision_models import timm_model

    return timm_model("test_resnet")


@pytest.fixture(scope="module")
def checkpoint(resnet, tmp_path_factory):
    """A file of its weights."""
    from vision_models import saved

    return saved(resnet.state_dict(), tmp_path_factory.mktemp("timm") / "resnet.pt")


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Measure → a small run, of all that have a report."""
    from known_runs import known_runs

    return known_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def one_thread(monkeypatch):
    """One thread, here and in subprocesses, so that both compute the same bytes."""
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def pictures(tmp_path):
    """A folder with five pictures, 0.png to 4.png."""
    from import_sources import write_pictures

    write_pictures(tmp_path, [f"{n}.png" for n in range(5)])
    return tmp_path
