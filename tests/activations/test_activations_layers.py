"""The layers of towers, found and read: equal to a forward pass written by hand."""

import types

import numpy as np
import open_clip
import pytest
import timm
import torch
import torchvision
from model_factory import TEXT, clip_encoder, noise_image, tiny_architecture
from torch import nn

from memometer.activations import OUTPUT, Layer, block_layers, named_layers, open_tower, unit_layers
from memometer.activations.reader import TowerReader
from memometer.encoders import forward
from memometer.encoders.architectures import build_model
from memometer.encoders.padding import own_tokens
from memometer.encoders.vision import VisionEncoder
from memometer.errors import InputError, VectorError
from memometer.training.models import preprocess_config

TEXTS = ["a dog", "two cats beside a long boat on the river", "kite"]


def encoder_of(**changes):
    torch.manual_seed(0)
    architecture = tiny_architecture(**changes)
    return clip_encoder(build_model(architecture), architecture)


def vision_encoder(module):
    options = {"config": {}, "preprocess_config": preprocess_config(32), "device": torch.device("cpu")}
    return VisionEncoder(module, spec="vision", weights_hash="0", **options)


def two_layers():
    return encoder_of(
        vision_cfg={"image_size": 32, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16},
        text_cfg={**TEXT, "layers": 2},
    )


def pixels(encoder, n=3):
    return np.stack([encoder.preprocess(noise_image(seed)) for seed in range(n)])


def normalised(encoder, array):
    return forward.normalised(array, encoder.preprocess_config)


