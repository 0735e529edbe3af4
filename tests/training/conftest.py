"""Trainings that several files compare others with; each is made once."""

import clip_training
import pytest
import ssl_training


@pytest.fixture(scope="session")
def clip_world(tmp_path_factory):
    return clip_training.write_world(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def clip_trained(clip_world):
    return clip_training.run(clip_world, clip_world / "trained")


@pytest.fixture(scope="session")
def ssl_world(tmp_path_factory):
    return ssl_training.write_world(tmp_path_factory.mktemp("ssl"))


@pytest.fixture(scope="session")
def ssl_trained(ssl_world):
    """By objective."""
    return {
        name: ssl_training.run(ssl_world, ssl_world / name, objective=name, lr=3e-3) for name in ssl_training.OBJECTIVES
    }


@pytest.fixture(scope="module")
def world(clip_world):
    return clip_world


@pytest.fixture(scope="module")
def trained(clip_trained):
    return clip_trained
