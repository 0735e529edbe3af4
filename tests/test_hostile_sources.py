"""Files that list, name or describe images: no value of theirs runs or connects; what they raise is a sentence."""

import json

import pyarrow as pa
import pytest
from hostile_models import HOSTILE, VALUES, changed, with_values
from import_sources import OPTIONAL, image_cells, picture, put, write, write_coco, write_rows, write_tar
from watching import sentence_of, watched

from memometer.data import import_records
from memometer.errors import InputError, MemometerError
from memometer.objects.vocabulary import load_vocabulary
from memometer.sweeps.config import load_sweep_file
from memometer.sweeps.plan import plan_cells
from memometer.training import TrainConfig
from memometer.utility.prompts import read_templates

NAMES = ["1.png", "2.png"]
KARPATHY = {
    "images": [
        {"filename": name, "filepath": "", "split": "train", "imgid": n, "sentences": [{"raw": "a dog", "sentid": n}]}
        for n, name in enumerate(NAMES)
    ],
    "dataset": "flickr8k",
}
ROWS = [{"file_name": name, "text": "a dog", "objects": {"bbox": [[0, 0, 4, 4]], "categories": [1]}} for name in NAMES]
INFO = {
    "features": {"image": {"_type": "Image"}, "text": {"dtype": "string", "_type": "Value"}},
    "splits": {"train": {"name": "train", "num_examples": 2}},
    "builder_name": "imagefolder",
    "download_checksums": {"https://example.invalid/x": {"num_bytes": 1}},
}
STATE = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_format_type": None, "_split": "train"}
SIDECAR = {"caption": "a dog", "url": "https://example.invalid/1.png", "key": "000", "objects": ["dog"], "width": 16}


def pictures(folder):
    return write(folder, {name: picture(n) for n, name in enumerate(NAMES)})


def listed(folder, name, content):
    """Images, and a JSON file that lists them."""
    return pictures(folder), put(folder / name, content)


def saved_to_disk(folder, name, content):
    """What ``save_to_disk`` of Hugging Face's datasets writes."""
    rows = pa.table({"image": image_cells(range(2)), "text": ["a", "a"]})
    metadata = {b"huggingface": json.dumps({"info": INFO}).encode()}
    write_rows(folder / "data-00000-of-00001.arrow", rows.replace_schema_metadata(metadata))
    return write(folder, {"dataset_info.json": INFO, "state.json": STATE, name: content}), folder / name


def sidecars(folder, name, content):
    """Images with a JSON file each, as img2dataset writes them."""
    write(pictures(folder), {each.replace(".png", ".json"): content for each in NAMES})
    return folder, folder / name


def coco(folder, name, _content):
    captions, boxes = [(1, "a dog"), (2, "a cat")], [(1, 17, [0, 0, 4, 4]), (2, 18, [1, 1, 2, 2])]
    write_coco(folder, {1: "1.jpg", 2: "2.jpg"}, captions=captions, instances=boxes)
    return folder, folder / "annotations" / name


CASES = {
    "Karpathy": (listed, "dataset_flickr8k.json", KARPATHY),
    "image folder": (listed, "metadata.json", ROWS),
    "dataset_info.json": (saved_to_disk, "dataset_info.json", INFO),
    "state.json": (saved_to_disk, "state.json", STATE),
    "dataset_dict.json": (saved_to_disk, "dataset_dict.json", {"splits": ["train", "test"]}),
    "img2dataset": (sidecars, "1.json", SIDECAR),
    "captions": (coco, "captions_val2017.json", None),
    "instances": (coco, "instances_val2017.json", None),
}


def imported(source, out):
    """Imports, or says in a sentence why not; nothing else happens."""
    options = {"options": OPTIONAL, "max_rejects": 1, "overwrite": True}
    return sentence_of(lambda: import_records(source, out, **options), never=out, errors=MemometerError) or "imported"


@pytest.mark.parametrize("case", CASES)
def test_any_value_of_a_json_file_is_an_import_or_a_sentence(tmp_path, case):
    make, name, content = CASES[case]
    source, path = make(tmp_path / "s", name, content)
    assert imported(source, tmp_path / "out") == "imported"
    for _, text in with_values(json.loads(path.read_text()), each=1):
        with changed(path, text):
            imported(source, tmp_path / "out")


@pytest.mark.parametrize("name", ["metadata.jsonl", "list.jsonl"])
def test_any_value_of_a_line_of_json_is_an_import_or_a_sentence(tmp_path, name):
    source = pictures(tmp_path / "s")
    for _, text in with_values(ROWS[0], each=2):
        (source / name).write_text(f"{text}\n{json.dumps(ROWS[1])}\n")
        imported(source if name == "metadata.jsonl" else source / name, tmp_path / "out")


BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(f"{c}: &{c} [{', '.join([f'*{b}'] * 8)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True))  # fmt: skip  # noqa: E501
YAMLS = [
    "names: !!python/object/apply:os.system ['touch ran']",
    "names: !!python/name:evil.Evil\n",
    "names: !!python/module:evil\n",
    "names: !<tag:yaml.org,2002:python/object/new:evil.Evil> []",
    f"{BOMB}names: *i",
    f"names: [{HOSTILE[7]!r}, dog]",
    "names: {0: dog, 1: [cat, {a: b}], x: 7, 2: null}",
    "path: https://example.invalid/x.zip\ndownload: |\n  import evil\nnames: [a, b]",
    "names: &a [*a]",
    "- 1\n- [",
    "names: " + "[" * 5000,
    "\x00\x01",
    "",
]


def test_names_of_classes_in_any_file_are_names(tmp_path):
    source = pictures(tmp_path / "s")
    for name in NAMES:
        (source / name).with_suffix(".txt").write_text("0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.2\n")
    for text in YAMLS:
        (source / "data.yaml").write_text(text)
        imported(source, tmp_path / "out")
    (source / "data.yaml").unlink()
    for file in ("classes.txt", "obj.names"):
        for value in VALUES[::2]:
            (source / file).write_text(f"{value}\n{value}\n")
            imported(source, tmp_path / "out")
        (source / file).unlink()


def test_class_names_beside_tar_shards_are_names(tmp_path):
    source = tmp_path / "s"
    members = [each for n in range(2) for each in ((f"{n}.png", picture(n)), (f"{n}.cls", b"1"))]
    write_tar(source / "0.tar", members)
    for value in VALUES:
        (source / "classnames.txt").write_text(f"{value}\n{value}\n")
        imported(source, tmp_path / "out")


@pytest.mark.parametrize("read", [load_vocabulary, read_templates])
def test_lists_of_words_and_of_prompts_are_texts(tmp_path, read):
    texts = [*map(str, VALUES), "dog\t{0.__class__}\n", "a {} of {c.__init__.__globals__}", "{}\n%s\n${x}", "{}{{7*7}}"]
    for text in texts:
        sentence_of(lambda text=text: read(put(tmp_path / "x.txt", text)), never=tmp_path)


# --- the sweep file, and options of trainings


def records_of(folder):
    source = pictures(folder / "s")
    rows = [{"file_name": name, "text": "a dog", "split": role} for name, role in zip(NAMES, "ab", strict=True)]
    write_rows(source / "metadata.jsonl", rows)
    import_records(source, folder / "records", overwrite=True)
    return folder / "records"


def sweep_file(records):
    data = {"role": "a", "reference_role": "b", "public": str(records), "public_role": ""}
    return {
        "seeds": [0, 1],
        "data": {"records": str(records), **data},
        "train": {"model": "tiny", "epochs": 1, "batch_size": 2, "loss": "clip"},
        "settings": {"default": {}, "masked": {"text_mask": 0.3, "image_variants": "variants.parquet"}},
        "audit": {"k": 1, "sweep": [1], "search": "t2i", "vocabulary": "words.tsv"},
        "clipmem": {"candidates": "a", "external": "b", "independent": "b", "augment": "clip"},
        "utility": {"zero_shot": ["dog"], "templates": ["a {}"], "features": "projector", "retrieval": True},
    }


def test_any_value_of_a_sweep_is_a_plan_or_a_sentence(tmp_path):
    content = sweep_file(records_of(tmp_path))
    places = {"out": tmp_path / "out", "folder": tmp_path}
    for where, text in with_values(content, each=4):
        if not where.startswith("all"):  # TOML is a table
            file = json.loads(text)
            sentence_of(lambda file=file: plan_cells(load_sweep_file(file), **places), never=tmp_path / "out")


@pytest.mark.parametrize(
    "text", ["a = ", "seeds = [0]\n\x00", "[" * 9000, "a.b.c = 1\n" * 3, "x = 9e999", "seeds = nan"]
)
def test_a_sweep_that_is_no_toml_is_a_sentence(tmp_path, text):
    (tmp_path / "sweep.toml").write_text(text)
    with watched(tmp_path / "out"), pytest.raises(InputError):
        load_sweep_file(tmp_path / "sweep.toml")


def test_models_that_options_of_a_training_name_are_never_fetched(tmp_path):
    from memometer.training.models import find_architecture

    def find(name):
        find_architecture(TrainConfig.checked(records=tmp_path, out=tmp_path / "out", model=name).model)

    named = put(tmp_path / "m.json", {"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"hf_model_name": "a/b"}})
    for name in [*map(str, VALUES), str(named), str(tmp_path), "local-dir:/tmp", "ViT-B-32@openai"]:
        sentence_of(lambda name=name: find(name), never=tmp_path / "out")
