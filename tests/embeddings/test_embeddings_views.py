import numpy as np
import pytest

from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.images import open_image
from memometer.data.records import load_records
from memometer.embeddings import decoding, view_batches
from memometer.encoders.preprocessing import ImagePreprocess
from memometer.scenes import make_scenes
from memometer.seeds import rng_for


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    make_scenes(folder, n=7, size=40)
    return load_records(folder)


def all_views(records, **options):
    settings = {"augmentation": AUGMENTATIONS["ssl"], "draws": 3, "seed": 5, "batch_size": 4}
    return list(view_batches(records, ImagePreprocess(24, 24), **{**settings, **options}))


def test_views_are_those_of_a_plain_loop(records):
    batches = all_views(records)
    assert [batch.values.shape for batch in batches] == [(4, 3, 3, 24, 24), (3, 3, 3, 24, 24)]
    rows = np.concatenate([batch.rows for batch in batches])
    assert rows.tolist() == list(range(7))
    pixels = np.concatenate([batch.values for batch in batches])
    for row, ref in enumerate(records.image_refs()):
        rng = rng_for(5, "views", records.record_ids[row].as_py())
        for draw in range(3):
            view = AUGMENTATIONS["ssl"](open_image(ref), rng, side=24)
            assert np.array_equal(pixels[row, draw], view)


def test_batches_workers_spans_and_order_change_nothing(records, monkeypatch):
    pixels = np.concatenate([batch.values for batch in all_views(records)])
    for options in ({"batch_size": 2}, {"workers": 1}, {"batch_size": 100}):
        assert np.array_equal(np.concatenate([batch.values for batch in all_views(records, **options)]), pixels)
    monkeypatch.setattr(decoding, "SMALL", 0)  # threads, as for larger images
    assert np.array_equal(np.concatenate([batch.values for batch in all_views(records)]), pixels)
    more = np.concatenate([batch.values for batch in all_views(records, draws=5)])
    assert np.array_equal(more[:, :3], pixels)
    (part,) = all_views(records, spans=[(2, 5)])
    assert part.rows.tolist() == [2, 3, 4]
    assert np.array_equal(part.values, pixels[2:5])
    (backwards,) = all_views(records.take(list(range(6, -1, -1))), batch_size=7)
    assert np.array_equal(backwards.values, pixels[::-1])


def test_an_unreadable_image_is_a_reject(records, tmp_path):
    table = records.table
    place = table.schema.get_field_index("image_path")
    paths = table["image_path"].to_pylist()
    paths[1] = "nowhere.tar"
    broken = type(records)(table.set_column(place, table.schema.field(place), [paths]), records.folder)
    first, _ = all_views(broken)
    assert first.rows.tolist() == [0, 2, 3]
    assert first.rejects[0][0] == 1
    assert "missing image" in first.rejects[0][1]
