"""Captions of scenes, and the co-occurrence of objects."""

import re

import numpy as np

from memometer.scenes.captions import captions_of
from memometer.scenes.composition import compose
from memometer.scenes.drawing import COLORS, KINDS
from memometer.scenes.themes import THEMES

N = 1500
SCENES = [compose(0, index) for index in range(N)]
CAPTIONS = [captions_of(scene) for scene in SCENES]
PATTERN = re.compile(r"\b(" + "|".join(sorted(KINDS, key=len, reverse=True)) + r")\b")


def objects(scene):
    return {item.kind.word for item in scene.items}


def named(caption):
    return set(PATTERN.findall(caption))


def test_scenes_hold_three_to_six_different_objects():
    counts = [len(objects(scene)) for scene in SCENES]
    assert set(counts) == {3, 4, 5, 6}
    assert counts == [len(scene.items) for scene in SCENES]


def test_captions_name_one_to_three_objects_that_are_there():
    for scene, captions in zip(SCENES, CAPTIONS, strict=True):
        for caption in captions:
            assert 1 <= len(named(caption)) <= 3
            assert named(caption) <= objects(scene)


def test_every_record_has_an_object_that_no_caption_names():
    left_out = [
        len(objects(scene) - set().union(*map(named, captions)))
        for scene, captions in zip(SCENES, CAPTIONS, strict=True)
    ]
    assert min(left_out) >= 1
    assert np.mean(left_out) > 1.5


def test_five_captions_no_two_equal():
    assert all(len(captions) == len(set(captions)) == 5 for captions in CAPTIONS)


def test_a_first_caption_tells_its_record_from_the_others():
    assert len({captions[0] for captions in CAPTIONS}) > 0.998 * N
    assert all(len(named(captions[0])) == 2 for captions in CAPTIONS)
    everything = [caption for captions in CAPTIONS for caption in captions]
    assert len(set(everything)) > 0.98 * len(everything)


def test_captions_are_true_of_size_colour_and_place():
    for scene, captions in zip(SCENES, CAPTIONS, strict=True):
        said = {item.kind.word: f"{item.size} {item.color} {item.kind.word}".strip() for item in scene.items}
        where = {item.kind.word: item for item in scene.items}
        for caption in captions:
            assert all(said[word] in caption for word in named(caption))
            found = re.match(
                r"(?:an? )?(.+?) (?:to the )?(left of|right of|above|below|over|under) (?:an? )?(.+)", caption
            )
            if found and len(named(caption)) == 2 and named(found[1]) and named(found[3]):
                one, other = (where[PATTERN.search(part)[0]] for part in (found[1], found[3]))
                true = {
                    "left of": one.x < other.x,
                    "right of": one.x > other.x,
                    "above": one.y < other.y,
                    "over": one.y < other.y,
                    "below": one.y > other.y,
                    "under": one.y > other.y,
                }
                assert true[found[2]], caption


def test_articles_fit_the_next_word():
    for captions in CAPTIONS:
        for caption in captions:
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", caption), caption
            assert caption == caption.strip().lower()


def test_captions_fit_a_short_text_context():
    lengths = [len(re.findall(r"\w+|,", caption)) for captions in CAPTIONS for caption in captions]
    assert max(lengths) <= 19  # 21 of CLIP's tokens at most, start and end among them


def test_other_words_of_captions_name_no_object():
    settings = {theme.phrase for theme in THEMES} | set(COLORS) | {"wall", "sky", "small", "large"}
    assert all(named(words) == set() for words in settings)


def test_objects_of_a_theme_occur_together_more_often_than_by_chance():
    words = sorted(KINDS)
    held = np.array([[word in objects(scene) for word in words] for scene in SCENES], float)
    together = held.T @ held / N
    alone = held.mean(0)
    lift = together / np.outer(alone, alone)
    typical = [(words.index("cow"), words.index("barn")), (words.index("kettle"), words.index("oven"))]
    assert all(lift[pair] > 2 for pair in typical)
    assert lift[words.index("cow"), words.index("toothbrush")] < 1
    assert all(alone > 0.01)  # every kind is common enough to be learnt


def test_the_theme_does_not_settle_the_objects():
    for theme in THEMES:
        scenes = [objects(scene) for scene in SCENES if scene.theme is theme]
        assert len(scenes) > 50
        commonest = max(sum(word in scene for scene in scenes) for word in KINDS) / len(scenes)
        assert commonest < 0.75
        off_theme = np.mean([len(scene - set(theme.weights)) / len(scene) for scene in scenes])
        assert 0.1 < off_theme < 0.4
