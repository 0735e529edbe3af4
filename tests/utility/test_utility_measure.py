"""Measurements of utility from end to end, on vectors on disk and on a real tiny model."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score
from tower_world import change_column
from utility_world import UtilityWorld

from memometer import measure_utility
from memometer.errors import InputError
from memometer.utility import load_utility

PROBE = {"linear_probe": True, "probe_role": "probe"}


def test_the_summary_lies_in_the_folder(tmp_path):
    world = UtilityWorld(tmp_path)
    found = measure_utility(**world.options, **PROBE, retrieval=True, micro=True, out=tmp_path / "u", replicates=50)
    loaded = load_utility(tmp_path / "u")
    assert loaded.summary == found.summary
    assert loaded.samples.equals(found.samples)
    assert loaded.config["probe_role"] == "probe"
    assert loaded.manifest["records"]["probe"]["n"] == 60
    assert found.summary["zero_shot"] is None
    assert found.summary["linear_probe"]["task"] == "multi-label"
    assert found.summary["linear_probe"]["mean_average_precision"]["n"] == 60


def test_a_second_run_is_free_and_another_needs_overwrite(tmp_path, monkeypatch):
    world = UtilityWorld(tmp_path)
    options = {**world.options, "retrieval": True, "out": tmp_path / "u", "replicates": 20}
    first = measure_utility(**options)
    with monkeypatch.context() as patched:
        patched.setattr("memometer.utility.measure._measure", None)
        assert measure_utility(**options).summary == first.summary
    with pytest.raises(InputError, match="holds another measurement; choose another --out, or pass --overwrite"):
        measure_utility(**options, seed=1)
    assert measure_utility(**options, seed=1, overwrite=True).manifest["key"] != first.manifest["key"]


def test_the_key_depends_on_content_not_on_places(tmp_path):
    keys = [
        measure_utility(**UtilityWorld(tmp_path / name).options, retrieval=True, replicates=5).manifest["key"]
        for name in ("one", "two")
    ]
    assert keys[0] == keys[1]
    world = UtilityWorld(tmp_path / "three", seed=1)
    assert measure_utility(**world.options, retrieval=True, replicates=5).manifest["key"] != keys[0]


@pytest.mark.parametrize("several", [True, False])
def test_the_order_of_records_changes_nothing(tmp_path, several):
    found = []
    for shuffled in (False, True):
        world = UtilityWorld(tmp_path / str(shuffled), several=several, captions=(3, 1, 2, 0), shuffled=shuffled)
        options = {**world.options, **PROBE, "retrieval": True, "replicates": 30}
        found.append(measure_utility(**options))
    summaries = [each.summary.as_dict() | {"model": ""} for each in found]
    assert summaries[0] == summaries[1]
    assert found[0].samples.equals(found[1].samples)
    assert found[0].classes.equals(found[1].classes)


def test_retrieval_counts_captions_of_several_numbers(tmp_path):
    world = UtilityWorld(tmp_path, captions=(3, 1, 2, 0))
    found = measure_utility(**world.options, retrieval=True, captions=2, replicates=20)
    numbers = found.summary["retrieval"]
    assert (numbers["n_images"], numbers["n_captions"], numbers["captions"]) == (60, 15 * (2 + 1 + 2), 2)
    assert numbers["n_skipped"] == {"image without a caption": 15}
    assert numbers["image_to_text"]["recall@1"]["n"] == 45
    assert numbers["text_to_image"]["recall@1"]["n"] == 75
    ranks = found.samples["text_to_image_ranks"].to_pylist()
    assert [len(each) for each in ranks[:4]] == [2, 1, 2, 0]
    hits = [rank is not None and rank <= 5 for each in ranks for rank in each]
    assert numbers["text_to_image"]["recall@5"]["value"] == pytest.approx(np.mean(hits))
    best = found.samples["image_to_text_rank"].to_pylist()
    assert best[3] is None
    assert found.samples["n_captions"].to_pylist()[:4] == [2, 1, 2, 0]


def test_probe_numbers_are_those_of_its_table(tmp_path):
    world = UtilityWorld(tmp_path, several=False, signal=3.0)
    found = measure_utility(**world.options, **PROBE, replicates=20)
    numbers = found.summary["linear_probe"]
    assert numbers["accuracy"]["value"] == pytest.approx(np.mean(found.samples["probe_correct"].to_pylist()))
    assert numbers["accuracy"]["value"] > 0.9
    truth = [world.kinds[place] for place in world.label[:60]]
    right = np.array(found.samples["probe_predicted"].to_pylist()) == truth
    assert right.tolist() == found.samples["probe_correct"].to_pylist()
    assert sum(found.classes["n"].to_pylist()) == 60
    assert numbers["features"] is None  # vectors on disk do not tell


class PicturelessModel:
    """Image vectors by number, as a model gives them: the image's first pixel is its row."""

    def __init__(self, inner, images):
        self.identity, self.spec, self.encode_texts = "p", "p", inner.encode_texts
        self._images = images
        self.preprocess = lambda image: np.asarray(image.convert("RGB"))[0, 0]

    def encode_images(self, pixels):
        return self._images[pixels[:, 0].astype(int)]


def zero_shot(tmp_path, **options):
    """A world with pictures whose first pixel names their row, measured on prompts."""
    from PIL import Image

    world = UtilityWorld(tmp_path, signal=2.0, several=options.pop("several"))
    path = tmp_path / "records" / "records.parquet"
    table = pq.read_table(path)
    names = []
    for row in range(len(world.ids)):
        names.append(f"{row}.png")
        Image.new("RGB", (2, 2), (row, 0, 0)).save(path.parent / names[-1])
    for row in options.pop("broken", ()):
        (path.parent / names[row]).write_bytes(b"no image")
    pq.write_table(table.append_column("image_path", [names]), path)
    words = {"kind_0": "kind 0", "kind_1": "kind 1", "kind_3": "kind 3", "kind_2": "kind 2"}
    model = PicturelessModel(world.model, world.images)
    return world, measure_utility(model=model, records=path.parent, role="test", zero_shot=words, **options)


