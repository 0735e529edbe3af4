"""Detectors, compared with transformers called directly: its processor, its forward, its post-processing."""

import numpy as np
import pytest
import torch
from detecting import NAMES, OPEN, found_by, opened, photographs, same
from file_digests import file_digests
from model_factory import write_records

from memometer import InputError, annotate, load_records
from memometer.annotators import Asked, load_annotator, owlv2
from memometer.annotators.names import COCO
from memometer.data.beside import read_annotation
from memometer.errors import ModelError

CLOSED = ("rt_detr", "rt_detr_v2", "rf_detr", "detr")


def library(folder, model_class, processor_class):
    import transformers

    model = getattr(transformers, model_class).from_pretrained(folder).eval()
    return model, getattr(transformers, processor_class).from_pretrained(folder)


def between(scores):
    """A threshold that about half of the scores are above, and none is near."""
    scores = np.sort(np.concatenate(scores))
    middle = len(scores) // 2
    place = middle + int(np.argmax(np.diff(scores[middle : middle + 10])))
    return float(scores[place : place + 2].mean())


def by_score(result, names):
    """Of the library's result."""
    rows = zip(result["labels"], result["scores"].tolist(), result["boxes"].tolist(), strict=True)
    return sorted(((names[int(label)], score, box) for label, score, box in rows), key=lambda each: -each[1])


def check_family(folders, family, *, forward, post_process, names):
    """What an annotator finds is what the library finds in each image alone, above and below a threshold.

    Args:
        folders: makes the folder.
        family: of it.
        forward: image → the library's output.
        post_process: (output, threshold, target_sizes) → the library's results.
        names: of its label ids.
    """
    images = photographs()
    with torch.no_grad():
        outputs = [forward(image) for image in images]
    sizes = [[(image.height, image.width)] for image in images]
    every = [post_process(each, 0.0, size)[0] for each, size in zip(outputs, sizes, strict=True)]
    threshold = between([result["scores"].numpy() for result in every])
    n = 0
    for ours, output, size in zip(
        found_by(opened(folders, family, threshold=threshold), images), outputs, sizes, strict=True
    ):
        theirs = [each for each in by_score(post_process(output, threshold, size)[0], names) if each[0] != "N/A"]
        same(ours, theirs)
        n += len(theirs)
    assert 0 < n < sum(len(result["scores"]) for result in every)


@pytest.mark.parametrize("family", CLOSED)
def test_closed_sets_give_what_the_library_gives(folders, family):
    model, processor = library(folders(family), "AutoModelForObjectDetection", "AutoImageProcessor")
    check_family(
        folders,
        family,
        forward=lambda image: model(**processor(images=image, return_tensors="pt")),
        post_process=lambda output, threshold, sizes: processor.post_process_object_detection(
            output, threshold=threshold, target_sizes=sizes
        ),
        names=model.config.id2label,
    )


def test_owlv2_gives_what_the_library_gives(folders):
    model, processor = library(folders("owlv2"), "Owlv2ForObjectDetection", "AutoProcessor")
    texts = [f"a photo of a {name}." for name in NAMES]
    check_family(
        folders,
        "owlv2",
        forward=lambda image: model(**processor(text=[texts], images=image, return_tensors="pt")),
        post_process=lambda output, threshold, sizes: processor.post_process_grounded_object_detection(
            output, threshold=threshold, target_sizes=sizes
        ),
        names=NAMES,
    )


def test_omdet_gives_what_the_library_gives(folders):
    model, processor = library(folders("omdet"), "OmDetTurboForObjectDetection", "AutoProcessor")
    check_family(
        folders,
        "omdet",
        forward=lambda image: model(**processor(images=image, text=list(NAMES), return_tensors="pt")),
        post_process=lambda output, threshold, sizes: processor.post_process_grounded_object_detection(
            output, threshold=threshold, target_sizes=sizes
        ),
        names=NAMES,
    )


