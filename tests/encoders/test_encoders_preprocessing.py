"""The preprocessing gives exactly the pixels of open_clip's own transform."""

import pickle
import subprocess
import sys

import numpy as np
import open_clip
import pytest
import torch
from model_factory import noise_image
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import ModelError

DEFAULT = {"size": 32, "mode": "RGB", "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0}


def open_clip_pixels(image, config):
    """open_clip's transform, without the normalisation: (3, h, w) float32 in [0, 1]."""
    cfg = PreprocessCfg(**{**config, "mean": (0.0,) * 3, "std": (1.0,) * 3})
    return image_transform_v2(cfg, is_train=False)(image)


def check_same(image, config):
    ours = image_preprocess(config)(image)
    assert ours.dtype == np.uint8
    assert torch.equal(torch.from_numpy(ours).float().div(255), open_clip_pixels(image, config))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK", "P", "LA", "1", "I;16", "YCbCr"])
@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
def test_pixels_equal_open_clips_for_every_mode_of_image(mode, resize_mode):
    image = noise_image(1, size=(50, 41))
    image = image.convert("I;16" if mode == "I;16" else mode) if mode != "I;16" else image.convert("L").convert("I;16")
    check_same(image, {**DEFAULT, "resize_mode": resize_mode})


@pytest.mark.parametrize(
    "size", [(50, 41), (41, 50), (32, 32), (33, 200), (200, 33), (7, 5), (32, 31), (3, 90), (97, 64), (1, 1)]
)
@pytest.mark.parametrize("target", [32, (32, 32), (24, 40), (40, 24)])
@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
def test_pixels_equal_open_clips_for_every_shape(size, target, resize_mode):
    check_same(noise_image(2, size=size), {**DEFAULT, "size": target, "resize_mode": resize_mode})


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "random"])
@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
def test_interpolation_and_fill_colour_are_open_clips(interpolation, resize_mode):
    config = {**DEFAULT, "interpolation": interpolation, "resize_mode": resize_mode, "fill_color": 77}
    for mode in ("RGB", "L", "P", "RGBA"):
        check_same(noise_image(3, mode=mode, size=(60, 45)), config)
    check_same(noise_image(3, size=(60, 45)), {**config, "size": (24, 40)})


def test_default_matches_image_transform():
    image = noise_image(4, size=(70, 50))
    theirs = open_clip.image_transform(32, is_train=False, mean=(0.0,) * 3, std=(1.0,) * 3)(image)
    assert torch.equal(torch.from_numpy(image_preprocess(DEFAULT)(image)).float().div(255), theirs)


def test_preprocessing_is_picklable_and_loads_neither_torch_nor_open_clip():
    blob = pickle.dumps(image_preprocess(DEFAULT))
    code = (
        "import pickle, sys; preprocess = pickle.loads(bytes.fromhex(sys.argv[1])); "
        "from PIL import Image; print(preprocess(Image.new('L', (9, 9), 5)).sum(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, blob.hex()], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(3 * 32 * 32 * 5), "False"]


WRONG = [
    *[{"interpolation": value} for value in ("nearest", 7, ["bicubic"], {"a": 1})],
    *[{"resize_mode": value} for value in ("crop", None, [])],
    *[{"size": value} for value in (0, -1, "x", None, [32, "a"], [32], [1, 2, 3], {}, float("nan"))],
    *[{"resize_to": value} for value in (0, "x", [1])],
    *[{"fill_color": value} for value in ("x", [1], 256, -1, [0, 0, 300], {"a": 1}, float("inf"))],
    *[{"mean": value} for value in ("evil", [1], [1, 2, 3, 4], None, {}, float("nan"), ["1", "2", "3"])],
    *[{"std": value} for value in ("evil", 0, [0.2, 0.2, 0], [0.2, -0.2, 0.2], float("inf"))],
    {"mode": "L"},
]
"""What a config may hold that is no preprocessing."""


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_unknown_preprocessing_is_an_error_that_names_the_known(wrong):
    with pytest.raises(ModelError, match="expected mode RGB, interpolation bicubic, bilinear or random"):
        image_preprocess({**DEFAULT, **wrong})


def test_a_sliver_of_an_image_is_no_error():
    longest = {**DEFAULT, "resize_mode": "longest"}
    assert image_preprocess(longest)(Image.new("RGB", (1, 900))).shape == (3, 32, 32)
    check_same(Image.new("RGB", (1, 90), (9, 8, 7)), DEFAULT)
