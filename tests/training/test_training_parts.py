"""The parts of the trainer: optimizer, schedule, crops, batches, options, the folder."""

import json
import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_factory import noise_image, tiny_architecture, write_records
from PIL import Image
from torchvision.transforms import RandomResizedCrop

from memometer.data.augmentation import crop_box
from memometer.data.records import load_records
from memometer.encoders.architectures import build_model
from memometer.errors import JobError, ModelError
from memometer.training import Mitigation, TrainConfig
from memometer.training import samples as training_samples
from memometer.training.crops import prepared, random_crops
from memometer.training.models import find_architecture
from memometer.training.optimizer import build_optimizer, clamp_logit_scale, learning_rate
from memometer.training.resampling import Resizing, resized_crops
from memometer.training.samples import EpochBatches, TrainingSamples


def test_norms_biases_and_the_scale_do_not_decay():
    model = build_model(tiny_architecture())
    optimizer = build_optimizer(model, lr=0.1, weight_decay=0.3)
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    by_name = {name: decay.pop(id(parameter)) for name, parameter in model.named_parameters()}
    assert not decay
    spared = {name for name, value in by_name.items() if value == 0}
    vectors = {"logit_scale", "visual.class_embedding"}
    assert vectors | {"ln_final.weight", "visual.ln_pre.bias", "transformer.resblocks.0.attn.in_proj_bias"} <= spared
    assert all(name.endswith("bias") or "ln_" in name for name in spared - vectors)
    assert {by_name[name] for name in ("token_embedding.weight", "visual.conv1.weight", "text_projection")} == {0.3}
    assert (optimizer.defaults["betas"], optimizer.defaults["eps"]) == ((0.9, 0.98), 1e-6)


def test_schedule_by_hand():
    rates = [learning_rate(step, steps=10, warmup=4, peak=2.0) for step in range(10)]
    cosine = [1 + math.cos(math.pi * step / 6) for step in range(6)]
    np.testing.assert_allclose(rates, [0.5, 1.0, 1.5, 2.0, *cosine])


@given(steps=st.integers(1, 500), share=st.floats(0, 1), peak=st.floats(1e-6, 1))
@settings(max_examples=50, deadline=None)
def test_schedule_rises_then_falls_and_stays_within_the_peak(steps, share, peak):
    warmup = int(steps * share)
    rates = [learning_rate(step, steps=steps, warmup=warmup, peak=peak) for step in range(steps)]
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in rates)
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)


@pytest.mark.parametrize(("value", "expected"), [(-1.0, 0.0), (3.0, 3.0), (9.0, math.log(50))])
def test_logit_scale_is_clamped(value, expected):
    scale = torch.nn.Parameter(torch.tensor(value))
    clamp_logit_scale(scale, largest=50)
    assert scale.item() == pytest.approx(expected)
    assert scale.requires_grad


