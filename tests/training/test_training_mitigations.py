"""The mitigations one by one: what each does to a caption, a token row, an image, an embedding, a loss."""

import math
import pickle
import types

import numpy as np
import open_clip
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_factory import noise_image
from scipy.stats import binom, chi2

from memometer.errors import InputError, ModelError
from memometer.training import Mitigation, SslConfig, TrainConfig
from memometer.training.mitigations import mitigations_of
from memometer.training.mitigations.base import stream_names, those_with
from memometer.training.mitigations.caption_sampling import CaptionSampling
from memometer.training.mitigations.image_strength import ImageStrength
from memometer.training.mitigations.losses import SigLip, SmoothedClipLoss, clip_loss
from memometer.training.mitigations.special_tokens import SpecialTokens, special_tokens
from memometer.training.mitigations.text_mask import TextMask
from memometer.training.mitigations.text_noise import RawTextNoise, TextNoise
from memometer.training.models import find_architecture

LENGTH = 12
TOKENIZER = open_clip.SimpleTokenizer(context_length=LENGTH)
START, END = TOKENIZER.sot_token_id, TOKENIZER.eot_token_id
WORDS = st.lists(st.sampled_from(["dog", "cat", "!", "red", "2", "boat", "?"]), max_size=14)


def row_of(words):
    return TOKENIZER([" ".join(words)])[0]


def content_of(row):
    """The tokens between start and end, by the definition of open_clip's tokenizer."""
    tokens = row.tolist()
    assert tokens[0] == START
    return tokens[1 : tokens.index(END)]


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(token in rest for token in part)


