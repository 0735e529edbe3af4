"""Background and corner crops, against all rectangles of small images, and by hand."""

import numpy as np
import pyarrow as pa
import pytest
from array_shapes import unchecked
from hypothesis import given, settings
from hypothesis import strategies as st

from memometer.errors import InputError
from memometer.measures.image_dejavu.crops import REASONS, background_crops, corner_crops
from memometer.objects import label_union
from memometer.references import objects_in_crops
from memometer.scenes.foreground import compose_foreground
from memometer.scenes.rendering import render


def arrays(images):
    """``images``: ((width, height), boxes) each."""
    sizes = np.array([size for size, _ in images], np.int64).reshape(-1, 2)
    indptr = np.concatenate(([0], np.cumsum([len(boxes) for _, boxes in images]))).astype(np.int64)
    xywh = np.array([box for _, boxes in images for box in boxes], np.float64).reshape(-1, 4)
    return {"indptr": indptr, "xywh": xywh, "sizes": sizes}


def background(size, boxes, *, min_side=0, needs_box=False):
    found = background_crops(**arrays([(size, boxes)]), min_side=min_side, needs_box=needs_box)
    return found, tuple(found.rectangles[0].tolist())


def covered(size, boxes):
    """(height, width) bool, px by px: what the boxes touch."""
    width, height = size
    grid = np.zeros((height, width), bool)
    for x, y, w, h in boxes:
        for row in range(height):
            for column in range(width):
                across = min(x + w, column + 1) - max(x, column)
                down = min(y + h, row + 1) - max(y, row)
                grid[row, column] |= across > 0 and down > 0
    return grid


def rectangles(size):
    width, height = size
    return [
        (left, top, right - left, bottom - top)
        for left in range(width)
        for top in range(height)
        for right in range(left + 1, width + 1)
        for bottom in range(top + 1, height + 1)
    ]


def background_oracle(size, boxes):
    """The best of all free rectangles; zeros where there is none."""
    grid = covered(size, boxes)
    free = [
        (left, top, width, height)
        for left, top, width, height in rectangles(size)
        if not grid[top : top + height, left : left + width].any()
    ]
    rank = lambda r: (-min(r[2], r[3]), -r[2] * r[3], r[0], r[1], -r[2])  # noqa: E731 (one expression)
    return min(free, key=rank, default=(0, 0, 0, 0))


def corner_oracle(size, boxes, fraction):
    """The free corner with the greatest least distance from a covered px."""
    grid = covered(size, boxes)
    width, height = (max(1, int(fraction * side + 0.5)) for side in size)
    best, farthest = None, -1
    for left, top in (
        (0, 0),
        (0, size[1] - height),
        (size[0] - width, 0),
        (size[0] - width, size[1] - height),
    ):
        if grid[top : top + height, left : left + width].any():
            continue
        nearest = np.inf
        for row, column in zip(*np.nonzero(grid), strict=True):
            across = max(column - left - width, left - column - 1, 0)
            down = max(row - top - height, top - row - 1, 0)
            nearest = min(nearest, across**2 + down**2)
        if nearest > farthest:
            best, farthest = (left, top, width, height), nearest
    return best or (0, 0, 0, 0)


sides = st.integers(1, 9)
quarters = st.integers(-8, 40).map(lambda number: number / 4)
boxes = st.lists(st.tuples(quarters, quarters, st.integers(0, 24).map(lambda n: n / 4), quarters.map(abs)), max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.tuples(sides, sides), boxes), min_size=1, max_size=3))
def test_background_crops_are_the_best_of_all_free_rectangles(images):
    found = background_crops(**arrays(images), min_side=0)
    assert [tuple(row) for row in found.rectangles.tolist()] == [background_oracle(*image) for image in images]
    np.testing.assert_array_equal(found.kept, found.rectangles[:, 2] > 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.tuples(sides, sides), boxes), min_size=1, max_size=3), st.sampled_from([0.2, 0.3, 0.5, 1]))
def test_corner_crops_are_the_farthest_free_corners(images, fraction):
    found = corner_crops(**arrays(images), fraction=fraction)
    expected = [corner_oracle(size, inside, fraction) for size, inside in images]
    assert [tuple(row) for row in found.rectangles.tolist()] == expected