@given(n=st.integers(1, 60), batch=st.integers(1, 20), epoch=st.integers(0, 3), seed=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_an_epoch_takes_every_record_at_most_once_in_full_batches(n, batch, epoch, seed):
    batches = list(EpochBatches(n=n, batch_size=batch, epochs=range(epoch, epoch + 1), seed=seed))
    rows = [row for places in batches for _, row in places]
    assert len(batches) == n // batch
    assert all(len(places) == batch for places in batches)
    assert len(set(rows)) == len(rows)
    assert set(rows) <= set(range(n))


def test_batches_of_an_epoch_do_not_depend_on_where_one_starts_or_on_the_processes():
    every = EpochBatches(n=50, batch_size=12, epochs=range(5), seed=3)
    assert len(every) == len(list(every)) == 20
    assert list(every)[12:] == list(EpochBatches(n=50, batch_size=12, epochs=range(3, 5), seed=3))
    shares = [EpochBatches(n=50, batch_size=12, epochs=range(5), seed=3, rank=rank, world_size=3) for rank in range(3)]
    joined = [first + second + third for first, second, third in zip(*shares, strict=True)]
    assert joined == list(every)
    assert list(every)[:4] != [[(0, row) for _, row in places] for places in list(every)[4:8]]
    assert list(every) != list(EpochBatches(n=50, batch_size=12, epochs=range(5), seed=4))


def test_crops_have_the_distribution_of_random_resized_crop():
    image = Image.fromarray((np.add.outer(np.arange(80), np.arange(60)) % 256).astype(np.uint8)).convert("RGB")
    theirs = RandomResizedCrop(16, scale=(0.5, 1.0), interpolation=Image.Resampling.BICUBIC)
    torch.manual_seed(0)
    expected = np.stack([np.asarray(theirs(image)).mean() for _ in range(3000)])
    rng = np.random.default_rng(0)
    found = random_crops([prepared(image)] * 3000, size=(16, 16), min_area=0.5, rngs=[rng] * 3000).mean((1, 2, 3))
    assert abs(found.mean() - expected.mean()) < 4 * expected.std() * math.sqrt(2 / 3000)
    assert found.std() == pytest.approx(expected.std(), rel=0.1)
    np.testing.assert_allclose(np.quantile(found, [0.1, 0.9]), np.quantile(expected, [0.1, 0.9]), atol=1.5)


@pytest.mark.parametrize(("size", "expected"), [((90, 3), (90, 3)), ((3, 90), (3, 90)), ((1, 1), (1, 1))])
def test_an_image_of_an_odd_shape_gives_its_central_part(size, expected):
    image = noise_image(0, size=size)
    (crop,) = random_crops([prepared(image)], size=(8, 8), min_area=0.9, rngs=[np.random.default_rng(1)])
    width, height = min(size[0], round(size[1] * 4 / 3)), min(size[1], round(size[0] * 4 / 3))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    central = image.crop((left, top, left + width, top + height)).resize((8, 8), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(crop.astype(int), np.asarray(central).transpose(2, 0, 1), atol=1)


@pytest.mark.parametrize("shape", [(500, 375), (40, 36), (5, 300), (300, 5)])
def test_a_crop_has_pillows_pixels_but_for_rounding(shape):
    image = noise_image(3, size=shape)
    for seed in range(20):
        left, top, width, height = crop_box(*shape, min_area=0.3, rng=np.random.default_rng(seed))
        part = image.crop((left, top, left + width, top + height)).resize((40, 48), Image.Resampling.BICUBIC)
        (crop,) = random_crops([prepared(image)], size=(48, 40), min_area=0.3, rngs=[np.random.default_rng(seed)])
        np.testing.assert_allclose(crop.astype(int), np.asarray(part).transpose(2, 0, 1), atol=2)


@pytest.mark.parametrize("by", get_args(Resizing))
def test_crops_have_torchs_pixels_to_the_bit(by):
    rng = np.random.default_rng(0)
    for _ in range(60):
        pictures, boxes = [], []
        size = tuple(rng.integers(1, 100, 2).tolist())
        for most in (12, 90, 600, 600):
            width, height = rng.integers(1, most, 2).tolist()
            pixels = rng.integers(0, 256, (width, height, 3), dtype=np.uint8)
            pictures.append(pixels if rng.random() < 0.5 else (pixels > 127) * np.uint8(255))  # the second overshoots
            part_width, part_height = int(rng.integers(1, width + 1)), int(rng.integers(1, height + 1))
            left, top = int(rng.integers(0, width - part_width + 1)), int(rng.integers(0, height - part_height + 1))
            boxes.append((left, top, part_width, part_height))
        crops = resized_crops(pictures, boxes, size, by=by)
        for crop, picture, (left, top, width, height) in zip(crops, pictures, boxes, strict=True):
            part = torch.from_numpy(picture).permute(2, 1, 0)[None, :, top : top + height, left : left + width]
            expected = torch.nn.functional.interpolate(part, size=size, mode="bicubic", antialias=True)[0]
            np.testing.assert_array_equal(crop, expected.numpy())


def test_cropping_in_threads_leaves_torch_its_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        resized_crops([np.zeros((9, 9, 3), np.uint8)], [(0, 0, 9, 9)], (4, 4), by="threads")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_pictures_of_every_mode_are_cropped_beside_others(mode):
    plain, other = noise_image(0), noise_image(1).convert(mode)
    rngs = [np.random.default_rng(seed) for seed in range(3)]
    crops = random_crops([prepared(each) for each in (plain, other, plain)], size=(8, 6), min_area=0.9, rngs=rngs)
    assert (crops.shape, crops.dtype) == ((3, 3, 8, 6), np.uint8)
    for i, image in enumerate((plain, other, plain)):
        (alone,) = random_crops([prepared(image)], size=(8, 6), min_area=0.9, rngs=[np.random.default_rng(i)])
        np.testing.assert_array_equal(crops[i], alone)
    left, top, width, height = crop_box(*other.size, min_area=0.9, rng=np.random.default_rng(1))
    part = other.crop((left, top, left + width, top + height)).resize((6, 8), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(crops[1], np.asarray(part.convert("RGB")).transpose(2, 0, 1))


def test_no_pictures_give_no_crops():
    assert random_crops([], size=(8, 6), min_area=0.9, rngs=[]).shape == (0, 3, 8, 6)


class Letters:
    """A tokenizer: the codes of the first four letters."""

    def __call__(self, texts):
        return torch.tensor([[ord(letter) for letter in text[:4]] for text in texts])


def samples(folder, **options):
    settings = {"tokenizer": Letters(), "size": (8, 8), "min_crop": 0.5, "seed": 0, **options}
    return TrainingSamples(load_records(folder), **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("samples") / "records", n=6)


def test_a_sample_depends_on_seed_epoch_and_record_alone(folder):
    base = samples(folder)
    first = base[0, 2][0]
    assert torch.equal(base[0, 2][0], first)
    assert torch.equal(samples(folder, cache_bytes=1 << 20)[0, 2][0], first)
    assert not torch.equal(base[1, 2][0], first)
    assert not torch.equal(samples(folder, seed=1)[0, 2][0], first)


def test_the_cache_changes_no_pixel_and_keeps_to_its_budget(folder):
    plain, cached = samples(folder), samples(folder, cache_bytes=40 * 36 * 3 * 2 + 10)
    for epoch in range(2):
        for row in range(6):
            assert torch.equal(plain[epoch, row][0], cached[epoch, row][0])
    assert len(cached._cache) == 2


@pytest.mark.parametrize("room", [1, 40 * 36 * 3 * 3, 64 << 20])
def test_a_batch_has_the_samples_that_its_records_give_alone(folder, room, monkeypatch):
    monkeypatch.setattr(training_samples, "PICTURES_BYTES", room)
    batch = [(0, 4), (1, 1), (0, 0), (2, 5), (0, 1)]
    for options in ({}, {"resizing": "threads"}, {"resizing": "torch"}, {"cache_bytes": 1 << 20}):
        made = samples(folder, **options).__getitems__(batch)
        for (pixels, tokens), place in zip(made, batch, strict=True):
            expected = samples(folder)[place]
            assert torch.equal(pixels, expected[0])
            assert torch.equal(tokens, expected[1])


class Last(Mitigation):
    def captions(self, captions, *, rng):
        return captions[::-1]


class Noise(Mitigation):
    def tokens(self, tokens, *, rng):
        return tokens + int(rng.integers(1, 1000))


def test_the_first_caption_is_trained_on_but_for_mitigations_which_are_drawn_anew_each_epoch(folder):
    assert samples(folder)[0, 3][1].tolist() == [ord(letter) for letter in "a bo"]
    assert samples(folder, mitigations=[Last()])[0, 3][1].tolist() == [ord(letter) for letter in "pict"]
    noisy = samples(folder, mitigations=[Last(), Noise()])
    assert torch.equal(noisy[0, 3][1], noisy[0, 3][1])
    assert not torch.equal(noisy[0, 3][1], noisy[1, 3][1])
    two = samples(folder, mitigations=[Noise(), Noise()])[0, 3][1] - samples(folder)[0, 3][1]
    assert two[0] != 2 * (samples(folder, mitigations=[Noise()])[0, 3][1] - samples(folder)[0, 3][1])[0]


def test_an_image_that_can_no_longer_be_read_names_its_record(tmp_path):
    folder = write_records(tmp_path / "records", n=2)
    (folder / "images" / "0001.png").write_bytes(b"no image")
    with pytest.raises(JobError, match="the image of record 'r0001' cannot be read: not an image; import the records"):
        samples(folder)[0, 1]


def test_the_key_follows_what_changes_the_model_and_nothing_else():
    def key(records_hash="h", mitigations="()", embed_dim=4, **options):
        config = TrainConfig.checked(**{"records": "r", "out": "m", **options})
        return config.key(records_hash=records_hash, model_config={"embed_dim": embed_dim}, mitigations=mitigations)

    same = [key(out="n"), key(records="q"), key(workers=3), key(device="cpu"), key(model="tiny"), key(role="a")]
    assert set(same) == {key()}
    changes = [{"mitigations": "(x)"}, {"embed_dim": 5}, {"seed": 1}, {"epochs": 3}, {"lr": 0.1}, {"min_crop": 0.5}]
    assert len({key(), key("g"), *(key(**change) for change in changes)}) == 8


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_presets_are_models_of_a_few_million_parameters(preset):
    with torch.device("meta"):
        model = build_model(find_architecture(preset))
    assert 1e6 < sum(parameter.numel() for parameter in model.parameters()) < 2e7


def test_models_are_found_by_name_and_by_file(tmp_path):
    assert find_architecture("ViT-B/32").name == "ViT-B-32"
    (tmp_path / "mine.json").write_text(json.dumps(tiny_architecture().config))
    assert find_architecture(str(tmp_path / "mine.json")).config == tiny_architecture().config


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "smal",
            r"no model 'smal' to train: it is no preset \(demo, small, tiny\), no JSON file, and open_clip has no",
        ),
        ("coca_ViT-B-32", "is a CoCa model, which has a loss of its own; choose a CLIP model"),
        ("none.json", "cannot read the model config none.json"),
    ],
)
def test_models_that_cannot_be_trained_are_errors(model, message):
    with pytest.raises(ModelError, match=message):
        find_architecture(model)
