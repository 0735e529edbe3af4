"""Whatever bytes come, an import never crashes, and every sample is either a record or a reject."""

import json
import random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_sources import encoded, picture, write_samples
from PIL import Image

from memometer.data.images import UnreadableImageError, decode_image
from memometer.data.placing import place_boxes
from memometer.data.records import RECORD_SCHEMA
from memometer.data.sources import Draft, Fields, Piece, ReaderOptions, Reject
from memometer.data.sources.arrow_files import ArrowReader
from memometer.data.sources.base import Aside, BadRecordError
from memometer.data.sources.delimited import EMPTY_ROW, open_delimited
from memometer.data.sources.lists import open_karpathy, open_list
from memometer.data.sources.rows import Row, RowOptions, read_rows
from memometer.data.sources.sidecars import SidecarOptions, read_sidecars
from memometer.data.sources.webdataset import TarReader
from memometer.errors import SourceError

N_SAMPLES = 6
REASONS = {
    "boxes are not numbers",
    "boxes do not match the objects",
    "impossible box",
    "impossible score",
    "malformed JSON",
    "scores are not numbers",
    "scores do not match the objects",
    "value is not a list",
}
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def tar(tmp_path):
    return write_samples(tmp_path / "0.tar", range(N_SAMPLES))


def damaged(data, seed, n_bytes, *, within=None):
    """The same bytes but for some, all of them among the first where ``within`` says how many."""
    broken, source = bytearray(data), random.Random(seed)  # noqa: S311 (no secret)
    for _ in range(n_bytes):
        broken[source.randrange(len(broken[:within]))] = source.randrange(256)
    return bytes(broken)


def read(path):
    return list(TarReader((str(path),)).read(Piece(str(path))))


@FUZZ
@given(data=st.data())
def test_truncated_tar(tar, tmp_path, data):
    whole = tar.read_bytes()
    length = data.draw(st.integers(0, len(whole)))
    (tmp_path / "cut.tar").write_bytes(whole[:length])
    found = read(tmp_path / "cut.tar")
    drafts = [entry for entry in found if isinstance(entry, Draft)]
    breaks = [entry for entry in found if isinstance(entry, Reject)]
    assert [draft.record_id for draft in drafts] == [f"s{number:04d}" for number in range(len(drafts))]
    assert [draft.data for draft in drafts] == [picture(number) for number in range(len(drafts))]
    assert all(whole[d.image.offset :][: d.image.length] == d.data for d in drafts)
    if breaks:
        (cut,) = breaks
        assert found[-1] is cut
        assert cut.reason.startswith("tar ends early: ")
        assert cut.record_id in {f"s{len(drafts):04d}", None}
    else:
        assert len(drafts) == N_SAMPLES


@FUZZ
@given(seed=st.integers(0, 2**32), n_bytes=st.integers(1, 60))
def test_corrupted_tar(tar, tmp_path, seed, n_bytes):
    (tmp_path / "broken.tar").write_bytes(damaged(tar.read_bytes(), seed, n_bytes))
    for entry in read(tmp_path / "broken.tar"):
        assert isinstance(entry, Draft | Reject)
        if isinstance(entry, Draft):
            entry.record_id.encode()
            assert len(entry.data) == entry.image.length


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n_bytes=st.integers(0, 20), cut=st.floats(0, 1))
def test_corrupted_images(kind, seed, n_bytes, cut):
    whole = encoded(Image.linear_gradient("L").resize((48, 48)).convert("RGB"), kind)
    broken = damaged(whole, seed, n_bytes, within=400)[: int(len(whole) * (0.5 + cut))]
    try:
        reason = f"no fault: {decode_image(broken).size}"
    except UnreadableImageError as error:
        reason = str(error)
    assert reason.split(":")[0] in {"no fault", "damaged image", "not an image", "decompression bomb"}
    assert " at 0x" not in reason, "an address would make two runs differ"


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([".txt", ".json", ".xml"]), st.binary(max_size=60)))
def test_any_sidecars(files):
    try:
        sidecar = read_sidecars(files, SidecarOptions())
    except BadRecordError:
        return
    json.dumps(sidecar.captions).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["caption", "captions", "objects", "boxes", "scores", "g"]), json_values))
def test_any_json(content):
    try:
        sidecar = read_sidecars({".json": json.dumps(content).encode()}, SidecarOptions(Fields(group="g")))
    except BadRecordError:
        return
    labels = sidecar.labels
    assert all(isinstance(caption, str) and caption.strip() for caption in sidecar.captions)
    assert labels.objects is None or all(isinstance(label, str) for label in labels.objects)
    assert labels.boxes is None or len(labels.boxes) == len(labels.objects or [])


