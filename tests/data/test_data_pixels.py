"""What becomes of a decoded image's pixels: 16-bit grey and floats by their range, the rest as in open_clip."""

import ast
from pathlib import Path

import numpy as np
import pytest
from import_sources import encoded, picture
from PIL import Image, ImageCms

import memometer
from memometer.data.augmentation import Augmentation
from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import FORMATS, IMAGE_SUFFIXES, UnreadableImageError, decode_image
from memometer.data.pixels import eight_bit, is_constant, to_rgb
from memometer.encoders.preprocessing import image_preprocess
from memometer.training.crops import prepared

PREPROCESS = {"size": 32, "mode": "RGB", "interpolation": "bicubic", "resize_mode": "squash", "fill_color": 0}


def grey(values, dtype=np.uint16):
    return Image.fromarray(np.asarray(values, dtype))


def levels(image):
    return np.asarray(eight_bit(image)).ravel().tolist()


# --- grey of more than 8 bits ---


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0, 255, 128]], [0, 255, 128]),  # 8 bits in 16 stay what they are
        ([[0, 1023]], [0, 255]),
        ([[0, 2048, 4095]], [0, 128, 255]),
        ([[4000, 4096]], [62, 64]),  # of 14 bits
        ([[0, 32768, 65535]], [0, 128, 255]),
        ([[257, 514, 65535]], [1, 2, 255]),
        ([[0, 0]], [0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint16, ">u2", np.int32])
def test_whole_numbers_are_scaled_by_their_bits(values, expected, dtype):
    assert levels(grey(values, dtype)) == expected


def test_other_whole_numbers_are_scaled_from_the_least_to_the_largest():
    assert levels(grey([[-100, 0, 100]], np.int32)) == [0, 128, 255]
    assert levels(grey([[70_000, 2**31 - 1, -(2**31)]], np.int32)) == [128, 255, 0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 0.5, 1.0]], [0, 128, 255]),
        ([[-3.0, 7.0]], [0, 255]),
        ([[1e-6, 2e-6]], [0, 255]),
        ([[np.nan, 1.0, 2.0, np.inf, -np.inf]], [0, 0, 255, 255, 0]),
        ([[-3e38, 3e38]], [0, 255]),
        ([[4.0, 4.0]], [0, 0]),
        ([[np.nan, np.nan]], [0, 0]),
    ],
)
def test_floats_are_scaled_from_the_least_to_the_largest(values, expected):
    assert levels(grey(values, np.float32)) == expected


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_a_16_bit_photograph_is_not_white_wherever_its_pixels_are_taken(format):
    eight = np.asarray(decode_image(picture(3, size=(48, 40))).convert("L"))
    options = {"irreversible": False} if format == "JPEG2000" else {}
    wide = decode_image(encoded(grey(eight.astype(np.uint16) * 257), format, **options))
    narrow = Image.fromarray(eight)
    assert wide.mode.startswith("I")
    assert np.array_equal(np.asarray(to_rgb(wide)), np.asarray(narrow.convert("RGB")))
    for rgb_first in (False, True):
        preprocess = image_preprocess({**PREPROCESS, "rgb_first": rgb_first})
        assert np.array_equal(preprocess(wide), preprocess(narrow))
    assert perceptual_hash(wide) == perceptual_hash(narrow)
    view = Augmentation(min_area=0.5)
    assert np.array_equal(view(wide, np.random.default_rng(1)), view(narrow, np.random.default_rng(1)))
    assert np.array_equal(np.asarray(prepared(wide)), np.asarray(prepared(narrow)))


# --- other modes ---


def test_transparency_is_dropped_as_in_open_clip():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    image = decode_image(encoded(Image.fromarray(pixels), "PNG"))
    assert np.array_equal(np.asarray(to_rgb(image)), pixels[..., :3])


def test_cmyk_of_adobes_inverted_jpegs():
    red = decode_image(encoded(Image.new("RGB", (16, 16), (220, 20, 30)).convert("CMYK"), "JPEG", quality=95))
    assert red.mode == "CMYK"
    assert np.abs(np.asarray(to_rgb(red)).astype(int) - (220, 20, 30)).max() <= 6


def test_lab_becomes_the_colours_that_it_stands_for():
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.new("RGB", (8, 8), (200, 40, 60)), to_lab)
    image = decode_image(encoded(lab, "TIFF"))
    assert image.mode == "LAB"
    assert np.abs(np.asarray(to_rgb(image)).astype(int) - (200, 40, 60)).max() <= 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "RGBX", "RGBa"])
def test_every_mode_becomes_rgb(mode):
    assert to_rgb(Image.new(mode, (3, 2))).mode == "RGB"


def test_constant_images():
    assert is_constant(Image.new("RGB", (5, 5), (1, 2, 3)))
    assert is_constant(grey(np.full((4, 4), 9000)))
    ink = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    ink.putpixel((1, 1), (0, 0, 0, 255))
    assert is_constant(ink), "a drawing in the transparency alone: no model sees it"
    assert not is_constant(grey([[300, 301, 9000]]))


def test_one_function_makes_rgb():
    """Nothing else in memometer converts to RGB, so that no reader of pixels has a rule of its own."""
    for path in sorted(Path(memometer.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "convert":
                assert path.name == "pixels.py", f"{path}:{node.lineno} calls convert: use to_rgb"


# --- formats ---


def test_the_suffixes_are_those_that_pillow_knows():
    Image.init()
    registered = {}
    for suffix, name in Image.registered_extensions().items():
        registered.setdefault({"MPO": "JPEG"}.get(name, name), set()).add(suffix)
    for name, suffixes in FORMATS.items():
        assert set(suffixes) - {".pjpeg", ".pjp"} == registered[name]
    assert not IMAGE_SUFFIXES & registered["EPS"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read(format):
    image = decode_image(picture(4, size=(4, 3))).resize((48, 48), Image.Resampling.BICUBIC)
    data = encoded(image, format, **({"sizes": [(48, 48)]} if format == "ICO" else {}))
    found = decode_image(data)
    assert found.size == (48, 48)
    assert np.abs(np.asarray(to_rgb(found)).astype(int) - np.asarray(image)).mean() < 12
    with pytest.raises(UnreadableImageError, match=r"not an image|damaged image"):
        decode_image(data[: len(data) // 2])


@pytest.mark.parametrize("format", ["EPS", "PDF", "DDS", "ICNS"])
def test_other_decoders_never_run(format):
    with pytest.raises(UnreadableImageError, match="not an image"):
        decode_image(encoded(Image.new("RGB", (32, 32)), format))


def test_bytes_without_a_mark_are_no_tga():
    data = encoded(Image.new("RGB", (8, 8)), "TGA")
    with pytest.raises(UnreadableImageError, match="not an image"):
        decode_image(data[:-26])


@pytest.mark.parametrize("format", ["GIF", "TIFF", "PNG", "WEBP"])
def test_of_several_frames_it_is_the_first(format):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert to_rgb(decode_image(data)).getpixel((3, 3)) == (255, 0, 0)
