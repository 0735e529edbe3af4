"""What transformers' processors do to images: in Pillow to the bit where it can be, else by the library."""

import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from hf_factory import FAMILIES, bare_image_vectors, clip_processor, square_processor
from hf_models import IMAGES, SIZES, TRANSFORMERS, image_vectors, models
from model_factory import noise_image

from memometer.embeddings import load_encoder
from memometer.encoders.forward import normalised
from memometer.encoders.hf_preprocessing import LibraryPreprocess, open_processor, processor_preprocess
from memometer.encoders.preprocessing import ImagePreprocess
from memometer.errors import ModelError

__all__ = ["models"]


@pytest.mark.parametrize("family", FAMILIES)
def test_torchvisions_filters_move_the_vectors_a_little(models, family):
    """Transformers 5 takes them by default where torchvision is installed; of DINOv3 there are no others."""
    folder = models(family)
    ours, theirs = image_vectors(load_encoder(f"hf:{folder}")), bare_image_vectors(folder, IMAGES)
    moved = np.abs(ours - theirs).max() / np.abs(ours).max()
    assert moved < 0.01
    assert (moved == 0) == (TRANSFORMERS == 4 or family.startswith("DINOv3"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_preprocessing_goes_to_worker_processes_and_says_what_it_is(models, family):
    encoder = load_encoder(f"hf:{models(family)}")
    copied = pickle.loads(pickle.dumps(encoder.preprocess))  # noqa: S301 (of our own)
    for image in IMAGES[:3]:
        assert copied(image).tobytes() == encoder.preprocess(image).tobytes()
    settings = json.loads((models(family) / "preprocessor_config.json").read_text())
    recorded = encoder.preprocess_config["processor"]
    assert {key: recorded[key] for key in settings if key in recorded} == {
        key: value for key, value in settings.items() if key in recorded
    }
    library = family.startswith(("ALIGN", "SigLIP 2 NaFlex", "DINOv3"))
    assert isinstance(encoder.preprocess, LibraryPreprocess if library else ImagePreprocess)


PROCESSORS = {
    "CLIP": clip_processor(),
    "a crop smaller than the resize, odd ones": clip_processor(size={"shortest_edge": 47}),
    "a crop that is no square": clip_processor(size={"shortest_edge": 47}, crop_size={"height": 30, "width": 41}),
    "bilinear": clip_processor("BitImageProcessor", resample=2),
    "numbers for sizes": clip_processor(size=37, crop_size=32),
    "not normalised": clip_processor(do_normalize=False),
    "SigLIP": square_processor("SiglipImageProcessor"),
    "BLIP": square_processor("BlipImageProcessor", image_mean=[0.5] * 3, image_std=[0.5] * 3),
    "ViT": square_processor("ViTImageProcessor", resample=2),
    "a square, cropped": {**clip_processor("ChineseCLIPImageProcessor"), "size": {"height": 40, "width": 45}},
}


def processor(folder, settings):
    folder.mkdir()
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return open_processor(folder, trusted=False)


@pytest.mark.parametrize("name", PROCESSORS)
def test_pixels_are_those_of_the_librarys_own_processor_to_the_bit(tmp_path, name):
    theirs = processor(tmp_path / "p", PROCESSORS[name])
    config, ours = processor_preprocess(theirs, name="m")
    assert isinstance(ours, ImagePreprocess)
    sizes = np.random.default_rng(0).integers(20, 140, (40, 2)).tolist()
    images = [noise_image(n, size=tuple(size)) for n, size in enumerate([*SIZES, *sizes])]
    modes = [noise_image(n, size=(45, 61), mode=mode) for n, mode in enumerate(["L", "P", "CMYK", "1"])]
    for image in [*images, *modes]:
        expected = theirs([image.convert("RGB")], return_tensors="pt")["pixel_values"]
        assert torch.equal(normalised(ours(image)[None], config), expected), image.size


@pytest.mark.parametrize(
    "change",
    [
        {"resample": 1},
        {"size": {"shortest_edge": 30, "longest_edge": 60}, "do_center_crop": True},
        {"crop_size": {"height": 64, "width": 64}},
        {"rescale_factor": 1 / 127.5},
        {"do_rescale": False},
    ],
)
def test_what_pillow_alone_does_not_do_the_library_does(tmp_path, change):
    theirs = processor(tmp_path / "p", clip_processor(**change))
    _, ours = processor_preprocess(theirs, name="m")
    assert isinstance(ours, LibraryPreprocess)
    for image in IMAGES:
        assert np.array_equal(ours(image), theirs([image], return_tensors="np")["pixel_values"][0])


@pytest.mark.parametrize(
    "settings",
    [
        clip_processor(do_resize=False, do_center_crop=False),
        clip_processor(do_center_crop=False),
        {"image_processor_type": "ViTImageProcessor", "do_resize": False},
    ],
)
def test_a_processor_whose_images_come_out_in_several_shapes_is_refused(tmp_path, settings):
    with pytest.raises(ModelError, match=r"images of two sizes; expected one shape for all"):
        processor_preprocess(processor(tmp_path / "p", settings), name="m")


def test_a_model_without_preprocessing_is_refused(models, tmp_path):
    folder = shutil.copytree(models("CLIP"), tmp_path / "m")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(
        ModelError, match=r"does not say how its images are prepared; expected preprocessor_config.json"
    ):
        load_encoder(f"hf:{folder}")