sides = st.integers(-5, 40).map(str) | st.floats().map(str) | st.text("0123456789.e-<&>", max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.text("ab&;<>é", max_size=5), st.lists(sides, max_size=5)), max_size=3),
    st.lists(sides, min_size=2, max_size=2),
    st.tuples(st.integers(0, 200), st.binary(max_size=4)),
)
def test_any_voc(objects, size, splice):
    names = ("xmin", "ymin", "xmax", "ymax", "zmax")
    boxes = ["".join(f"<{n}>{side}</{n}>" for n, side in zip(names, each, strict=False)) for _, each in objects]
    inner = [f"<object><name>{o[0]}</name><bndbox>{b}</bndbox></object>" for o, b in zip(objects, boxes, strict=True)]
    text = f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{''.join(inner)}</annotation>"
    place, extra = splice
    for data in (text.encode(), text.encode()[:place] + extra + text.encode()[place:]):
        try:
            labels = read_sidecars({".xml": data}, SidecarOptions()).labels
            placed = place_boxes(labels, width=7, height=9)
        except BadRecordError:
            continue
        assert all(name.strip() for name in labels.objects or [])
        assert len(labels.boxes or []) == len(labels.objects or [])
        assert all(box is None or (min(box) >= 0 and max(box) < 1e18) for box in placed.boxes or [])


@settings(max_examples=150, deadline=None)
@given(
    objects=st.none() | st.text("ab|", max_size=4) | st.lists(st.text("ab ", max_size=2), max_size=3),
    boxes=json_values | st.lists(st.none() | st.lists(st.floats(), min_size=4, max_size=4), max_size=3),
    scores=json_values | st.lists(st.floats(), max_size=3),
    as_text=st.booleans(),
)
def test_any_boxes_of_a_row(objects, boxes, scores, as_text):
    columns = {"objects": objects, "boxes": boxes, "scores": scores}
    if as_text:
        columns |= {name: json.dumps(columns[name]) for name in ("boxes", "scores")}
    fields = Fields(image="image", objects="objects", objects_separator="|", boxes="boxes", scores="scores")
    (draft,) = [
        found
        for found in read_rows(
            [Row("t.csv", 0, columns | {"image": "0.png"})],
            RowOptions(fields, asked=("objects", "boxes", "scores")),
            unit=None,
        )
        if not isinstance(found, Aside)
    ]
    if isinstance(draft, Reject):
        assert draft.reason.split(":")[0] in REASONS
        return
    n_objects = len(draft.labels.objects or [])
    for values in (draft.labels.boxes, draft.labels.scores):
        assert values is None or len(values) == n_objects
    assert all(box is None or (len(box) == 4 and min(box[2:]) >= 0) for box in draft.labels.boxes or [])
    pa.array([draft.labels.boxes], RECORD_SCHEMA.field("boxes").type)


@FUZZ
@given(st.binary(max_size=200))
def test_any_csv(tmp_path, body):
    path = tmp_path / "t.csv"
    path.write_bytes(b"filepath,title\n" + body)
    try:
        reader = open_delimited([str(path)], ReaderOptions())
    except SourceError:
        return
    plan = reader.plan(tmp_path)
    everything = [entry for piece in plan.pieces for entry in reader.read(piece)]
    found = [entry for entry in everything if not isinstance(entry, Aside)]
    n_empty = sum(isinstance(entry, Aside) and entry.kind == EMPTY_ROW for entry in everything)
    n_rows = sum(piece.n_rows or 0 for piece in plan.pieces)
    n_lines = body.count(b"\n") + (not body.endswith(b"\n") and bool(body))
    assert n_rows + plan.aside.get("blank line", 0) == n_lines
    assert len(found) <= n_rows - n_empty if plan.remarks else len(found) == n_rows - n_empty


@FUZZ
@given(st.lists(st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()), max_size=8))
def test_any_json_lines(tmp_path, lines):
    path = tmp_path / "t.jsonl"
    body = b"\n".join(lines)
    path.write_bytes(b'{"image": "0.png", "caption": "a"}\n' + body)
    reader = open_list([str(path)], ReaderOptions(format="jsonl"))
    plan = reader.plan(tmp_path)
    found = [entry for piece in plan.pieces for entry in reader.read(piece) if not isinstance(entry, Aside)]
    n_rows = sum(piece.n_rows or 0 for piece in plan.pieces)
    assert n_rows + plan.aside.get("blank line", 0) == 1 + body.count(b"\n") + (not body.endswith(b"\n") and bool(body))
    assert 1 <= len(found) <= n_rows


