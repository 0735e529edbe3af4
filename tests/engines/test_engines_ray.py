"""The engine of Ray on a cluster of three nodes, of which one is killed: the same bytes as one process."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from engine_audits import audited, left_behind, small_pieces, world
from file_digests import file_digests
from piece_works import Deadly, Failing, Squares, begun, made_by

from memometer.engines import Here, ray_engine
from memometer.engines.ray_engine import Ray
from memometer.errors import InputError, JobError

ray = pytest.importorskip("ray", reason="ray is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, of its sockets and files


@pytest.fixture(scope="module")
def cluster():
    """A head, where the driver is, and two nodes beside it; it takes some 20 s to start."""
    from ray.cluster_utils import Cluster

    path = os.environ.get("PYTHONPATH")
    helpers = Path(__file__).parents[1] / "helpers"
    source = Path(__file__).parents[2] / "src"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(helpers), str(source), *([path] if path else [])])
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    small = {"object_store_memory": 80 << 20, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **small})
    ray.init(address=started.address, log_to_driver=False, logging_level="error")
    yield started
    ray.shutdown()
    started.shutdown()
    os.environ.pop("PYTHONPATH")
    if path:
        os.environ["PYTHONPATH"] = path


@pytest.fixture
def nodes(cluster):
    """Two nodes beside the head."""
    while len(cluster.worker_nodes) < 2:
        cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    cluster.wait_for_nodes()
    return sorted(cluster.worker_nodes, key=lambda node: node.unique_id)


def killed_when(cluster, node, ready):
    """A thread that kills a node once ``ready()`` holds; the time at which it did is in the list."""
    killed = []

    def watch():
        while not ready():
            time.sleep(0.02)
        cluster.remove_node(node, allow_graceful=False)
        killed.append(time.monotonic())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread, killed


def test_pieces_are_the_same_bytes_though_a_node_dies(tmp_path, cluster, nodes, capsys):
    made_by(Here(), tmp_path / "whole", Squares(tmp_path / "marks of whole"))
    marks = tmp_path / "marks"
    # Once one process per node has begun a piece.
    ready = lambda: marks.exists() and len({each for some in begun(marks).values() for each in some}) == 3  # noqa: E731
    thread, killed = killed_when(cluster, nodes[0], ready)
    made_by(Ray(3), tmp_path / "out", Squares(marks, pause=1.0))
    thread.join(20)
    assert killed
    assert file_digests(tmp_path / "out") == file_digests(tmp_path / "whole")
    assert "a worker of the Ray cluster failed" in capsys.readouterr().err


def test_errors_are_raised_here_and_deadly_pieces_are_named(tmp_path, nodes):
    with pytest.raises(InputError, match="row 21 cannot be squared"):
        made_by(Ray(2), tmp_path / "out", Failing(tmp_path / "marks"))
    with pytest.raises(JobError, match="3 processes died at piece 3 of"):
        made_by(Ray(2), tmp_path / "out", Deadly(tmp_path / "other", times=99))


STAGES = ("embedding", "searching", "scoring")
"""What an audit does in turn, by the names of its folders."""


def pieces_of(stage, store):
    """The files of a stage's pieces: folders of vectors have bare hashes as names."""
    prefixes = {"searching": "neighbors-", "scoring": "scores-"}
    folders = [each for each in store.glob("*/") if each.name.startswith(prefixes.get(stage, "")) and each.is_dir()]
    if stage == "embedding":
        folders = [each for each in folders if len(each.name) == 32]
    return [path for folder in folders for path in folder.glob("*.npz")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """An audit by this process: its records, run and store."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_pieces(monkeypatch, 4)
        world("vl-dejavu", folder / "records")
        audited("vl-dejavu", folder / "records", out=folder / "here", store=folder / "store")
    return folder


@pytest.fixture
def cut_small(monkeypatch):
    """Stages of a few records per piece."""
    small_pieces(monkeypatch, 4)


@pytest.mark.parametrize("stage", STAGES)
def test_an_audit_is_the_same_though_a_node_dies(stage, alone, tmp_path, cluster, request):
    assert len(pieces_of(stage, alone / "store")) >= 4
    request.getfixturevalue("cut_small")
    nodes = request.getfixturevalue("nodes")
    store = tmp_path / "store"
    thread, killed = killed_when(cluster, nodes[0], lambda: len(pieces_of(stage, store)) >= 2)
    audited("vl-dejavu", alone / "records", out=tmp_path / "ray", store=store, engine="ray", workers=3)
    thread.join(20)
    assert killed
    assert left_behind(store) == left_behind(alone / "store")
    assert left_behind(tmp_path / "ray") == left_behind(alone / "here")


def test_no_gpu_in_the_cluster_is_said(nodes):
    with pytest.raises(InputError, match="the Ray cluster has no GPU; pass --device cpu"):
        Ray(device="cuda")


def test_no_cluster_and_no_ray_are_said(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")

    class Broken:
        @staticmethod
        def init(**_):
            raise ConnectionError("Ray is trying to start at 127.0.0.1:1")

    with pytest.raises(InputError, match=r"there is no Ray cluster at RAY_ADDRESS=127\.0\.0\.1:1 .*start one with"):
        ray_engine._connect(Broken)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'memometer\[ray\]'"):
        Ray()
