import numpy as np
import pytest
from model_factory import noise_image
from PIL import Image

from memometer.data.augmentation import AUGMENTATIONS, Augmentation
from memometer.encoders.preprocessing import ImagePreprocess
from memometer.encoders.views import draw_views

SQUARES = [
    ImagePreprocess(24, 24),
    ImagePreprocess(24, 24, interpolation="bilinear", resize_mode="squash", rgb_first=True),
    ImagePreprocess(24, 20, resize_to=(32, 32)),
    ImagePreprocess(24, 24, resize_mode="longest", fill_color=7, resize_to=(31, 31)),
]
OTHERS = [ImagePreprocess(24, 20), ImagePreprocess(24, 24, resize_to=(16, 16)), ImagePreprocess(8, 8, resize_to=(9, 8))]


def drawn(preprocess, name, *, image=None, draws=3, seed=0):
    options = {"preprocess": preprocess, "augmentation": AUGMENTATIONS[name], "draws": draws}
    return draw_views(image or noise_image(0), **options, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("preprocess", SQUARES)
def test_a_square_of_the_models_size_is_what_the_preprocessing_makes_of_it(preprocess):
    side = preprocess.side
    square = noise_image(0).resize((side, side))
    pixels = np.asarray(square).transpose(2, 0, 1)
    assert np.array_equal(preprocess.of_square(pixels), preprocess(square))
    rng = np.random.default_rng(0)
    views = [AUGMENTATIONS["ssl"](noise_image(0), rng, side=side) for _ in range(3)]
    expected = [preprocess(Image.fromarray(view.transpose(1, 2, 0))) for view in views]
    assert np.array_equal(drawn(preprocess, "ssl"), np.stack(expected))


@pytest.mark.parametrize("preprocess", [*OTHERS, lambda image: np.asarray(image.resize((5, 4)), np.float64)])
def test_other_preprocessing_gets_crops_of_their_own_size(preprocess):
    assert getattr(preprocess, "side", None) is None
    rng = np.random.default_rng(0)
    views = [AUGMENTATIONS["crop"](noise_image(0), rng) for _ in range(3)]
    expected = [preprocess(Image.fromarray(view.transpose(1, 2, 0))) for view in views]
    assert np.array_equal(drawn(preprocess, "crop"), np.stack(expected))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1"])
def test_no_augmentation_is_the_preprocessing_alone(mode):
    image, preprocess = noise_image(0, mode=mode), ImagePreprocess(24, 24)
    assert np.array_equal(drawn(preprocess, "none", image=image, draws=2), np.stack([preprocess(image)] * 2))


def test_a_flip_without_a_crop_is_that_of_the_image():
    preprocess = ImagePreprocess(24, 24)
    options = {"augmentation": Augmentation(flip=1.0), "draws": 1, "rng": np.random.default_rng(0)}
    found = draw_views(noise_image(0), preprocess=preprocess, **options)
    assert np.array_equal(found[0], preprocess(noise_image(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT)))


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("preprocess", [SQUARES[0], OTHERS[0]])
def test_a_view_does_not_depend_on_how_many_follow(name, preprocess):
    assert np.array_equal(drawn(preprocess, name, draws=2), drawn(preprocess, name, draws=5)[:2])
    assert name == "none" or not np.array_equal(drawn(preprocess, name), drawn(preprocess, name, seed=1))