def assert_layers(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def order_tokens(encoder, *, batch_first):
    """Has both transformers take tokens in an order."""
    for transformer in (encoder.tower("image").transformer, encoder._model.transformer):
        transformer.batch_first = batch_first
        for block in transformer.resblocks:
            block.attn.batch_first = batch_first


def by_hand(transformer, tokens, mask=None):
    """(units, blocks) of an open_clip transformer, every token kept, step by step."""
    units, blocks = [], []
    for block in transformer.resblocks:
        attended = block.ln_1(tokens)
        tokens = tokens + block.attn(attended, attended, attended, need_weights=False, attn_mask=mask)[0]
        hidden = nn.functional.gelu(block.mlp.c_fc(block.ln_2(tokens)))
        tokens = tokens + block.mlp.c_proj(hidden)
        units.append(hidden)
        blocks.append(tokens)
    return units, blocks


@torch.no_grad()
def image_by_hand(encoder, array):
    visual = encoder.tower("image")
    patches = visual.conv1(normalised(encoder, array)).flatten(2).transpose(1, 2)
    classes = visual.class_embedding.expand(len(array), 1, -1)
    return by_hand(visual.transformer, visual.ln_pre(torch.cat([classes, patches], 1) + visual.positional_embedding))


@torch.no_grad()
def text_by_hand(encoder, texts):
    model = encoder._model
    tokens = encoder._tokenizer(texts)
    return by_hand(model.transformer, model.token_embedding(tokens) + model.positional_embedding, model.attn_mask)


def lengths(encoder, texts):
    """Tokens of each text with its start and its end, counted by the tokenizer."""
    return [len(encoder._tokenizer.encode(text)) + 2 for text in texts]


def test_image_layers_equal_a_forward_pass_by_hand():
    encoder = two_layers()
    array = pixels(encoder)
    units, blocks = image_by_hand(encoder, array)
    assert_layers(open_tower(encoder, "image", read="units").images(array), [layer.mean(1) for layer in units])
    *read, output = open_tower(encoder, "image", read="blocks").images(array)
    assert_layers(read, [layer.mean(1) for layer in blocks])
    np.testing.assert_array_equal(output, encoder.encode_images(array))


@pytest.mark.parametrize("custom", [False, True])
def test_text_layers_equal_a_forward_pass_by_hand_without_padding(custom):
    encoder = encoder_of(custom_text=True) if custom else two_layers()
    model = encoder.tower("text") if custom else encoder._model
    tokens = encoder._tokenizer(TEXTS)
    with torch.no_grad():
        embedded = model.token_embedding(tokens) + model.positional_embedding
        units, blocks = by_hand(model.transformer, embedded, model.attn_mask)
    for read, everything in (("units", units), ("blocks", blocks)):
        found = open_tower(encoder, "text", read=read).texts(TEXTS)[: len(everything)]
        for row, length in enumerate(lengths(encoder, TEXTS)):
            assert_layers([layer[row] for layer in found], [layer[row, :length].mean(0) for layer in everything])


def test_the_class_token_and_its_counterpart_in_a_text():
    encoder = two_layers()
    array = pixels(encoder)
    found = open_tower(encoder, "image", read="blocks", pool="cls").images(array)
    np.testing.assert_allclose(found[1], image_by_hand(encoder, array)[1][1][:, 0], atol=1e-6)
    found = open_tower(encoder, "text", read="blocks", pool="cls").texts(TEXTS)
    ends = [length - 1 for length in lengths(encoder, TEXTS)]
    np.testing.assert_allclose(found[1], text_by_hand(encoder, TEXTS)[1][1][range(3), ends], atol=1e-6)


def test_rectified_units_count_negative_activations_as_none():
    encoder = two_layers()
    array = pixels(encoder)
    units, _ = image_by_hand(encoder, array)
    assert min(float(layer.min()) for layer in units) < 0
    found = open_tower(encoder, "image", read="units", rectify=True).images(array)
    assert_layers(found, [layer.relu().mean(1) for layer in units])


@pytest.mark.parametrize("pool", ["mean", "cls"])
@pytest.mark.parametrize("rectify", [False, True])
def test_layers_are_read_alike_in_pieces_and_with_tokens_first(pool, rectify, monkeypatch):
    encoder = two_layers()
    array, texts = pixels(encoder, n=5), [*TEXTS, "a", "a blue bird on a wire"]
    whole = None
    for batch_first in (True, False):
        order_tokens(encoder, batch_first=batch_first)
        image, text = (
            open_tower(encoder, tower, read="units", pool=pool, rectify=rectify) for tower in ("image", "text")
        )
        whole = whole or [*image.images(array), *text.texts(texts)]
        for inputs in (1, 2, 5):  # at a time, of 5 or 12 tokens × 128 units
            monkeypatch.setattr("memometer.activations.reader.PIECE", inputs * 12 * 128)
            assert_layers([*image.images(array), *text.texts(texts)], whole)
        monkeypatch.undo()


def test_names_and_widths():
    encoder = two_layers()
    units = open_tower(encoder, "image", read="units")
    assert units.names == ("transformer.resblocks.0.mlp.gelu", "transformer.resblocks.1.mlp.gelu")
    assert units.widths == (128, 128)
    text = open_tower(encoder, "text", read="blocks")
    assert text.names == ("resblocks.0", "resblocks.1", OUTPUT)
    assert text.widths == (32, 32, 16)
    custom = open_tower(encoder_of(custom_text=True), "text", read="blocks")
    assert custom.names == ("transformer.resblocks.0", OUTPUT)


Pads = types.SimpleNamespace
"""Attributes of text towers."""


@pytest.mark.parametrize(
    ("text", "tokens", "own"),
    [
        (Pads(text_pool_type="argmax"), [8, 1, 9, 0, 0], 3),
        (Pads(pool_type="argmax"), [8, 0, 9, 0, 0], 3),
        (Pads(pool_type="eos", eos_id=2), [8, 1, 2, 2, 0], 3),
        (Pads(pool_type="eos", eos_id=2), [8, 1, 4, 5, 6], 5),
        (Pads(pool_type="last", pad_id=1), [8, 1, 4, 1, 1], 3),
        (Pads(pool_type="last", pad_id=1), [1, 1, 1, 1, 1], 1),
        (Pads(config=Pads(pad_token_id=0)), [8, 5, 4, 2, 0], 4),
        (Pads(pool_type="first"), [8, 5, 0, 0, 0], 5),
    ],
)
def test_the_own_tokens_of_a_text(text, tokens, own):
    mask = own_tokens(text, torch.tensor([tokens]))
    assert mask.tolist() == [[place < own for place in range(5)]]


class BasicBlock(nn.Module):
    """A residual block that uses its one ReLU twice, in place, as torchvision's does."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return self.relu(x + self.conv2(self.relu(self.conv1(x))))


class SmallResNet(nn.Module):
    """A stem that looks like a block, two blocks, a head."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 8, stride=8)
        self.conv2 = nn.Conv2d(6, 6, 1)
        self.layer1 = nn.Sequential(BasicBlock(6), BasicBlock(6))
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.layer1(self.conv2(self.conv1(x))).mean((2, 3)))


def test_residual_layers_equal_a_forward_pass_by_hand():
    torch.manual_seed(1)
    net = SmallResNet()
    encoder = vision_encoder(net)
    array = pixels(encoder)
    with torch.no_grad():
        x = net.conv2(net.conv1(normalised(encoder, array)))
        expected = []
        for block in net.layer1:
            x = (x + block.conv2(block.conv1(x).relu())).relu()
            expected.append(x.mean((2, 3)))
    units, blocks = (open_tower(encoder, "image", read=read) for read in ("units", "blocks"))
    assert units.names == ("layer1.0", "layer1.1")
    assert blocks.names == ("layer1.0", "layer1.1", OUTPUT)
    assert_layers(units.images(array), expected)
    assert_layers(blocks.images(array)[:2], expected)


