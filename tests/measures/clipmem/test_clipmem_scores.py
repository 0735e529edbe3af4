import numpy as np
import pytest
from array_shapes import unchecked
from hypothesis import given, settings
from hypothesis import strategies as st

from memometer.errors import InputError
from memometer.measures.clipmem.scores import HeldOut, align, clipmem, normalised, similarity

seeds = st.integers(0, 2**32 - 1)


def unit(rng, *shape):
    vectors = rng.standard_normal(shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


class Views:
    """One model's unit embeddings of every view and every caption; the last ``held`` records are the held-out ones."""

    def __init__(self, seed, *, n=9, held=4, views=3, captions=2, dim=6):
        rng = np.random.default_rng(seed)
        self.images, self.texts = unit(rng, n, views, dim), unit(rng, n, captions, dim)
        self.own = np.arange(n) >= n - held

    def means(self):
        return self.images.mean(axis=1), self.texts.mean(axis=1)

    def align(self):
        images, texts = self.means()
        held_out = HeldOut(images[self.own].sum(axis=0), texts[self.own].sum(axis=0), int(self.own.sum()))
        return align(images, texts, held_out=held_out, own=self.own)

    def oracle(self, *, negatives=True):
        """METHODS, Section 5, as it stands: loops over all views, captions and negatives; no mean embedding."""
        found = []
        for record in range(len(self.images)):
            others = [other for other in np.flatnonzero(self.own) if other != record]
            total = np.mean([image @ text for image in self.images[record] for text in self.texts[record]])
            if negatives:
                for mine, theirs in ((self.images, self.texts), (self.texts, self.images)):
                    pairs = ((one, two) for other in others for one in mine[record] for two in theirs[other])
                    total -= np.mean([one @ two for one, two in pairs])
            found.append(total)
        return np.array(found)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_mean_embeddings_equal_the_loops_over_views_and_negatives(seed):
    world = Views(seed)
    np.testing.assert_allclose(world.align(), world.oracle(), atol=1e-13)
    np.testing.assert_allclose(align(*world.means(), held_out=None), world.oracle(negatives=False), atol=1e-13)


def test_hand_computed_pair():
    # The image lies on the x axis, its captions at 0° and 60°; the held-out image on the y axis, its caption on the x.
    images, texts = np.array([[1.0, 0.0]]), np.array([[(1 + 0.5) / 2, np.sqrt(3) / 4]])
    assert similarity(images, texts)[0] == pytest.approx(0.75)
    held_out = HeldOut(images=np.array([0.0, 1.0]), texts=np.array([1.0, 0.0]), n=1)
    # 0.75 less the cosine of the image and the other caption, less the mean cosine of the captions and the other image.
    assert align(images, texts, held_out=held_out)[0] == pytest.approx(0.75 - 1 - np.sqrt(3) / 4)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_equal_models_give_exact_zeros_and_swapped_ones_negate(seed):
    target, reference = (np.stack([Views(seed + row).align() for row in rows]) for rows in ((0, 1), (2, 3, 4)))
    there, back = (
        clipmem(targets=target, references=reference),
        clipmem(targets=reference, references=target),
    )
    np.testing.assert_array_equal(there.score, -back.score)
    np.testing.assert_array_equal(there.stderr, back.stderr)
    assert not np.any(clipmem(targets=target, references=target[::-1]).score)


def test_turning_both_towers_changes_nothing_and_a_shift_common_to_both_models_cancels():
    rng = np.random.default_rng(0)
    world = Views(1)
    before = world.align()
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    world.images, world.texts = world.images @ turn, world.texts @ turn
    np.testing.assert_allclose(world.align(), before, atol=1e-13)
    target, reference, shift = rng.standard_normal((3, 1, 9))
    plain = clipmem(targets=target, references=reference)
    shifted = clipmem(targets=target + shift, references=reference + shift)
    np.testing.assert_allclose(shifted.score, plain.score, atol=1e-13)


def test_several_trainings_are_averaged_with_their_standard_error():
    targets, references = np.array([[1.0], [0.0]]), np.array([[0.2], [0.4], [0.6]])
    pairs = [t - r for t in targets for r in references]
    both = clipmem(targets=targets, references=references)
    assert both.score[0] == pytest.approx(np.mean(pairs))
    assert both.stderr[0] == pytest.approx(np.sqrt(0.5 / 2 + 0.04 / 3))
    assert (both.align_target[0], both.align_reference[0]) == (0.5, pytest.approx(0.4))
    assert np.isnan(clipmem(targets=targets, references=references[:1]).stderr[0])
    assert np.isnan(clipmem(targets=targets[:1], references=references).stderr[0])


def test_float32_embeddings_are_summed_in_float64():
    rng = np.random.default_rng(0)
    images, texts = (rng.standard_normal((2, 4096)).astype(np.float32) for _ in range(2))
    exact = [sum(float(a) * float(b) for a, b in zip(*pair, strict=True)) for pair in zip(images, texts, strict=True)]
    np.testing.assert_allclose(similarity(images, texts), exact, rtol=1e-13)


def test_the_normalised_score_is_over_the_range_and_never_shifted():
    scores, span = normalised(np.array([0.5, 0.0, -0.3, np.nan]))
    assert span == pytest.approx(0.8)
    np.testing.assert_allclose(scores, [0.625, 0.0, -0.375, np.nan])
    above, span = normalised(np.array([0.5, 0.4]))
    assert span == 0.5  # reaches to 0: over max − min = 0.1, 0.5 would become 5
    np.testing.assert_allclose(above, [1.0, 0.8])
    for nothing in (np.zeros(3), np.array([np.nan]), np.zeros(0)):
        scores, span = normalised(nothing)
        assert span is None
        assert np.isnan(scores).all()


def test_the_only_held_out_record_has_no_negative_left():
    world = Views(0, n=3, held=1)
    assert np.isnan(world.align()).tolist() == [False, False, True]
    assert np.isnan(align(*world.means(), held_out=HeldOut(np.zeros(6), np.zeros(6), 0))).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: unchecked(similarity)(np.zeros((2, 3)), np.zeros((2, 4))), "expected \\(n, d\\) of both"),
        (
            lambda: align(np.zeros((2, 3)), np.zeros((2, 3)), held_out=HeldOut(np.zeros(4), np.zeros(4), 1)),
            "expected \\(3,\\), as of the same model",
        ),
        (
            lambda: unchecked(clipmem)(targets=np.zeros((1, 2)), references=np.zeros((1, 3))),
            "expected \\(t, n\\) and \\(r, n\\)",
        ),
        (lambda: clipmem(targets=np.zeros((0, 2)), references=np.zeros((1, 2))), "at least one target"),
    ],
)
def test_wrong_input_is_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call()
