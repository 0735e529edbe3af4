"""The CLIPMem study: two models that share most of their training pairs, on Flickr8k, with mis-captioned candidates.

Writes docs/studies/clipmem.md, and docs/studies/towers.md: SSLMem per tower and UnitMem per layer of the same models.

    python studies/clipmem.py --shards FOLDER [--work build/clipmem] [--epochs 30] [--miscaptioned 150] [--seed 0]
"""

import argparse
from pathlib import Path

import pyarrow.compute as pc
from common import STUDIES, Commands, cell, machine, plant_miscaptioned, shards_of, training

from memometer import load_audit
from memometer.files import write_text
from memometer.report.charts.layers import delta_layermem, layermem
from memometer.report.charts.roc import planted_curves
from memometer.report.charts.subsets import score_histograms
from memometer.report.charts.units import unitmem_beyond_control, unitmem_by_layer

ROLES = "shared=4000,candidates=1500,independent=1500,external=rest"
CLIPMEM, TOWERS = STUDIES / "clipmem.md", STUDIES / "towers.md"
CHARTS = {
    CLIPMEM: {"subsets": (score_histograms, "clipmem"), "planted": (planted_curves, "clipmem")},
    TOWERS: {
        "layermem": (layermem, "sslmem"),
        "delta": (delta_layermem, "sslmem"),
        "unitmem": (unitmem_by_layer, "unitmem"),
        "control": (unitmem_beyond_control, "unitmem"),
    },
}


def prepare(commands, options):
    records = options.work / "records"
    commands.run("data", "import", options.shards, "--out", records, "--vocabulary", options.shards / "nouns.tsv")
    commands.run("data", "split", records, "--roles", ROLES, "--seed", options.seed)
    plant_miscaptioned(records, role="candidates", n=options.miscaptioned, seed=options.seed)
    return records


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/clipmem"))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--miscaptioned", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shards_of(options.shards)
    work, commands = options.work, Commands()
    records = prepare(commands, options)
    for name, own in (("f", "candidates"), ("g", "independent")):
        commands.run(
            "train", "--records", records, "--role", f"shared,{own}", "--model", "small", "--epochs", options.epochs,
            "--seed", options.seed, "--out", work / name,
        )  # fmt: skip
    target, reference = f"open_clip:{work / 'f'}", f"open_clip:{work / 'g'}"
    commands.run(
        "audit", "clipmem", "--target", target, "--reference", reference, "--records", records, "--shared", "shared",
        "--candidates", "candidates", "--independent", "independent", "--external", "external",
        "--out", work / "clipmem",
    )  # fmt: skip
    commands.run(
        "audit", "sslmem", "--target", target, "--reference", reference, "--records", records, "--role", "candidates",
        "--reference-role", "independent", "--tower", "both", "--out", work / "sslmem",
    )  # fmt: skip
    commands.run(
        "audit", "unitmem", "--target", target, "--records", records, "--role", "candidates", "--control-role",
        "external", "--tower", "both", "--out", work / "unitmem",
    )  # fmt: skip
    runs = {name: load_audit(work / name) for name in ("clipmem", "sslmem", "unitmem")}
    made = how_it_was_made(commands, options)
    for page, charts in CHARTS.items():
        pictures = page.with_suffix("")
        pictures.mkdir(parents=True, exist_ok=True)
        for name, (chart, run) in charts.items():
            chart(runs[run]).save(str(pictures / f"{name}.svg"))
    write_text(CLIPMEM, clipmem_page(runs["clipmem"], made, options))
    write_text(TOWERS, towers_page(runs["sslmem"], runs["unitmem"], made))
    print(f"wrote {CLIPMEM} and {TOWERS}")


