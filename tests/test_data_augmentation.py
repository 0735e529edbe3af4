import numpy as np
import pytest
from PIL import Image

from memometer.data.augmentation import AUGMENTATIONS, Augmentation, crop_box


def noise_image(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 56, 3), np.uint8))


def generator(seed=0):
    return np.random.default_rng(seed)


def test_no_augmentation_changes_nothing():
    image = noise_image(0)
    assert np.array_equal(np.asarray(Augmentation()(image, generator())), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1"])
def test_a_view_depends_on_its_generator_alone(name, mode):
    image = noise_image(0).convert(mode)
    first, again = (np.asarray(AUGMENTATIONS[name](image, generator(3))) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.ndim == 3
    other = np.asarray(AUGMENTATIONS[name](image, generator(4)))
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
    sizes = [Augmentation(min_area=0.5)(image, generator(seed)).size for seed in range(20)]
    assert all(width == height for width, height in sizes)
    assert all(0.45 <= width * height / 3200 <= 1.05 for width, height in sizes)


def test_a_flip_mirrors():
    image = noise_image(0).convert("RGB")
    view = Augmentation(flip=1.0)(image, generator())
    assert np.array_equal(np.asarray(view), np.asarray(image)[:, ::-1])


def test_grey_takes_the_colours_away():
    view = np.asarray(Augmentation(grey=1.0)(noise_image(0), generator()))
    assert (view == view[..., :1]).all()


def test_blur_smooths():
    image = noise_image(0).convert("RGB").resize((224, 224))
    rough = np.abs(np.diff(np.asarray(image, np.int16), axis=0)).mean()
    smooth = np.abs(np.diff(np.asarray(Augmentation(blur=1.0)(image, generator(1)), np.int16), axis=0)).mean()
    assert smooth < rough


def test_jitter_moves_the_mean_both_ways_and_hue_turns_the_colour():
    image = Image.new("RGB", (8, 8), (120, 60, 60))
    means = [np.asarray(Augmentation(jitter=0.4, jitter_chance=1)(image, generator(s))).mean() for s in range(100)]
    assert min(means) < 65
    assert max(means) > 95
    turned = [np.asarray(Augmentation(hue=0.5, jitter_chance=1)(image, generator(s)))[0, 0] for s in range(50)]
    assert {int(np.argmax(color)) for color in turned} == {0, 1, 2}


def test_switching_one_knob_changes_no_other_draw():
    image = noise_image(0).convert("RGB")
    for seed in range(10):
        plain = np.asarray(Augmentation(flip=0.5)(image, generator(seed)))
        with_grey = np.asarray(Augmentation(flip=0.5, grey=0.5)(image, generator(seed)))
        grey = np.asarray(Image.fromarray(plain).convert("L").convert("RGB"))
        assert np.array_equal(with_grey, plain) or np.array_equal(with_grey, grey)
