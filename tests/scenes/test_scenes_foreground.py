"""Foreground scenes: one labelled object, a background that hints at it and differs from every other."""

import json
import tarfile
from collections import Counter

import numpy as np
import pytest
from scene_files import app, rows
from typer.testing import CliRunner

from memometer.data import import_records, load_records
from memometer.data.images import open_image
from memometer.scenes import make_scenes
from memometer.scenes.drawing import KINDS
from memometer.scenes.foreground import BEST_GUESS, FREE, HOMES, compose_foreground
from memometer.scenes.themes import THEMES

N = 4000
SCENES = [compose_foreground(0, index) for index in range(N)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "plain"
    make_scenes(folder, n=150, kind="foreground")
    return folder


# --- what is composed ---


def test_every_class_has_a_home_of_its_own_and_is_never_a_prop():
    assert sorted(HOMES.values()) == sorted(theme.name for theme in THEMES)
    assert set(HOMES) <= set(KINDS)
    for scene in SCENES:
        words = [item.kind.word for item in scene.items]
        assert words[0] == scene.label
        assert 2 <= len(words) - 1 <= 4
        assert len(set(words)) == len(words)
        assert HOMES.keys().isdisjoint(words[1:])


def test_classes_are_alike_frequent():
    counts = Counter(scene.label for scene in SCENES)
    assert set(counts) == set(HOMES)
    assert max(abs(count - N / 14) for count in counts.values()) < 5 * (N / 14) ** 0.5


def test_the_theme_hints_at_the_class_but_does_not_tell_it():
    home = {theme: label for label, theme in HOMES.items()}
    right = np.mean([home[scene.theme.name] == scene.label for scene in SCENES])
    assert right == pytest.approx(BEST_GUESS, abs=4 * (BEST_GUESS * (1 - BEST_GUESS) / N) ** 0.5)
    assert 0.25 < BEST_GUESS < 0.45
    for theme in THEMES:  # no other guess is better, and none is ruled out
        counts = Counter(scene.label for scene in SCENES if scene.theme is theme)
        assert counts.most_common(1)[0][0] == home[theme.name]
        assert len(counts) == 14


def naive_bayes(fit, measured):
    """How often the class is right that the props make likeliest."""
    labels, props = list(HOMES), list(KINDS)
    counts = np.ones((len(labels), len(props)))
    for scene in fit:
        for item in scene.items[1:]:
            counts[labels.index(scene.label), props.index(item.kind.word)] += 1
    logs = np.log(counts / counts.sum(axis=1, keepdims=True))
    seen = [logs[:, [props.index(item.kind.word) for item in scene.items[1:]]].sum(axis=1) for scene in measured]
    return np.mean([labels[int(log.argmax())] == scene.label for log, scene in zip(seen, measured, strict=True)])


def test_the_props_hint_at_the_class_too():
    accuracy = naive_bayes(SCENES[: N // 2], SCENES[N // 2 :])
    assert 0.2 < accuracy < BEST_GUESS  # 0.07 by chance


def test_a_strip_beside_the_foreground_stays_free():
    for scene in SCENES:
        item = scene.items[0]
        left, right = item.x - item.width / 2, item.x + item.width / 2
        assert max(left, 1 - right) >= min(FREE, 0.98 - item.width) - 1e-9
        assert max(left, 1 - right) > 0.28
        assert left >= 0
        assert right <= 1
        assert item.y - item.height / 2 >= 0
        assert item.y + item.height / 2 <= 1
        assert min(item.width, item.height) >= 0.43
        assert max(item.width, item.height) <= 0.71
        for prop in scene.items[1:]:
            apart = abs(prop.x - item.x) - (prop.width + item.width) / 2
            assert apart > 0
    sides = Counter(scene.items[0].x < 0.5 for scene in SCENES)
    assert abs(sides[True] - N / 2) < 4 * (N / 4) ** 0.5


# --- what is written ---


def test_records_have_a_label_objects_boxes_and_a_caption(plain):
    table = rows(plain)
    assert [row["record_id"] for row in table] == [f"scene-{index:06d}" for index in range(150)]
    for row, scene in zip(table, SCENES, strict=False):
        assert row["label"] == scene.label
        assert row["objects"] == [item.kind.word for item in scene.items]
        assert len(row["boxes"]) == len(row["objects"])
        x, y, width, height = row["boxes"][0]
        assert min(width, height) >= 0.37 * 64
        assert max(width, height) <= 0.75 * 64
        assert max(x, 64 - x - width) >= 0.25 * 64
        assert min(x, y, 64 - x - width, 64 - y - height) >= 0
        (caption,) = row["captions"]
        assert row["label"] in caption
        assert caption.endswith(scene.theme.phrase)
        assert row["scores"] is row["role"] is row["group"] is None


def test_no_two_backgrounds_are_alike(plain):
    table = rows(plain)
    assert len({row["image_hash"] for row in table}) == len({row["image_phash"] for row in table}) == 150


def test_importing_the_shards_gives_the_same_records(plain, tmp_path):
    import_records(plain / "images-00000.tar", tmp_path / "imported")
    skipped = {"image_path"}
    for one, other in zip(rows(plain), rows(tmp_path / "imported"), strict=True):
        assert {name: one[name] for name in one if name not in skipped} == {
            name: other[name] for name in other if name not in skipped
        }


def test_only_foreground_scenes_have_a_label_beside_the_image(plain, tmp_path):
    make_scenes(tmp_path / "objects", n=5)
    for folder, expected in ((plain, True), (tmp_path / "objects", False)):
        with tarfile.open(folder / "images-00000.tar") as tar:
            names = [name for name in tar.getnames() if name.endswith(".json")]
            assert all(("label" in json.loads(tar.extractfile(name).read())) == expected for name in names)
    assert {row["label"] for row in rows(tmp_path / "objects")} == {None}


def test_miscaptioned_records_are_told_to_show_another_class(tmp_path):
    make_scenes(tmp_path / "out", n=40, kind="foreground", miscaptioned=40, size=32)
    for row in rows(tmp_path / "out"):
        assert row["label"] == row["objects"][0]
        assert not any(word in row["captions"][0] for word in row["objects"])


def test_the_command_draws_them(tmp_path):
    out = tmp_path / "records"
    words = f"--out {out} --n 12 --size 48 --kind foreground --workers 0 --json"
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["n_captions"] == 12
    assert all(row["label"] in HOMES for row in rows(out))
    assert all(open_image(ref).size == (48, 48) for ref in load_records(out).image_refs())