@torch.no_grad()
@pytest.mark.parametrize("family", ["grounding-dino", "mm-grounding-dino"])
def test_grounding_dino_gives_what_the_library_gives(folders, family):
    model, processor = library(folders(family), "AutoModelForZeroShotObjectDetection", "AutoProcessor")
    images = photographs()
    inputs = [processor(images=image, text=[list(NAMES)], return_tensors="pt") for image in images]
    outputs = [model(**each) for each in inputs]
    shares = [each.logits.sigmoid()[0] for each in outputs]
    threshold = between([each.amax(-1).numpy() for each in shares])
    annotator = opened(folders, family, threshold=threshold)
    assert annotator.described()["prompts"] == [list(NAMES)]
    n = 0
    for ours, image, given, output, share in zip(
        found_by(annotator, images), images, inputs, outputs, shares, strict=True
    ):
        (result,) = processor.post_process_grounded_object_detection(
            output, threshold=threshold, target_sizes=[(image.height, image.width)]
        )
        kept = share[share.amax(-1) > threshold]
        words = [processor.tokenizer.decode([given["input_ids"][0][place]]).strip() for place in kept.argmax(-1)]
        theirs = zip(words, result["scores"].tolist(), result["boxes"].tolist(), strict=True)
        by_box = {tuple(np.round(box, 1)): (label, score) for label, score, box in ours}
        for word, score, box in theirs:
            own = by_box.get(tuple(np.round(box, 1)))
            if word in {".", "[CLS]", "[SEP]"}:  # the library's best token is no name's: ours is that of a name
                assert own is None or own[1] < score
                continue
            assert word.removeprefix("##") in own[0]
            assert own[1] == pytest.approx(score, abs=1e-5)
            n += 1
        assert len(ours) <= len(result["scores"])
    assert n > 3


def test_owlv2_encodes_each_name_once_and_seven_prompts_by_their_mean(folders, monkeypatch):
    model, processor = library(folders("owlv2"), "Owlv2ForObjectDetection", "AutoProcessor")
    one = opened(folders, "owlv2", threshold=0.0)
    seven = opened(folders, "owlv2", threshold=0.0, templates=7)
    assert one.identity != seven.identity
    templates = seven.described()["templates"]
    assert len(templates) == 7
    texts = [template.format(name) for name in NAMES for template in templates]
    with torch.no_grad():
        features = model.owlv2.get_text_features(
            **processor.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        ).pooler_output.double()
    units = features / features.norm(dim=1, keepdim=True)
    mean = units.reshape(len(NAMES), 7, -1).mean(1)
    mean /= mean.norm(dim=1, keepdim=True)
    assert torch.allclose(seven._queries.double(), mean, atol=1e-6)
    monkeypatch.setattr(type(model.owlv2.text_model), "forward", None)  # an image needs no text
    images = photographs()
    assert found_by(one, images) != found_by(seven, images)


def test_owlv2_compares_with_any_number_of_names(folders, monkeypatch):
    names = tuple(f"{name} {number}" for number in range(5) for name in NAMES)
    images = photographs()
    whole = found_by(opened(folders, "owlv2", threshold=0.4, names=names), images)
    monkeypatch.setattr(owlv2, "NAMES", 7)
    parts = found_by(opened(folders, "owlv2", threshold=0.4, names=names), images)
    for ours, theirs in zip(parts, whole, strict=True):
        assert ours
        same(ours, theirs)


@pytest.mark.parametrize(("family", "most"), [("mm-grounding-dino", 48), ("omdet", 77)])
def test_prompts_are_cut_into_groups_and_never_cut_off(folders, family, most):
    annotator = opened(folders, family, threshold=0.0, names=COCO)
    prompts = annotator.described()["prompts"]
    assert [name for prompt in prompts for name in prompt] == list(COCO)
    assert len(prompts) > 2
    tokenizer = annotator._detector.processor.tokenizer
    join = {"omdet": lambda names: f"Detect {', '.join(names)}."}.get(family, lambda names: ". ".join(names) + ".")
    for prompt, after in zip(prompts, [*prompts[1:], None], strict=True):
        assert len(tokenizer(join(prompt))["input_ids"]) <= most
        if after:
            assert len(tokenizer(join([*prompt, after[0]]))["input_ids"]) > most
    images = photographs()[:2]
    together = found_by(annotator, images)
    alone = [found_by(opened(folders, family, threshold=0.0, names=tuple(prompt)), images) for prompt in prompts]
    for place, found in enumerate(together):
        parts = sorted((each for group in alone for each in group[place]), key=lambda each: -each[1])
        assert len(found) == len(parts) > 0
        assert [score for _, score, _ in found] == pytest.approx([score for _, score, _ in parts], abs=1e-5)
    long = " ".join(COCO)
    with pytest.raises(InputError, match=rf"the name 'person bicycle .* is longer than a prompt of .* may be, {most}"):
        opened(folders, family, threshold=0.1, names=("cat", long))