@settings(max_examples=60, deadline=None)
@given(st.tuples(sides, sides), boxes, st.randoms(use_true_random=False))
def test_order_and_neighbours_of_an_image_change_nothing(size, inside, shuffle):
    alone = background(size, inside)[1]
    shuffled = list(inside)
    shuffle.shuffle(shuffled)
    many = background_crops(**arrays([((4, 5), [(0, 0, 2, 2)]), (size, shuffled), ((3, 3), [])]), min_side=0)
    assert tuple(many.rectangles[1].tolist()) == alone


@pytest.mark.parametrize(
    ("size", "inside", "expected"),
    [
        # No box: the whole image.
        ((100, 80), [], (0, 0, 100, 80)),
        # One box in the middle: strips of 40 on the left and on the right, of 30 above and below.
        ((100, 80), [(40, 30, 20, 20)], (0, 0, 40, 80)),
        # A box off the middle: the strip on its right is the widest.
        ((100, 80), [(20, 30, 20, 20)], (40, 0, 60, 80)),
        # A box at the upper border: the strip below it has a side of 50, those beside it of 40.
        ((100, 80), [(40, 0, 20, 30)], (0, 30, 100, 50)),
        # Two boxes with a gap of 50 between them.
        ((100, 80), [(0, 0, 20, 80), (70, 0, 30, 80)], (20, 0, 50, 80)),
        # Two boxes that overlap are one obstacle: 100 - 55 = 45 on the right, 80 - 60 = 20 below.
        ((100, 80), [(0, 0, 40, 60), (30, 10, 25, 50)], (55, 0, 45, 80)),
        # A step: beside the upper box 60 × 40, below the lower one 100 × 30; the short sides are 40 and 30.
        ((100, 80), [(0, 0, 40, 50), (0, 40, 60, 10)], (60, 0, 40, 80)),
        # Equal shorter sides of 50: the larger area, 50 × 110 on the right of the box against 100 × 50 below it.
        ((100, 110), [(0, 0, 50, 60)], (50, 0, 50, 110)),
        # Equal shorter sides and areas: the lower left edge.
        ((100, 100), [(30, 0, 40, 100)], (0, 0, 30, 100)),
        # Equal in all but the top: the upper one.
        ((100, 100), [(0, 30, 100, 40)], (0, 0, 100, 30)),
        # The same corner, 20 × 60 and 60 × 20: the wider one.
        ((60, 60), [(20, 20, 40, 40)], (0, 0, 60, 20)),
        # Boxes of parts of a px cover all of it.
        ((10, 10), [(0.25, 0, 3.5, 10)], (4, 0, 6, 10)),
        # But not for a rounding of float32.
        ((20, 10), [(0.1, 0, float(np.float32(11.9)) + 1e-6, 10)], (12, 0, 8, 10)),
    ],
)  # fmt: skip
def test_layouts_by_hand(size, inside, expected):
    found, rectangle = background(size, inside)
    assert rectangle == expected
    assert found.reason.tolist() == [0]
    assert (found.n_used[0], found.n_clipped[0], found.n_empty[0]) == (len(inside), 0, 0)


def test_a_box_over_the_whole_image_leaves_no_crop():
    found, rectangle = background((100, 80), [(0, 0, 100, 80)])
    assert rectangle == (0, 0, 0, 0)
    assert not found.kept[0]
    assert found.reasons() == {"boxes leave no room": 1}


def test_boxes_that_leave_the_image_are_clipped_and_counted():
    found, rectangle = background((100, 80), [(-10, -5, 40, 200), (90, 0, 30, 80)])
    assert rectangle == (30, 0, 60, 80)
    assert (found.n_used[0], found.n_clipped[0], found.n_empty[0]) == (2, 2, 0)


def test_boxes_without_area_or_outside_cover_nothing_and_are_counted():
    inside = [(50, 10, 0, 60), (10, 40, 80, 0), (20, 20, -5, 30), (200, 0, 10, 10), (-30, 0, 30, 80)]
    found, rectangle = background((100, 80), inside)
    assert rectangle == (0, 0, 100, 80)
    assert (found.n_used[0], found.n_clipped[0], found.n_empty[0]) == (0, 0, 5)


def test_the_shorter_side_must_exceed_the_limit():
    inside = [(100, 0, 200, 150)]  # a strip of 100 × 150 stays
    assert background((300, 150), inside, min_side=99)[0].kept[0]
    assert background((300, 150), inside, min_side=100)[0].reasons() == {"the largest free rectangle is too small": 1}
    assert background((300, 150), inside, min_side=0.66)[0].kept[0]  # more than 99 px
    assert not background((300, 150), inside, min_side=0.67)[0].kept[0]  # more than 100.5 px
    assert background((300, 150), inside, min_side=100)[1] == (0, 0, 0, 0)


