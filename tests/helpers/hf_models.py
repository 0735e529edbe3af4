"""Models of transformers' families for the tests of a file, each made once, and pictures of odd sizes."""

import numpy as np
import pytest
import transformers
from hf_factory import hf_folder
from model_factory import noise_image

__all__ = ["IMAGES", "SIZES", "TRANSFORMERS", "image_vectors", "models"]

TRANSFORMERS = int(transformers.__version__.partition(".")[0])
"""Continuous integration runs the tests of these models with transformers 4 as well."""

SIZES = [(40, 36), (64, 97), (31, 77), (300, 201), (32, 32), (33, 35), (1, 50)]
IMAGES = [noise_image(n, size=size) for n, size in enumerate(SIZES)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folder of a family's model, made when it is asked for."""
    root, made = tmp_path_factory.mktemp("hf"), {}

    def find(name):
        if name not in made:
            made[name] = hf_folder(root / str(len(made)), name)
        return made[name]

    return find


def image_vectors(encoder, images=IMAGES):
    return encoder.encode_images(np.stack([encoder.preprocess(image) for image in images]))
