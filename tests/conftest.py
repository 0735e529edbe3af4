"""Fixtures that several files of tests share; what they need is imported by the tests that ask for them."""

import pytest


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