def how_it_was_made(commands, options):
    shown = commands.shown({str(options.shards): "SHARDS", str(options.work) + "/": ""})
    return f"""    make study-clipmem SHARDS=…

which ran

{shown}

on {machine()}; seed {options.seed}. Between the split and the trainings the script gave {options.miscaptioned} candidates each other's captions. Model f:
{training(options.work / "f")}; model g: {training(options.work / "g")}. The
seconds are of a machine that did other work at the same time. The intervals speak of these two models; the spread between
trainings is not in them."""


def area(entry, name):
    """The area under the ROC curve of one score, with its interval."""
    gap = entry["scores"][name]
    return "–" if gap["value"] is None else f"{gap['value']:.2f} [{gap['low']:.2f}, {gap['high']:.2f}]"


def mean_rank(samples, planted):
    """Mean place in the ranking, as a share of it: .5 where the ranking knows nothing."""
    ranked = samples.filter(pc.is_valid(samples["rank"]))
    of_kind = pc.is_valid(ranked["planted"])
    places = pc.divide(pc.cast(ranked["rank"], "double"), float(ranked.num_rows))
    return pc.mean(places.filter(of_kind if planted else pc.invert(of_kind))).as_py()


def found_first(samples, most):
    ranked = samples.filter(pc.is_valid(samples["rank"])).sort_by("rank").slice(0, most)
    return ranked.num_rows - ranked["planted"].null_count


def clipmem_page(audit, made, options):
    summary = audit.summary
    subsets = "\n".join(
        f"| {name} | {entry['n_records']:,} | {cell(entry['clipmem'])} | {cell(entry['clipmem_normalised'])} | "
        f"{entry['similarity']['value']:.3f} |"
        for name, entry in summary["subsets"].items()
    )
    tests = "\n".join(
        f"| {test['first']} less {test['second']} | {cell({**test, 'value': test['difference']})} | {test['p']:.1e} |"
        for test in summary["tests"]
    )
    (planted,) = summary["planted"]
    places = [mean_rank(audit.samples, kind) for kind in (True, False)]
    n = summary["subsets"]["candidates"]["n_records"]
    means = {name: entry["clipmem"]["value"] for name, entry in summary["subsets"].items()}
    order = means["candidates"] > 0 > means["independent"]
    small = max(abs(means["shared"]), abs(means["external"]))
    return f"""# Study: CLIPMem on Flickr8k

Two CLIP models of the preset `small` share 4,000 photographs of Flickr8k. Model f was also trained on 1,500 *candidates*, model g on
1,500 *independent* ones, neither on the 1,091 *external* ones. {options.miscaptioned} of the candidates carry captions of one another: the wrong
captions that a data curator would like to find.

## Result

| subset | n | mean CLIPMem, raw | normalised | cosine under f |
|---|---|---|---|---|
{subsets}

| difference of means | raw | p (Welch) |
|---|---|---|
{tests}

{"Candidates lie above 0 and independent pairs below it" if order else "**The order of candidates and independent pairs is not as expected**"}; shared and external pairs lie within {small:.3f} of 0.
{"As C's definition has it: what only f saw is aligned better by f, what only g saw by g, and neither model is better on what both or none saw." if order else ""}

![How the scores spread in each subset](clipmem/subsets.svg)

## Does the ranking find mis-captioned pairs?

| ranking of the candidates | area under the ROC curve |
|---|---|
| CLIPMem | {area(planted, "clipmem")} |
| low cosine under f alone | {area(planted, "similarity")} |
| random | 0.50 |

The {planted["n_planted"]} mis-captioned candidates lie at {100 * places[0]:.0f} % of the ranking on average (0 % is the top), the others at {100 * places[1]:.0f} %.
{found_first(audit.samples, 150)} of the 150 highest scores are mis-captioned, where chance gives {150 * planted["n_planted"] / n:.0f}; of the 20 highest, {found_first(audit.samples, 20)} (chance: {20 * planted["n_planted"] / n:.0f}).

![ROC curves](clipmem/planted.svg)

## Beside the paper

C's models (ViT-B on COCO, 65,000 + 5,000 pairs) have a normalised mean over candidates of .44 with one image and one caption; here it is
{summary["subsets"]["candidates"]["clipmem_normalised"]["value"]:.2f}. The scale depends on the two most extreme pairs of an audit, so only the order is to be compared: candidates above 0,
independent pairs below, the other two near 0. That order, and that mis-captioned pairs are among the most memorized, agree
with the paper. A CLIP model filter (low cosine) {"finds them worse, for a model that has memorized a wrong pair no longer finds it odd." if planted["scores"]["similarity"]["value"] < planted["scores"]["clipmem"]["value"] else "does not find them worse here."}

## How it was made

{made}
"""


