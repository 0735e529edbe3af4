"""Tiny detectors, each made once."""

import pytest
from detector_factory import detector_folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Family → its folder, made when it is asked for."""
    root = tmp_path_factory.mktemp("detectors")
    made = {}

    def folder(family):
        if family not in made:
            made[family] = detector_folder(root / family, family)
        return made[family]

    return folder
