"""Kinds of objects, their drawings and their boxes; perceptual hashes of scenes."""

import dataclasses
import itertools

import numpy as np
import pytest

from memometer.data.fingerprints import perceptual_hash
from memometer.scenes.composition import Item, compose
from memometer.scenes.drawing import COLORS, KINDS, Pen, paint_of
from memometer.scenes.rendering import render
from memometer.scenes.themes import THEMES


def test_kinds_are_many_and_their_words_plain():
    assert len(KINDS) >= 60
    forms = [form for kind in KINDS.values() for form in set(kind.forms)]
    assert len(forms) == len(set(forms))
    assert all(form == form.lower() and len(form.split()) <= 2 and form.replace(" ", "").isalpha() for form in forms)


def test_no_word_contains_another():
    contained = [(one, other) for one, other in itertools.permutations(KINDS, 2) if one in other]
    assert contained == []


def test_every_kind_is_typical_of_a_theme_and_themes_name_only_kinds():
    assert len(THEMES) >= 8
    assert len({theme.name for theme in THEMES}) == len({theme.phrase for theme in THEMES}) == len(THEMES)
    assert set().union(*(theme.weights for theme in THEMES)) == set(KINDS)


def silhouette(word: str) -> np.ndarray:
    """(48, 48, 3) the kind alone in red, its own aspect stretched to a square."""
    pen = Pen((40, 40), paint_of(COLORS["red"]))
    KINDS[word].draw(pen)
    layer, mask = pen.lift(outline=1, tilt=0, mirrored=False)
    drawn = layer.copy()
    drawn.paste((255, 255, 255, 255), mask=mask.point(lambda value: 255 - value))
    return np.asarray(drawn.convert("RGB").crop(mask.getbbox()).resize((48, 48)), float)


def test_drawings_differ_from_each_other():
    pictures = np.stack([silhouette(word).ravel() for word in KINDS])
    words = list(KINDS)
    for row, picture in enumerate(pictures):
        distances = np.abs(pictures - picture).mean(1)
        distances[row] = np.inf
        nearest = int(distances.argmin())
        assert distances[nearest] > 15, f"{words[row]} looks like {words[nearest]}"


@pytest.mark.parametrize("word", KINDS)
def test_a_drawing_fills_the_box_it_is_asked_to_fill(word):
    pen = Pen((90, 90), paint_of(COLORS["blue"]))
    KINDS[word].draw(pen)
    _, mask = pen.lift(outline=1, tilt=0, mirrored=False)
    margin = (mask.width - 90) // 2
    left, top, right, bottom = mask.getbbox()
    assert min(left, top) >= margin - 8
    assert max(right, bottom) <= margin + 90 + 8
    assert right - left >= 75
    assert bottom - top >= 75


@pytest.mark.parametrize("index", range(40))
def test_boxes_enclose_exactly_what_is_drawn(index):
    scene = compose(3, index)
    bare = dataclasses.replace(scene, items=())
    empty = np.asarray(render(bare, size=64).image, int)
    for item in scene.items:
        alone = render(dataclasses.replace(scene, items=(item,)), size=64)
        changed = np.abs(np.asarray(alone.image, int) - empty).max(2)
        rows, columns = np.nonzero(changed)
        x, y, width, height = alone.boxes[0]
        assert x <= columns.min() <= x + 2
        assert y <= rows.min() <= y + 2
        assert x + width - 3 <= columns.max() < x + width
        assert y + height - 3 <= rows.max() < y + height


def test_boxes_lie_in_the_picture_and_can_be_made_out_at_48_px():
    areas = []
    for index in range(150):
        picture = render(compose(4, index), size=48)
        for x, y, width, height in picture.boxes:
            assert x >= 0
            assert y >= 0
            assert x + width <= 48
            assert y + height <= 48
            assert min(width, height) >= 7
            areas.append(width * height)
    assert np.mean(np.array(areas) >= 81) > 0.98


def test_objects_hide_each_other_little():
    def hidden(one: Item, other: Item) -> float:
        across = (one.width + other.width) / 2 - abs(one.x - other.x)
        down = (one.height + other.height) / 2 - abs(one.y - other.y)
        return max(across, 0) * max(down, 0) / min(one.width * one.height, other.width * other.height)

    shares = [hidden(*pair) for index in range(300) for pair in itertools.combinations(compose(6, index).items, 2)]
    assert np.mean(shares) < 0.05
    assert np.mean(np.array(shares) > 0.4) < 0.01


def test_a_scene_is_the_same_at_every_size():
    scene = compose(0, 7)
    small, large = render(scene, size=48), render(scene, size=96)
    assert large.image.size == (96, 96)
    assert np.allclose(np.array(small.boxes) * 2, large.boxes, atol=4)


def test_different_scenes_are_not_near_duplicates():
    hashes = np.array([perceptual_hash(render(compose(0, index), size=64).image) for index in range(400)], np.uint64)
    distances = np.bitwise_count(hashes[:, None] ^ hashes)[np.triu_indices(len(hashes), 1)]
    assert distances.min() > 6  # what the duplicate guard takes for the same picture
    assert 28 < distances.mean() < 34