def test_names_with_marks_stay_one_name(folders):
    names = ("St. Bernard", "hot-dog", "person")
    annotator = opened(folders, "grounding-dino", threshold=0.05, names=names)
    (prompt,) = annotator._prompts
    words = annotator._detector.processor.tokenizer.convert_ids_to_tokens(prompt.tokens["input_ids"][0])
    owned = {
        name: "".join(
            word.removeprefix("##") for word, owner in zip(words, prompt.owners.tolist(), strict=True) if owner == place
        )
        for place, name in enumerate(names)
    }
    assert owned == {"St. Bernard": "stbernard", "hot-dog": "hot-dog", "person": "person"}
    between_names = [word for word, owner in zip(words, prompt.owners.tolist(), strict=True) if owner < 0]
    assert between_names == ["[CLS]", ".", ".", ".", "[SEP]"]


@pytest.mark.parametrize("family", ["owlv2", "rf_detr", "mm-grounding-dino", "omdet"])
def test_what_is_found_in_an_image_does_not_depend_on_those_beside_it(folders, family):
    annotator = opened(folders, family, threshold=0.2)
    images = photographs()
    for alone, together in zip(
        [found_by(annotator, [image])[0] for image in images], found_by(annotator, images), strict=True
    ):
        same(alone, together)


@pytest.mark.parametrize("family", ["owlv2", "rf_detr"])
def test_workers_change_no_byte(folders, family, tmp_path):
    records = tmp_path / "records"
    write_records(records, n=7)
    more = {"vocabulary": list(NAMES)} if family == "owlv2" else {}
    spec = f"{OPEN.get(family, 'rtdetr')}:{folders(family)}"
    for workers in (0, 1, 2):
        annotate(
            records=records,
            with_=spec,
            out=tmp_path / f"{workers}",
            workers=workers,
            threshold=0.0,
            batch_size=2,
            **more,
        )
    assert file_digests(tmp_path / "1") == file_digests(tmp_path / "0")
    assert file_digests(tmp_path / "2") == file_digests(tmp_path / "0")
    note = read_annotation(tmp_path / "0")
    assert note["annotator"]["versions"].keys() == {"transformers", "torchvision"}
    assert note["annotator"]["preprocess"]["class"]
    assert note["summary"]["n_objects"] > 0
    assert str(folders(family)) not in str(note["annotator"]["config"])


def test_a_closed_set_takes_a_vocabulary_as_a_choice(folders):
    images = photographs()
    kind = f"rtdetr:{folders('rt_detr')}"
    every = found_by(load_annotator(kind, Asked(names=None, threshold=0.2)), images)
    some = load_annotator(kind, Asked(names=("Tennis_Racket", "yak"), threshold=0.2))
    assert found_by(some, images) == [[each for each in found if each[0] == "tennis racket"] for found in every]
    assert "does not know 1 of the 2 names, e.g. yak" in some.warnings[0]
    labels = [{label for label, *_ in found} for found in found_by(opened(folders, "detr", threshold=0.0), images)]
    assert {"person"} < set().union(*labels) <= {"person", "dog", "tennis racket"}  # and no N/A
    with pytest.raises(ModelError, match="none of the 1 names of the vocabulary is among them"):
        load_annotator(kind, Asked(names=("yak",), threshold=0.2))


def test_a_vocabulary_of_21_000_names_with_repeats_is_looked_for_whole(folders, tmp_path):
    names = [f"{name} {number}" for number in range(3_500) for name in NAMES]
    (tmp_path / "names.txt").write_text("\n".join([*names, *names[:9], names[0].upper()]) + "\n")
    records = write_records(tmp_path / "records", n=2)
    given = {"vocabulary": tmp_path / "names.txt", "threshold": 0.0}
    summary = annotate(records=records, with_=f"owlv2:{folders('owlv2')}", out=tmp_path / "out", **given)
    assert summary.n_names == 21_000
    assert summary.remarks[-1] == "10 names of the vocabulary repeat others, and count once"
    note = read_annotation(tmp_path / "out")["vocabulary"]
    assert (note["n"], note["n_merged"]) == (21_000, 10)
    found = set(load_records(tmp_path / "out").column("objects").flatten().to_pylist())
    assert found <= set(names)
    assert any(names.index(name) >= owlv2.NAMES for name in found)  # behind the names that are compared at a time