@pytest.mark.parametrize(
    ("make", "n_blocks", "first_block", "first_unit"),
    [
        (lambda: timm.create_model("test_vit"), 6, "blocks.0", "blocks.0.mlp.act"),
        (lambda: timm.create_model("test_resnet"), 4, "layer1.0", "layer1.0"),
        (lambda: timm.create_model("test_convnext"), 9, "stages.0.blocks.0", "stages.0.blocks.0.mlp.act"),
        (torchvision.models.resnet18, 8, "layer1.0", "layer1.0"),
        (torchvision.models.resnet50, 16, "layer1.0", "layer1.0"),
        (
            torchvision.models.vit_b_32,
            12,
            "encoder.layers.encoder_layer_0",
            "encoder.layers.encoder_layer_0.mlp.1",
        ),
        (lambda: build_visual("RN50"), 16, "layer1.0", "layer1.0"),
        (lambda: build_visual("ViT-B-32"), 12, "transformer.resblocks.0", "transformer.resblocks.0.mlp.gelu"),
    ],
)
def test_layers_of_other_libraries_are_recognised(make, n_blocks, first_block, first_unit):
    with torch.device("meta"):
        tower = make()
    blocks, units = block_layers(tower), unit_layers(tower)
    assert len(blocks) == len(units) == n_blocks
    assert blocks[0].name == first_block
    assert units[0].name == first_unit


def build_visual(name):
    return open_clip.CLIP(**open_clip.get_model_config(name)).visual


def test_a_convnext_equals_a_forward_pass_by_hand():
    torch.manual_seed(2)
    net = timm.create_model("test_convnext", num_classes=0).eval()
    encoder = vision_encoder(net)
    array = pixels(encoder)
    block = net.stages[0].blocks[0]
    with torch.no_grad():
        stem = net.stages[0].downsample(net.stem(normalised(encoder, array)))
        hidden = block.mlp.fc1(block.norm(block.conv_dw(stem).permute(0, 2, 3, 1)))
        after = block(stem)
    units = open_tower(encoder, "image", read="units").images(array)[0]
    np.testing.assert_allclose(units, nn.functional.gelu(hidden).mean((1, 2)), atol=1e-6)
    blocks = open_tower(encoder, "image", read="blocks").images(array)[0]
    np.testing.assert_allclose(blocks, after.mean((2, 3)), atol=1e-6)


def test_hooks_leave_nothing_behind_and_change_no_output():
    encoder = two_layers()
    before = encoder.encode_images(pixels(encoder))
    reader = open_tower(encoder, "image", read="blocks")
    np.testing.assert_array_equal(reader.images(pixels(encoder))[-1], before)
    assert not any(module._forward_hooks for module in encoder._model.modules())


def test_layers_that_the_user_names():
    encoder = two_layers()
    names = ["transformer.resblocks.1.mlp.gelu", "conv1", "ln_post"]
    reader = open_tower(encoder, "image", read="units", names=names)
    assert (reader.names, reader.widths) == (tuple(names), (128, 32, 32))
    expected = encoder.tower("image").conv1(normalised(encoder, pixels(encoder))).mean((2, 3))
    np.testing.assert_allclose(reader.images(pixels(encoder))[1], expected.detach(), atol=1e-6)


def test_a_tower_without_known_blocks_asks_for_names():
    tower = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
    with pytest.raises(InputError, match=r"the units of this tower \(Sequential\) are not recognised; .*: 1, 3$"):
        unit_layers(tower)
    with pytest.raises(InputError, match=r"the blocks of this tower .* --layers 'name,name'"):
        block_layers(nn.Sequential(nn.Linear(2, 2)))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["blocks.0"], "the tower has no module 'blocks.0'; name its layers with --layers"),
        (["conv1", "conv1"], "the layer 'conv1' is named twice"),
        ([""], "the tower has no module ''"),
    ],
)
def test_wrong_names_are_sentences(names, words):
    with pytest.raises(InputError, match=words):
        named_layers(two_layers().tower("image"), names)


def test_a_layer_that_runs_twice_or_never_is_a_sentence():
    net = SmallResNet()
    encoder = vision_encoder(net)
    with pytest.raises(InputError, match=r"the layer 'layer1\.0\.relu' ran 2 times in one forward pass"):
        TowerReader(encoder, "image", [Layer("layer1.0.relu")])
    net.idle = nn.Linear(2, 2)
    with pytest.raises(InputError, match="the layer 'idle' ran 0 times"):
        TowerReader(encoder, "image", [Layer("idle")])


def test_numbers_that_are_not_finite_name_their_layer():
    net = SmallResNet()
    reader = open_tower(vision_encoder(net), "image", read="units")
    net.layer1[1].conv2.bias.data.fill_(float("nan"))
    with pytest.raises(VectorError, match=r"the layer 'layer1\.1' of the image tower of vision gave numbers"):
        reader.images(np.zeros((2, 3, 32, 32), np.uint8))


def test_towers_that_are_not_there_are_sentences():
    with pytest.raises(InputError, match="vision has no text tower; choose another --tower"):
        open_tower(vision_encoder(SmallResNet()), "text", read="units")
    with pytest.raises(InputError, match="pool 'max' is not known; expected mean or cls"):
        open_tower(two_layers(), "image", read="units", pool="max")