keys = st.sampled_from(["bbox", "boxes", "category", "categories", "label", "id", "score", "bbox_xyxy", "other"])
structs = st.dictionaries(keys, json_values | st.lists(json_values, max_size=3), max_size=4)


@FUZZ
@given(objects=structs | st.lists(structs | json_values, max_size=3), named=st.booleans(), asked=st.booleans())
def test_any_struct_of_objects(objects, named, asked):
    options = RowOptions(
        Fields(image="image", captions=("caption",), objects="objects"),
        asked=("objects",) if asked else (),
        classes={"objects": ("cat", "dog")} if named else {},
    )
    row = Row("t.parquet", 0, {"image": "0.png", "caption": "a", "objects": objects})
    (found,) = [each for each in read_rows([row], options, unit=None) if not isinstance(each, Aside)]
    if isinstance(found, Reject) and not asked:  # else a column that nobody asked for costs no caption
        assert found.reason.startswith("impossible")
    if isinstance(found, Draft):
        assert found.captions == ["a"]
        assert all(isinstance(name, str) for name in found.labels.objects or [])
        pa.array([found.labels.boxes], RECORD_SCHEMA.field("boxes").type)


sentence = st.dictionaries(st.sampled_from(["raw", "tokens"]), json_values, max_size=2)
karpathys = st.fixed_dictionaries(
    {},
    optional={
        "filename": json_values | st.just("0.png"),
        "filepath": json_values,
        "split": json_values,
        "sentences": st.lists(sentence | json_values, max_size=3) | json_values,
    },
)


@FUZZ
@given(st.lists(karpathys | json_values, max_size=6), st.booleans(), st.integers(0, 400), st.binary(max_size=3))
def test_any_karpathy(tmp_path, images, damaged, place, extra):
    path = tmp_path / "k.json"
    data = json.dumps({"images": images, "dataset": "x"}).encode()
    path.write_bytes(data[:place] + extra + data[place:] if damaged else data)
    try:
        reader = open_karpathy([str(path)], ReaderOptions())
        plan = reader.plan(tmp_path)
    except SourceError:
        assert damaged
        return
    found = [entry for piece in plan.pieces for entry in reader.read(piece) if not isinstance(entry, Aside)]
    assert len(found) == sum(piece.n_rows or 0 for piece in plan.pieces)
    assert damaged or len(found) == len(images)
    check_drafts(found)


cells = st.none() | st.text(max_size=6) | st.just("0.png")
columns = st.fixed_dictionaries(
    {"image": st.lists(cells, min_size=3, max_size=3), "text": st.lists(cells, min_size=3, max_size=3)},
    optional={
        "label": st.lists(st.none() | st.integers(-2, 3), min_size=3, max_size=3),
        "objects": st.lists(st.none() | st.lists(cells, max_size=2), min_size=3, max_size=3),
        "boxes": st.lists(st.none() | st.lists(st.lists(st.floats(), max_size=5), max_size=2), min_size=3, max_size=3),
        "split": st.lists(cells, min_size=3, max_size=3),
    },
)


@FUZZ
@given(values=columns, stream=st.booleans(), seed=st.integers(0, 2**32), n_bytes=st.sampled_from([0, 0, 1, 8, 40]))
def test_any_arrow_file(tmp_path, values, stream, seed, n_bytes):
    content = pa.table(values)
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, content.schema) as writer:
        writer.write_table(content, max_chunksize=2)
    path = tmp_path / f"{seed}-{n_bytes}.arrow"
    path.write_bytes(damaged(sink.getvalue().to_pybytes(), seed, n_bytes))
    try:
        reader = ArrowReader.of([str(path)], ReaderOptions())
        plan = reader.plan(tmp_path)
    except SourceError:
        return
    found = [entry for piece in plan.pieces for entry in reader.read(piece) if not isinstance(entry, Aside)]
    if n_bytes == 0:
        assert len(found) <= 3 if plan.remarks else len(found) == 3
    check_drafts(found)


def check_drafts(found):
    """Whatever was read, a record can be written of it, and a reject has a reason."""
    for entry in found:
        if isinstance(entry, Reject):
            assert entry.reason
            continue
        assert isinstance(entry, Draft)
        assert all(isinstance(caption, str) and caption.strip() for caption in entry.captions)
        assert entry.role is None or isinstance(entry.role, str)
        pa.array([entry.labels.boxes], RECORD_SCHEMA.field("boxes").type)
        json.dumps([entry.record_id, entry.captions, entry.label, entry.labels.objects, entry.role]).encode()