def zero_shot_scores(world):
    """Cosines of each image under test and each class by hand."""
    centres = [world.images[60:][world.label[60:] == place].mean(axis=0) for place in range(4)]
    unit = np.array([each / np.linalg.norm(each) for each in (*centres, *world.images[:60])])
    return unit[4:] @ unit[:4].T


def test_zero_shot_of_one_label(tmp_path):
    world, found = zero_shot(tmp_path, several=False, templates=["a {}.", "the {}!"], replicates=20)
    numbers = found.summary["zero_shot"]
    predicted = zero_shot_scores(world).argmax(axis=1)
    assert found.samples["zero_shot_predicted"].to_pylist() == [world.kinds[place] for place in predicted]
    assert numbers["accuracy"]["value"] == pytest.approx((predicted == world.label[:60]).mean())
    assert numbers["accuracy"]["value"] > 0.5
    assert numbers["accuracy@5"]["reason"] == "there are 4 classes, fewer than 5"
    assert numbers["templates"] == ["a {}.", "the {}!"]


def test_zero_shot_of_several_objects(tmp_path):
    world, found = zero_shot(tmp_path, several=True, micro=True, replicates=20)
    numbers = found.summary["zero_shot"]
    scores, holds = zero_shot_scores(world), world.holds[:60]
    assert numbers["mean_average_precision"]["value"] == pytest.approx(average_precision_score(holds, scores))
    assert numbers["micro_average_precision"]["value"] == pytest.approx(
        average_precision_score(holds, scores, average="micro")
    )
    assert numbers["accuracy"] is None
    of_class = dict(zip(found.classes["class"].to_pylist(), found.classes["value"].to_pylist(), strict=True))
    assert of_class["kind_3"] == pytest.approx(average_precision_score(holds[:, 3], scores[:, 3]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing is asked for; pass one or more of --retrieval, --zero-shot, --linear-probe"),
        ({"retrieval": True, "templates": ["{}"]}, "templates have no use without classes"),
        ({"linear_probe": True}, "needs training records that are not under test; pass --probe-role"),
        ({"retrieval": True, "probe_role": "probe"}, "have no use without it; pass --linear-probe"),
        ({"linear_probe": True, "probe_role": "test"}, "60 records, e.g. 't000', are both under test and the probe's"),
        ({**PROBE, "features": "backbone"}, "vectors that exist already, so its backbone cannot be probed"),
        ({**PROBE, "features": "head"}, "features = 'head'; expected projector or backbone"),
        ({"zero_shot": ["kind 0", "kind 1"]}, "vectors that exist already and cannot embed prompts"),
        ({"zero_shot": ["cat", "dog"]}, "no record has any of the 2 classes, e.g. 'cat'"),
        ({"retrieval": True, "labels": "both"}, "labels = 'both'; expected auto, label or objects"),
        ({"retrieval": True, "captions": 0}, "captions = 0; expected 1 or more"),
        ({"retrieval": True, "role": "none"}, "no record in .* has the role 'none'"),
    ],
)
def test_bad_input(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        measure_utility(**{**UtilityWorld(tmp_path).options, **options})


def test_retrieval_without_captions(tmp_path):
    with pytest.raises(InputError, match="has a caption; retrieval needs image-caption pairs"):
        measure_utility(**UtilityWorld(tmp_path, captions=(0,)).options, retrieval=True)


def test_a_model_of_images_alone_can_be_probed_only(tmp_path):
    world = UtilityWorld(tmp_path)
    (tmp_path / "vectors" / "texts.npy").unlink()
    measure_utility(**world.options, **PROBE, replicates=5)
    for part in ({"retrieval": True}, {"zero_shot": ["kind 0", "kind 1"]}):
        with pytest.raises(InputError, match="has no text tower, so it can only be probed; leave --"):
            measure_utility(**world.options, **part)


def test_shared_captions_are_counted(tmp_path):
    world = UtilityWorld(tmp_path)

    def shared(captions):
        captions[0][0] = captions[1][2] = "The SAME"
        captions[2][1] = " the same "
        captions[3][0] = captions[3][1] = "twice of one image"
        return captions

    change_column(tmp_path / "records", "captions", shared)
    found = measure_utility(**world.options, retrieval=True, replicates=5)
    assert found.summary["retrieval"]["n_shared_captions"] == 3


def test_images_and_captions_that_cannot_be_used_are_counted(tmp_path):
    _, found = zero_shot(tmp_path, several=False, broken=(4, 9), replicates=5)
    assert found.summary["zero_shot"]["n_skipped"] == {"no image that can be embedded": 2}
    assert found.summary["zero_shot"]["accuracy"]["n"] == 58
    assert found.samples["zero_shot_predicted"].is_null().to_pylist() == [row in (4, 9) for row in range(60)]
    assert [(row["record_id"], row["side"]) for row in found.rejects.to_pylist()] == [
        ("t004", "test image"),
        ("t009", "test image"),
    ]


def test_blank_and_missing_captions_do_not_count(tmp_path):
    world = UtilityWorld(tmp_path)

    def blank(captions):
        captions[0][1], captions[1][2], captions[2] = " ", None, None
        return captions

    change_column(tmp_path / "records", "captions", blank)
    found = measure_utility(**world.options, retrieval=True, replicates=5)
    assert found.samples["n_captions"].to_pylist()[:4] == [2, 2, 0, 3]
    assert found.summary["retrieval"]["n_captions"] == 60 * 3 - 5
