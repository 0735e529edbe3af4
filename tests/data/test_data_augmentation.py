import math

import numpy as np
import pytest
import torch
from model_factory import noise_image
from PIL import Image
from scipy import ndimage
from torchvision.transforms.v2 import functional

from memometer.data.augmentation import AUGMENTATIONS, Augmentation, crop_box
from memometer.data.colors import retouch


def generator(seed=0):
    return np.random.default_rng(seed)


def pixels_of(image):
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def test_no_augmentation_changes_nothing():
    image = noise_image(0)
    assert np.array_equal(Augmentation()(image, generator()), pixels_of(image))


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1"])
def test_a_view_depends_on_its_generator_alone(name, mode):
    image = noise_image(0).convert(mode)
    first, again = (AUGMENTATIONS[name](image, generator(3)) for _ in range(2))
    assert np.array_equal(first, again)
    assert (first.shape[0], first.dtype) == (3, np.uint8)
    other = AUGMENTATIONS[name](image, generator(4))
    assert name == "none" or first.shape != other.shape or not np.array_equal(first, other)


def test_crops_have_the_asked_for_area_and_ratio():
    boxes = np.array([crop_box(200, 100, min_area=0.3, rng=generator(seed)) for seed in range(500)])
    left, top, width, height = boxes.T
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (left + width <= 200).all()
    assert (top + height <= 100).all()
    share = width * height / 20_000
    assert share.min() >= 0.29  # rounded to whole px
    assert np.all((width / height > 0.72) & (width / height < 1.37))
    assert share.max() > 0.6  # a square in a wide image keeps half; 4/3 of it two thirds


def test_an_impossible_crop_is_the_largest_central_one():
    assert crop_box(400, 30, min_area=0.9, rng=generator()) == (180, 0, 40, 30)


def test_a_crop_is_square_and_keeps_its_area():
    image = Image.new("RGB", (80, 40))
    shapes = [Augmentation(min_area=0.5)(image, generator(seed)).shape for seed in range(20)]
    assert all(height == width for _, height, width in shapes)
    assert all(0.45 <= height * width / 3200 <= 1.05 for _, height, width in shapes)
    assert Augmentation(min_area=0.5)(image, generator(), side=17).shape == (3, 17, 17)


def test_a_flip_mirrors():
    image = noise_image(0)
    assert np.array_equal(Augmentation(flip=1.0)(image, generator()), pixels_of(image)[:, :, ::-1])


def test_switching_one_knob_changes_no_other_draw():
    image = noise_image(0)
    for seed in range(10):
        plain = Augmentation(flip=0.5)(image, generator(seed))
        with_grey = Augmentation(flip=0.5, grey=0.5)(image, generator(seed))
        grey = Augmentation(grey=1.0).retouched(plain, generator())
        assert np.array_equal(with_grey, plain) or np.array_equal(with_grey, grey)


# --- colours, against torchvision


def steps(pixels, numbers, augmentation):
    """One view of (3, height, width) pixels, one transform of torchvision's after the other, on floats."""
    flip, recolor, grey, blur, *factors, hue, deviation = numbers
    view = torch.from_numpy(pixels.copy()) / 255
    if flip < augmentation.flip:
        view = functional.horizontal_flip(view)
    if recolor < augmentation.jitter_chance:
        adjusts = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)
        for adjust, factor in zip(adjusts, factors, strict=True):
            view = adjust(view, 1 - augmentation.jitter + 2 * augmentation.jitter * factor)
        view = functional.adjust_hue(view, augmentation.hue * (2 * hue - 1))
    if grey < augmentation.grey:
        view = functional.rgb_to_grayscale(view, num_output_channels=3)
    if blur < augmentation.blur:
        sigma = (0.1 + 1.9 * deviation) * min(view.shape[1:]) / 224
        view = functional.gaussian_blur(view, kernel_size=2 * math.ceil(4 * sigma) + 1, sigma=sigma)
    return view.numpy() * 255


@pytest.mark.parametrize("shape", [(40, 56), (224, 200), (5, 5)])
@pytest.mark.parametrize(
    "augmentation", [AUGMENTATIONS["ssl"], Augmentation(jitter=0.9, hue=0.5, blur=1.0), Augmentation(blur=1.0)]
)
def test_views_are_those_of_torchvision_but_for_rounding(shape, augmentation):
    rng = generator(3)
    flat = rng.integers(0, 256, (3, 1, 1), np.uint8).repeat(shape[0], 1).repeat(shape[1], 2)
    corners = rng.choice(np.array([0, 1, 128, 255], np.uint8), (3, *shape))  # greys, and colours of equal channels
    for pixels in (rng.integers(0, 256, (3, *shape), np.uint8), flat, corners):
        for seed in range(20):
            found = augmentation.retouched(pixels, generator(seed))
            expected = steps(pixels, generator(seed).random(9).tolist(), augmentation)
            assert np.abs(found - expected).max() < 0.6  # rounded once; a blur ends at four deviations


@pytest.mark.parametrize("shape", [(48, 48), (30, 41), (224, 200), (8, 9)])
@pytest.mark.parametrize("share", [1e-3, 0.02, 0.06, 0.125])
def test_a_blur_is_that_of_scipy(shape, share):
    pixels, deviation = generator(0).integers(0, 256, (*shape, 3), np.uint8), share * min(shape)
    found = retouch(pixels, mirrors=True, deviation=deviation)
    planes = pixels[:, ::-1].transpose(2, 0, 1).astype(np.float64)
    expected = ndimage.gaussian_filter(planes, (0, deviation, deviation), mode="mirror")
    assert np.abs(found - expected).max() < 0.5 + 1e-3


def test_the_layout_of_the_pixels_does_not_matter():
    pixels = generator(0).integers(0, 256, (30, 41, 3), np.uint8)
    options = {"mirrors": True, "factors": (1.2, 0.9, 0.7), "hue": 0.1, "deviation": 0.8}
    planar = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    found = [
        retouch(form, **options) for form in (pixels, planar.transpose(1, 2, 0), np.asarray(Image.fromarray(pixels)))
    ]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_a_whole_circle_of_hues_and_factors_of_one_change_nothing():
    pixels = generator(0).integers(0, 256, (30, 30, 3), np.uint8)
    for hue in (-1.0, 0.0, 1.0):
        assert np.array_equal(retouch(pixels, hue=hue), pixels.transpose(2, 0, 1))


def test_colours_change_as_often_and_as_much_as_asked_for():
    pixels = np.full((3, 8, 8), 100, np.uint8)
    augmentation = Augmentation(jitter=0.4, jitter_chance=0.8)
    means = np.array([augmentation.retouched(pixels, generator(seed)).mean() for seed in range(500)])
    changed = means[means != 100]
    assert 0.72 < len(changed) / 500 < 0.86
    assert (60 <= changed.min() < 64, 136 < changed.max() <= 140) == (True, True)
    assert changed.mean() == pytest.approx(100, abs=4 * 23 / 20)
    greys = [np.ptp(Augmentation(grey=0.2)(noise_image(0), generator(seed)), axis=0).max() == 0 for seed in range(500)]
    assert 0.13 < np.mean(greys) < 0.27
