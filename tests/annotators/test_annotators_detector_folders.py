"""Folders and repositories of detectors: what is loaded, what is refused, and how it is said."""

import json
import shutil
import time

import pytest
import torch
from detecting import NAMES, OPEN, opened
from hub_cache import cached_repository
from PIL import Image
from safetensors.torch import load_file, save_file
from watching import Ran, watched

from memometer import InputError
from memometer.annotators import Asked, load_annotator
from memometer.data.images import UnreadableImageError
from memometer.errors import ModelError


def test_classes_that_are_numbers_are_told(folders, tmp_path):
    folder = tmp_path / "numbers"
    shutil.copytree(folders("detr"), folder)
    config = json.loads((folder / "config.json").read_text())
    numbers = {str(place): f"LABEL_{place}" for place in range(4)}
    changed = {**config, "id2label": numbers, "label2id": {name: int(place) for place, name in numbers.items()}}
    (folder / "config.json").write_text(json.dumps(changed))
    annotator = load_annotator(f"rtdetr:{folder}", Asked(names=None, threshold=0.2))
    assert "numbers its classes, LABEL_0 and so on" in annotator.warnings[0]


def test_an_image_that_the_processor_refuses_is_a_reject(folders):
    annotator = load_annotator(f"rtdetr:{folders('detr')}", Asked(names=None, threshold=0.2))
    annotator.preprocess._processor.size = {"shortest_edge": 0, "longest_edge": 0}
    with pytest.raises(UnreadableImageError, match="image that cannot be prepared: "):
        annotator.preprocess(Image.new("RGB", (5, 5)))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", {"model_type": "bert"}, r"has model_type = 'bert', which owlv2: does not load; expected owlv2"),
        ("config.json", [1], "is no config of a model: it holds"),
        ("config.json", "{", "config.json is not JSON"),
        ("tokenizer_config.json", {"tokenizer_class": "os.system"}, "has tokenizer_class = 'os.system'; expected"),
        ("preprocessor_config.json", {"image_processor_type": 7}, "has image_processor_type = 7; expected the name of"),
        ("processor_config.json", {"trust_remote_code": True}, "asks for trust_remote_code"),
        ("config.json", {"model_type": "owlv2", "backbone": "evil/repository"}, "has backbone = 'evil/repository'"),
        ("config.json", {"model_type": "owlv2", "quantization_config": {"a": 1}}, "quantised"),
        ("adapter_config.json", {}, "is an adapter to another model"),
        ("model.safetensors.index.json", {"weight_map": {"a": "../../etc/passwd"}}, "is no list of shards"),
        ("config.json", {"model_type": "owlv2", "vision_config": {"num_layers": 10**6}}, "num_layers = 1,000,000"),
    ],
)  # fmt: skip
def test_hostile_files_of_a_detector_are_refused(folders, tmp_path, file, content, message):
    folder = tmp_path / "hostile"
    shutil.copytree(folders("owlv2"), folder)
    (folder / file).write_text(content if isinstance(content, str) else json.dumps(content))
    with watched(), pytest.raises(ModelError, match=message):
        load_annotator(f"owlv2:{folder}", Asked(names=NAMES, threshold=0.1))


def test_weights_of_another_model_name_what_differs(folders, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(folders("owlv2"), folder)
    weights = load_file(folder / "model.safetensors")
    renamed = {("other." + name if name.startswith("class_head") else name): tensor for name, tensor in weights.items()}
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"6 tensors are missing \(e.g. class_head.dense0.bias, "):
        load_annotator(f"owlv2:{folder}", Asked(names=NAMES, threshold=0.1))
    weights["class_head.dense0.bias"] = torch.zeros(3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ModelError, match=r"1 are of another shape \(e.g. class_head.dense0.bias \(3,\), expected \(32,\)\)"
    ):
        load_annotator(f"owlv2:{folder}", Asked(names=NAMES, threshold=0.1))
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights; expected model.safetensors"):
        load_annotator(f"owlv2:{folder}", Asked(names=NAMES, threshold=0.1))
    pickled = {"class_head.dense0.bias": Ran(tmp_path / "ran")}
    torch.save(pickled, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded as a detector"):
        load_annotator(f"owlv2:{folder}", Asked(names=NAMES, threshold=0.1))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("family", ["rt_detr", *OPEN])
def test_a_folder_without_preprocessing_is_refused(folders, tmp_path, family):
    folder = tmp_path / "bare"
    shutil.copytree(folders(family), folder)
    for name in ("preprocessor_config.json", "processor_config.json"):
        (folder / name).unlink(missing_ok=True)
    said = r"does not say how its images are prepared; expected preprocessor_config.json"
    with pytest.raises(ModelError, match=said):
        load_annotator(f"{OPEN.get(family, 'rtdetr')}:{folder}", Asked(names=NAMES, threshold=0.1))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        *((f"{kind}:./nowhere", rf"no model at \./nowhere: there is no such folder, .*expected {kind}:FOLDER")
          for kind in ("owlv2", "grounding-dino", "omdet", "rtdetr")),
        ("timm:no_such_model", "timm has no model 'no_such_model', and there is no such folder"),
        ("timm:./nowhere", r"timm has no model '\./nowhere', and there is no such folder"),
        ("zero-shot:open_clip:NO-SUCH@x", "open_clip has no model 'NO-SUCH'"),
        ("zero-shot:nothing", "'nothing' does not name a model"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_exist_is_a_sentence(spec, said):
    with pytest.raises(ModelError, match=said):
        load_annotator(spec, Asked(names=("cat",), threshold=0.1))


def test_a_model_that_is_not_there_answers_at_once(hub_cache, tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    start = time.monotonic()
    with pytest.raises(
        ModelError,
        match=r"cannot find 'google/owlv2-base-patch16-ensemble': there is no folder google/owlv2-base-patch16-ensemble"
        r", and the hub's cache, .*, has no such model, nor can it be downloaded: .* name a folder that holds it, "
        r"owlv2:FOLDER",
    ):
        load_annotator("owlv2", Asked(names=NAMES, threshold=0.1))
    assert time.monotonic() - start < 10


def test_a_cached_repository_is_opened_as_a_folder(folders, hub_cache):
    place = cached_repository(hub_cache, "someone/owl")
    shutil.copytree(folders("owlv2"), place, dirs_exist_ok=True)
    annotator = load_annotator("owlv2:someone/owl", Asked(names=NAMES, threshold=0.1))
    assert annotator.spec == "owlv2:someone/owl"
    assert annotator.weights_hashes == opened(folders, "owlv2", threshold=0.1).weights_hashes


def test_any_vocabulary_needs_one(folders):
    for family, kind in OPEN.items():
        with pytest.raises(
            InputError, match="finds what it is told to look for; pass --vocabulary lvis, coco or a file"
        ):
            load_annotator(f"{kind}:{folders(family)}", Asked(names=None, threshold=0.1))
