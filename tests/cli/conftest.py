import pytest
from failure_world import write_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A world in which every command has something to do."""
    return write_world(tmp_path_factory.mktemp("world"))