@given(words=WORDS, rate=st.floats(0.01, 0.99), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_masking_leaves_a_shorter_caption_with_its_special_tokens(words, rate, seed):
    row = row_of(words)
    before = row.clone()
    mask = TextMask(rate).for_tokenizer(TOKENIZER)
    masked = mask.tokens(row, rng=np.random.default_rng(seed))
    assert torch.equal(row, before)  # nothing is changed in place
    left, content = content_of(masked), content_of(row)
    assert is_subsequence(left, content)
    assert masked.tolist() == [START, *left, END, *[0] * (LENGTH - len(left) - 2)]
    assert (len(left) > 0) == (len(content) > 0)
    assert torch.equal(mask.tokens(row, rng=np.random.default_rng(seed)), masked)


def test_every_token_is_dropped_at_the_rate_and_independently():
    row = row_of(["one", "two", "six", "red", "boat"])
    tokens, rate, n = content_of(row), 0.3, 4000
    mask = TextMask(rate).for_tokenizer(TOKENIZER)
    rng = np.random.default_rng(0)
    left = [content_of(mask.tokens(row, rng=rng)) for _ in range(n)]
    kept = np.array([[token in caption for token in tokens] for caption in left])
    # One of five is kept where none would be, so a token stays with probability (1 − rate) + rate^5 / 5.
    expected = 1 - rate + rate**5 / 5
    assert np.abs(kept.mean(0) - expected).max() < 4.5 * math.sqrt(expected * (1 - expected) / n)
    counts = np.bincount(kept.sum(1), minlength=6)
    chances = binom.pmf(np.arange(6), 5, 1 - rate)
    chances[1] += chances[0]
    assert counts[0] == 0
    statistic = ((counts[1:] - n * chances[1:]) ** 2 / (n * chances[1:])).sum()
    assert statistic < chi2.ppf(1 - 1e-5, 4)


def test_a_caption_that_would_be_empty_keeps_any_one_of_its_tokens():
    row = row_of(["red", "boat"])
    mask = TextMask(0.999).for_tokenizer(TOKENIZER)
    rng = np.random.default_rng(1)
    left = [content_of(mask.tokens(row, rng=rng)) for _ in range(400)]
    assert {len(tokens) for tokens in left} <= {1, 2}
    first = np.mean([tokens == content_of(row)[:1] for tokens in left])
    assert 0.4 < first < 0.6


def test_the_remark_expects_what_happens():
    captions = pa.array([["red"], ["red boat"], ["a red boat beside a dog"]] * 40)
    mask = TextMask(0.5).for_tokenizer(TOKENIZER)
    assert mask.remark(captions).startswith("text masking: some 31 of 120 captions an epoch would lose every token")
    assert mask.lengths(["red", "red boat", ""]).tolist() == [1, 2, 0]
    assert mask.chance_of_none(np.array([0, 1, 3])) == pytest.approx((0.5 + 0.125) / 3)
    assert TextMask(0.01).for_tokenizer(TOKENIZER).remark(captions.slice(2, 1)) is None


class FakeHf:
    """A BERT-like tokenizer of Hugging Face: [CLS] words [SEP] [PAD]…, and [UNK] for unknown words."""

    pad_token_id, unk_token_id, mask_token_id = 0, 100, 103
    all_special_ids = (100, 102, 0, 101, 103)


def hf(**more):
    return types.SimpleNamespace(tokenizer=FakeHf(), **more)


@pytest.mark.parametrize(
    ("tokenizer", "tokens", "dropped", "expected"),
    [
        (hf(), [101, 7, 100, 9, 102, 0, 0], [1], [101, 100, 9, 102, 0, 0, 0]),
        (hf(strip_sep_token=True), [101, 7, 8, 9, 0, 0], [2], [101, 7, 9, 0, 0, 0]),
        (hf(tokenizer_mode="clips"), [101, 7, 8, 102, 0, 101], [2], [101, 7, 102, 0, 0, 101]),
        (hf(tokenizer_mode="clips"), [101, 7, 8, 102, 101], [1], [101, 8, 102, 0, 101]),
        (hf(), [0, 0, 101, 7, 8, 102], [3], [0, 0, 0, 101, 8, 102]),  # padded on the left
    ],
)
def test_hugging_face_tokenizers_keep_their_special_tokens(tokenizer, tokens, dropped, expected):
    special = special_tokens(tokenizer)
    row = np.array(tokens)
    content = special.content(row)
    assert [tokens[place] for place in content] == [token for token in tokens if token not in (0, 101, 102)]
    assert special.without(row, np.array(dropped)).tolist() == expected


def test_the_exclamation_mark_is_content_though_its_token_is_the_padding():
    special = special_tokens(TOKENIZER)
    assert special == SpecialTokens(fixed=(START, END), pad=0, end=END)
    assert special.content(row_of(["!", "dog", "!"]).numpy()).tolist() == [1, 2, 3]


def test_a_tokenizer_that_tells_nothing_is_an_error():
    with pytest.raises(ModelError, match="does not tell its special tokens, which text masking keeps; train without"):
        TextMask(0.3).for_tokenizer(len)


@given(n=st.integers(1, 6), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_sampling_puts_one_caption_first_and_loses_none(n, seed):
    captions = [f"caption {place}" for place in range(n)]
    drawn = CaptionSampling().captions(captions, rng=np.random.default_rng(seed))
    assert sorted(drawn) == captions
    assert [caption for caption in captions if caption != drawn[0]] == drawn[1:]


def test_every_caption_is_drawn_equally_often():
    rng = np.random.default_rng(0)
    firsts = [CaptionSampling().captions("abcde", rng=rng)[0] for _ in range(5000)]
    counts = np.array([firsts.count(letter) for letter in "abcde"])
    assert ((counts - 1000) ** 2 / 1000).sum() < chi2.ppf(1 - 1e-5, 4)


def test_single_captions_are_remarked_once():
    captions = pa.array([["a"], ["a", "b"], ["c"]])
    assert CaptionSampling().remark(captions).startswith("caption sampling: 2 of 3 records have one caption")
    assert CaptionSampling().remark(captions.slice(1, 1)) is None


def features(n=400, d=64, *, length=1.0):
    drawn = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    return length * torch.nn.functional.normalize(drawn, dim=-1)


@pytest.mark.parametrize("std", [0.05, 0.15, 0.5])
def test_raw_noise_has_its_variance_in_every_coordinate(std):
    clean = features(length=3.0)
    noise = RawTextNoise(std).raw_text_features(clean, generator=torch.Generator().manual_seed(1)) - clean
    n = noise.numel()
    assert n * noise.var().item() / std**2 == pytest.approx(n, abs=5 * math.sqrt(2 * n))
    assert abs(noise.mean().item()) < 5 * std / math.sqrt(n)
    assert torch.corrcoef(noise.T).fill_diagonal_(0).abs().max() < 0.3


@pytest.mark.parametrize("std", [0.05, 0.15, 0.5])
def test_noise_on_normalised_embeddings_is_normalised_again(std):
    clean = features()
    noisy = TextNoise(std).text_features(clean, generator=torch.Generator().manual_seed(1))
    raw = RawTextNoise(std).raw_text_features(clean, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(noisy, raw / raw.norm(dim=1, keepdim=True))
    # cos ≈ 1 / √(1 + std² (d − 1)) where the noise is spread over d directions
    expected = 1 / math.sqrt(1 + std**2 * 63)
    assert (noisy * clean).sum(1).mean().item() == pytest.approx(expected, abs=0.02)


def test_gradients_flow_through_the_noise():
    clean = features(4, 8).requires_grad_()
    TextNoise(0.1).text_features(clean, generator=torch.Generator()).sum().backward()
    assert clean.grad.abs().sum() > 0


def test_flips_and_colours():
    pixels = np.asarray(noise_image(0)).transpose(2, 0, 1)
    always = ImageStrength(flip=1.0).pixels(pixels, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(always, pixels[:, :, ::-1])
    flips = [ImageStrength(flip=0.5).pixels(pixels, rng=np.random.default_rng(k)) for k in range(200)]
    assert 70 < sum(not np.array_equal(flip, pixels) for flip in flips) < 130
    jittered = [ImageStrength(color_jitter=0.4).pixels(pixels, rng=np.random.default_rng(k)) for k in range(200)]
    changed = [not np.array_equal(view, pixels) for view in jittered]
    assert 140 < sum(changed) < 180  # four of five
    means = np.array([view.mean() for view in jittered]) / pixels.mean()
    assert 0.5 < means.min() < 0.75
    assert 1.25 < means.max() < 1.5


def log_softmax(logits):
    return (
        logits
        - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True))
        - logits.max(1, keepdims=True)
    )


@pytest.mark.parametrize("amount", [0.0, 0.1, 0.5])
def test_label_smoothing_by_hand(amount):
    images, texts, scale = features(7, 8), features(7, 8).flip(0), torch.tensor(9.0)
    found = SmoothedClipLoss(amount)(images, texts, scale).item()
    logits = 9.0 * (images @ texts.T).double().numpy()
    labels = (1 - amount) * np.eye(7) + amount / 7
    expected = -(labels * log_softmax(logits)).sum(1).mean() / 2 - (labels * log_softmax(logits.T)).sum(1).mean() / 2
    assert found == pytest.approx(expected, rel=1e-5)
    if not amount:
        assert found == clip_loss(rank=0, world_size=1)(images, texts, scale).item()


def test_siglip_by_hand():
    images, texts = features(5, 8), features(5, 8).flip(0)
    loss = SigLip().criterion(rank=0, world_size=1)
    found = loss(images, texts, torch.tensor(10.0), torch.tensor(-10.0)).item()
    logits = 10.0 * (images @ texts.T).double().numpy() - 10
    signs = 2 * np.eye(5) - 1
    assert found == pytest.approx(np.log1p(np.exp(-signs * logits)).sum() / 5, rel=1e-5)
    config = SigLip().model_config({"embed_dim": 4})
    assert config == {"embed_dim": 4, "init_logit_scale": math.log(10), "init_logit_bias": -10.0}


def config_of(**options):
    return TrainConfig.checked(**{"records": "r", "out": "m", **options})


def test_the_options_compose_in_one_order():
    every = mitigations_of(
        config_of(
            label_smoothing=0.1, text_noise=0.2, text_noise_at="raw", flip=0.5, text_mask=0.3, caption_sampling=True
        )
    )
    kinds = ["CaptionSampling", "TextMask", "ImageStrength", "RawTextNoise", "LabelSmoothing"]
    assert [type(mitigation).__name__ for mitigation in every] == kinds
    assert mitigations_of(config_of()) == ()
    assert mitigations_of(config_of(loss="siglip")) == (SigLip(),)
    assert [name for name, _ in those_with("tokens", every)] == ["TextMask"]
    assert stream_names([*every, *every])[-1] == "LabelSmoothing 2"
    assert those_with("text_features", [Mitigation()]) == []


def test_mitigations_go_to_worker_processes():
    mask = TextMask(0.5).for_tokenizer(TOKENIZER)
    again = pickle.loads(pickle.dumps(mask))  # noqa: S301 (what a worker process does)
    row = row_of(["red", "boat", "dog"])
    masked = [one.tokens(row, rng=np.random.default_rng(3)) for one in (mask, again)]
    assert torch.equal(*masked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epocs": 3}, "unknown option 'epocs'; did you mean 'epochs'"),
        ({"epochs": 0}, "epochs = 0; expected 1 or more"),
        ({"lr": -1}, "lr = -1; expected more than 0"),
        ({"device": "tpu"}, "device = 'tpu'; expected auto, cpu or cuda"),
        ({"logit_scale_max": 1}, "logit_scale_max = 1"),
        ({"min_crop": 1.5}, "min_crop = 1.5"),
        ({"text_mask": 1}, "text_mask = 1; expected less than 1"),
        ({"text_noise": -0.1}, "text_noise = -0.1; expected 0 or more"),
        ({"text_noise_at": "row"}, "text_noise_at = 'row'; expected normalised or raw"),
        ({"loss": "siglp"}, "loss = 'siglp'; expected clip or siglip"),
        ({"loss": "siglip", "label_smoothing": 0.1}, r"label_smoothing = 0\.1 goes with loss = clip.*leave one of the"),
        ({"flip": 2}, "flip = 2"),
        ({"color_jitter": 1}, "color_jitter = 1"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        config_of(**options)


def test_keys_of_trainings_without_mitigations_are_as_they_were():
    """Written down before there were these options: models trained then are still recognised."""
    assert (
        config_of().key(records_hash="h", model_config={"embed_dim": 4}, mitigations="()")
        == "1c3262c196e8bcc8ca547f4b1dad3afc"
    )
    older = {"model": "tiny", "epochs": 80, "weight_decay": 0.3, "logit_scale_max": 25, "min_crop": 0.5, "seed": 3}
    assert (
        config_of(checkpoint_epochs="5,20", **older).key(
            records_hash="h", model_config=find_architecture("tiny").config, mitigations="()"
        )
        == "d904e66aebe2498b667ef88541bd9379"
    )
    # Written down when the views of these trainings last changed.
    ssl = SslConfig.checked(records="r", out="m", objective="simclr")
    assert ssl.key(records_hash="h", architecture={"a": 1}) == "b5b520aa8606a46d9b4d9cae97f8d451"


def test_every_mitigation_has_a_key_of_its_own():
    def key(contents=(), **options):
        config = config_of(**options)
        return config.key(records_hash="h", model_config={}, mitigations="()", contents=contents)

    changes = [
        {"text_mask": 0.3},
        {"text_mask": 0.5},
        {"caption_sampling": True},
        {"text_noise": 0.15},
        {"text_noise": 0.15, "text_noise_at": "raw"},
        {"loss": "siglip"},
        {"label_smoothing": 0.1},
        {"flip": 0.5},
        {"color_jitter": 0.4},
        {"contents": ["held out"]},
        {"contents": ["other"]},
    ]
    assert len({key(), *(key(**change) for change in changes)}) == len(changes) + 1
    same = [{"text_noise_at": "raw"}, {"image_variants": "x"}, {"deduplicate": True}, {"early_stop": "b"}]
    assert {key(**change) for change in same} == {key()}  # by their content alone, or they say nothing
