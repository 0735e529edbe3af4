"""Trainings that several files compare others with; each is made once."""

import clip_training
import pytest
import ssl_training


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return clip_training.write_world(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def trained(world):
    return clip_training.run(world, world / "trained")


@pytest.fixture(scope="session")
def ssl_world(tmp_path_factory):
    return ssl_training.write_world(tmp_path_factory.mktemp("ssl"))


@pytest.fixture(scope="session")
def ssl_trained(ssl_world):
    """By objective."""
    return {
        name: ssl_training.run(ssl_world, ssl_world / name, objective=name, lr=3e-3) for name in ssl_training.OBJECTIVES
    }