def towers_page(sslmem, unitmem, made):
    summary, units = sslmem.summary, unitmem.summary
    outputs = "\n".join(
        f"| {tower} | {cell(entry['balanced']['sslmem'])} | {cell(entry['balanced']['relative'])} | "
        f"{cell(entry['forward']['relative'])} | {cell(entry['backward']['relative'])} |"
        for tower, entry in summary["towers"].items()
    )
    layers = "\n".join(
        f"| {row['tower']} | {row['layer']} | {row['layermem']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}] | "
        + ("–" if row["delta"] is None else f"{row['delta']:+.3f}")
        + " |"
        for row in sslmem.tables["layers"].to_pylist()
        if row["design"] == "balanced"
    )
    by_layer = "\n".join(
        f"| {row['tower']} | {row['layer']} | {row['n_units']:,} | {row['mean']:.3f} | {row['q95']:.3f} | "
        f"{row['difference']:+.4f} [{row['difference_low']:+.4f}, {row['difference_high']:+.4f}] |"
        for row in unitmem.tables["layers"].to_pylist()
    )
    towers = summary["text_less_image"]
    found = "\n".join(
        f"| {name} | {entry['kind']} | {area(entry, name)} |"
        for audit in (summary, units)
        for entry in audit["planted"] or ()
        for name in entry["scores"]
    )
    control = "; ".join(
        f"{tower} tower {cell(entry['control']['difference'], 4)}" for tower, entry in units["towers"].items()
    )
    more = "text" if towers["low"] > 0 else "image" if towers["high"] < 0 else None
    return f"""# Study: which tower and which layers memorize

The models of the [CLIPMem study](clipmem.md): f was trained on the 1,500 candidates, g on the 1,500 independent records, both on 4,000
shared ones. SSLMem and LayerMem compare how far apart each model holds the views of a record (five augmentations of its image; its five captions); both ways,
so that 0 is expected without memorization. UnitMem looks at f alone.

## SSLMem at the output

| tower | balanced SSLMem | balanced SSLMem', relative | f's records | g's records |
|---|---|---|---|---|
{outputs}

The text tower's relative SSLMem less the image tower's, record by record: {cell(towers)}.
{f"The {more} tower memorizes more." if more else "Neither tower is shown to memorize more."}

## LayerMem, balanced

![LayerMem](towers/layermem.svg)

| tower | layer | LayerMem, 95 % interval | ΔLayerMem |
|---|---|---|---|
{layers}

## UnitMem, by layer

Ten views of each image, five captions. *Beyond the control*: UnitMem over groups of candidates less UnitMem over groups of external
records of the same size, with a 95 % t interval over groups. Over all layers: {control}.

![UnitMem](towers/unitmem.svg)

| tower | layer | units | mean UnitMem | 95th percentile | beyond the control |
|---|---|---|---|---|---|
{by_layer}

## The planted records

| score | planted | area under the ROC curve |
|---|---|---|
{found}

The captions of a mis-captioned record belong together, only to another image: a measure that looks at one tower alone cannot tell
it from any other record, which is what an area of .5 says. CLIPMem, which looks at the pair, [can](clipmem.md).

## Beside the papers

SSLMEM_AND_UNITMEM_WORDS

## How it was made

{made}
"""


if __name__ == "__main__":
    main()