def test_undefined_crops_have_their_reason_and_are_counted():
    images = [
        ((50, 50), []),
        ((50, 50), [(0, 0, 0, 10)]),
        ((50, 50), [(0, 0, 10, 10), (np.nan, np.nan, np.nan, np.nan)]),
        ((-1, 50), [(0, 0, 10, 10)]),
        ((0, 0), []),
        ((50, 50), [(0, 0, 10, 10)]),
        ((50, 50), [(0, 0, 10, np.inf)]),
    ]
    for find in (background_crops, corner_crops):
        options = {"min_side": 20} if find is background_crops else {}
        assert find(**arrays(images), **options).kept.tolist() == [True, True, False, False, False, True, False]
        found = find(**arrays(images), needs_box=True, **options)
        assert found.kept.tolist() == [False, False, False, False, False, True, False]
        assert found.reasons() == {
            "the image has no size": 2,
            "a box has no known place": 2,
            "no box says where the foreground is": 2,
        }
        assert (found.rectangles[~found.kept] == 0).all()
        assert sum(found.reasons().values()) == (~found.kept).sum()
    assert len(set(REASONS)) == len(REASONS)


@pytest.mark.parametrize(
    ("size", "inside", "expected"),
    [
        ((100, 50), [], (0, 0, 30, 15)),
        ((100, 50), [(0, 0, 60, 30)], (70, 35, 30, 15)),  # the farthest from a box in the upper left
        ((100, 50), [(40, 20, 40, 30)], (0, 0, 30, 15)),  # the left corners are free, the upper one is farther
        ((100, 50), [(0, 0, 100, 20)], (0, 35, 30, 15)),  # both lower ones are as far: the left
        ((100, 50), [(29, 14, 40, 20)], (70, 35, 30, 15)),  # touches the upper left by a px
        ((100, 50), [(30, 15, 40, 20)], (0, 0, 30, 15)),  # touches none; 0 px from all four
        ((100, 50), [(20, 10, 60, 30)], (0, 0, 0, 0)),
        ((1, 1), [], (0, 0, 1, 1)),
    ],
)
def test_corners_by_hand(size, inside, expected):
    found = corner_crops(**arrays([(size, inside)]), fraction=0.3)
    assert tuple(found.rectangles[0].tolist()) == expected


def test_crops_of_foreground_scenes_are_large():
    pictures = [render(compose_foreground(3, index), size=64) for index in range(40)]
    found = background_crops(**arrays([((64, 64), [picture.boxes[0]]) for picture in pictures]), min_side=0.25)
    assert found.kept.all()
    scenes = [[item.kind.word for item in compose_foreground(3, index).items] for index in range(40)]
    inside = objects_in_crops(
        found.rectangles,
        objects=pa.array(scenes),
        boxes=pa.array([picture.boxes for picture in pictures], pa.list_(pa.list_(pa.float32(), 4))),
        vocabulary=label_union([pa.array(scenes)]),
    )
    held = [set(inside.ids[inside.indptr[row] : inside.indptr[row + 1]].tolist()) for row in range(40)]
    words = label_union([pa.array(scenes)]).to_pylist()
    assert not any(words.index(scene[0]) in ids for scene, ids in zip(scenes, held, strict=True))
    assert inside.sizes.sum() > 0.7 * sum(len(scene) - 1 for scene in scenes)  # most of the props


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"min_side": -1}, "the smallest side of a crop is -1; pass px"),
        ({"min_side": float("nan")}, "the smallest side of a crop is nan"),
        ({"sizes": np.zeros((2, 2), int)}, r"expected \(n, 2\), \(n \+ 1,\) and"),
        ({"xywh": np.zeros((2, 4))}, r"boxes \(2, 4\)"),
    ],
)
def test_wrong_input_is_a_sentence(change, words):
    with pytest.raises(InputError, match=words):
        unchecked(background_crops)(**{**arrays([((5, 5), [(0, 0, 1, 1)])]), **change})
    if "fraction" not in change:
        with pytest.raises(InputError, match="fraction is 0; pass one above 0"):
            corner_crops(**arrays([((5, 5), [])]), fraction=0)


def test_no_images():
    assert len(background_crops(**arrays([])).rectangles) == len(corner_crops(**arrays([])).rectangles) == 0
