"""The fast resize gives Pillow's pixels, all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_factory import noise_image
from PIL import Image

from memometer.data.resampling import columns_of, resized_part, widths_come_first
from memometer.training.crops import prepared, random_crop


def by_pillow(image, box, size):
    left, top, width, height = box
    part = image.crop((left, top, left + width, top + height)).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(part).transpose(2, 0, 1)


@st.composite
def jobs(draw):
    width, height = draw(st.integers(1, 160)), draw(st.integers(1, 160))
    part = draw(st.integers(1, width)), draw(st.integers(1, height))
    corner = draw(st.integers(0, width - part[0])), draw(st.integers(0, height - part[1]))
    size = draw(st.sampled_from([(48, 48), (1, 1), (part[1], 20), (20, part[0]), (part[1], part[0]), (200, 30)]))
    return (width, height), (*corner, *part), size


@given(job=jobs(), seed=st.integers(0, 1000))
@settings(max_examples=300, deadline=None)
def test_every_pixel_is_pillows(job, seed):
    (width, height), box, size = job
    if not widths_come_first(box, size) and box[2:] != size[::-1]:
        return
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))
    found = resized_part(columns_of(image), box=box, size=size)
    np.testing.assert_array_equal(found, by_pillow(image, box, size))
    assert found.flags.c_contiguous


@pytest.mark.parametrize("size", [(48, 48), (224, 224), (112, 96)])
@pytest.mark.parametrize("shape", [(500, 375), (375, 500), (640, 480)])
def test_photographs_take_the_fast_path_and_give_the_same(size, shape):
    image = noise_image(3, size=shape)
    box = (7, 5, shape[0] - 20, shape[1] - 30)
    assert widths_come_first(box, size)
    np.testing.assert_array_equal(resized_part(columns_of(image), box=box, size=size), by_pillow(image, box, size))


@pytest.mark.parametrize("shape", [(40, 36), (5, 300), (300, 5), (48, 300)])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_a_crop_does_not_depend_on_how_the_image_is_kept(shape, mode):
    image = noise_image(1, size=shape, mode=mode)
    for seed in range(8):
        plain, kept = (
            random_crop(picture, size=(48, 40), min_area=0.3, rng=np.random.default_rng(seed))
            for picture in (image, prepared(image))
        )
        np.testing.assert_array_equal(plain, kept)
        assert plain.shape == (3, 48, 40)
