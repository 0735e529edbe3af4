"""The CLIPMem study: two models that share most of their training pairs, on Flickr8k, with mis-captioned candidates.

Writes docs/studies/clipmem.md, and docs/studies/towers.md: SSLMem per tower and UnitMem per layer of the same models.

    python studies/clipmem.py --shards FOLDER [--work build/clipmem] [--epochs 30] [--miscaptioned 150] [--seed 0]
"""

import argparse
from pathlib import Path

import pyarrow.compute as pc
from common import STUDIES, Commands, cell, import_shards, machine, plant_miscaptioned, save_chart, training

from memometer import load_audit
from memometer.files import write_text
from memometer.measures.clipmem.charts.subsets import score_histograms
from memometer.measures.sslmem.charts import delta_layermem, layermem
from memometer.measures.unitmem.charts import unitmem_beyond_control, unitmem_by_layer
from memometer.report.charts.roc import planted_curves

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
    import_shards(commands, options.shards, records, roles=ROLES, seed=options.seed)
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
    for name, words in (("sslmem", ("--tower", "both")), ("sslmem-clip", ("--tower", "image", "--augment", "clip"))):
        commands.run(
            "audit", "sslmem", "--target", target, "--reference", reference, "--records", records, "--role",
            "candidates", "--reference-role", "independent", *words, "--out", work / name,
        )  # fmt: skip
    commands.run(
        "audit", "unitmem", "--target", target, "--records", records, "--role", "candidates", "--control-role",
        "external", "--tower", "both", "--out", work / "unitmem",
    )  # fmt: skip
    runs = {name: load_audit(work / name) for name in ("clipmem", "sslmem", "sslmem-clip", "unitmem")}
    made = how_it_was_made(commands, options)
    for page, charts in CHARTS.items():
        pictures = page.with_suffix("")
        pictures.mkdir(parents=True, exist_ok=True)
        for name, (chart, run) in charts.items():
            save_chart(chart(runs[run]), pictures / f"{name}.svg")
    write_text(CLIPMEM, clipmem_page(runs["clipmem"], made, options))
    write_text(TOWERS, towers_page(runs["sslmem"], runs["sslmem-clip"].summary, runs["unitmem"], made))
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


def area(entry):
    """The area under a ROC curve with its interval."""
    return f"{entry['area']:.2f} [{entry['low']:.2f}, {entry['high']:.2f}]"


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
        f"| {test['first']} less {test['second']} | {cell({**test, 'value': test['difference']})} | {'< 1e-300' if test['p'] == 0 else format(test['p'], '.1e')} |"
        for test in summary["tests"]
    )
    planted = {entry["by"]: entry for entry in summary["planted"]}
    n_planted, found_better = (
        planted["clipmem"]["n_positive"],
        planted["clipmem"]["area"] > planted["similarity"]["area"],
    )
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
| CLIPMem | {area(planted["clipmem"])} |
| low cosine under f alone | {area(planted["similarity"])} |
| random | 0.50 |

The {n_planted} mis-captioned candidates lie at {100 * places[0]:.0f} % of the ranking on average (0 % is the top), the others at {100 * places[1]:.0f} %.
{found_first(audit.samples, 150)} of the 150 highest scores are mis-captioned, where chance gives {150 * n_planted / n:.0f}; of the 20 highest, {found_first(audit.samples, 20)} (chance: {20 * n_planted / n:.0f}).

![ROC curves](clipmem/planted.svg)

## Beside the paper

C's models (ViT-B on COCO, 65,000 + 5,000 pairs) have a normalised mean over candidates of .44 with one image and one caption; here it is
{summary["subsets"]["candidates"]["clipmem_normalised"]["value"]:.2f}. The scale depends on the two most extreme pairs of an audit, so only the order is to be compared: candidates above 0,
independent pairs below, the other two near 0. That order, and that mis-captioned pairs are among the most memorized, agree
with the paper. A CLIP model filter (low cosine) {"finds them worse, for a model that has memorized a wrong pair no longer finds it odd." if found_better else "does not find them worse here."}

## How it was made

{made}
"""


def output_row(name, entry):
    gaps = (entry["balanced"]["sslmem"], *(entry[design]["relative"] for design in ("balanced", "forward", "backward")))
    return f"| {name} | {' | '.join(map(cell, gaps))} |"


def covers_0(gap):
    return gap["low"] <= 0 <= gap["high"]


def towers_page(sslmem, gentle, unitmem, made):
    summary, units = sslmem.summary, unitmem.summary
    rows = {
        "image, views as in self-supervised training": summary["towers"]["image"],
        "image, views as CLIP trains": gentle["towers"]["image"],
        "text": summary["towers"]["text"],
    }
    outputs = "\n".join(output_row(name, entry) for name, entry in rows.items())
    layers = "\n".join(
        f"| {row['tower']} | {row['layer']} | {cell({**row, 'value': row['layermem']})} | "
        + cell({"value": row["delta"], "low": row["delta_low"], "high": row["delta_high"]})
        + " |"
        for row in sslmem.tables["layers"].to_pylist()
        if row["design"] == "balanced"
    )
    units_by_layer = unitmem.tables["layers"].to_pylist()
    by_layer = "\n".join(
        f"| {row['tower']} | {row['layer']} | {row['n_units']:,} | {row['mean']:.3f} | {row['q95']:.3f} | "
        f"{cell({'value': row['difference'], 'low': row['difference_low'], 'high': row['difference_high']}, 4)} |"
        for row in units_by_layer
    )
    clear = sum(not row["difference_low"] <= 0 <= row["difference_high"] for row in units_by_layer)
    shown = {name: entry for name, entry in rows.items() if not covers_0(entry["balanced"]["relative"])}
    verdict = (
        f"SSLMem shows little: of {len(rows)} balanced intervals {len(shown)} {'leaves' if len(shown) == 1 else 'leave'} out 0 ("
        + "; ".join(f"{name}: {cell(entry['balanced']['relative'])}" for name, entry in shown.items())
        + ")"
        if shown
        else "neither tower shows it by SSLMem: every balanced interval covers 0"
    )
    flat = all(covers_0(row) for row in sslmem.tables["layers"].to_pylist() if row["design"] == "balanced")
    most = max(entry["balanced"]["relative"]["high"] for entry in rows.values())
    towers = summary["text_less_image"]
    found = "\n".join(
        f"| {entry['by']} | {entry['kind']} | {area(entry)} |"
        for audit in (summary, units)
        for entry in audit["planted"]
        if entry["by"] != "random"
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

| tower | layer | LayerMem | ΔLayerMem |
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

- C asks which encoder of CLIP memorizes, and finds that the text encoder contributes more. Here {verdict}, and at most {most:.3f} of relative SSLMem is compatible with the data. By CLIPMem the same models memorize these very records plainly. The likely reason: CLIP's loss pulls an image towards its caption, and nothing pulls the views of one image, or the captions of one image, towards each other, as the losses of E's self-supervised models do. What is memorized lies in the match of the towers, and a measure that looks at one tower alone misses most of it.
- E and F find that memorization grows with depth. {"Every balanced LayerMem covers 0, so there is nothing to grow. " if flat else ""}UnitMem itself grows from the first block to the second in both towers, and falls
  again in the image tower's last. But most of it is there for records that the model never saw: beyond the control, {clear} of {len(units_by_layer)} layers
  exclude 0, where one in twenty does by chance. UnitMem without a control says that units are selective, not that they
  memorized.
- Not shown here: large models. Four layers of a small model trained for 30 epochs say how the measures behave, not how
  much memorization the towers of a ViT-B/32 hold.

## How it was made

{made}
"""


if __name__ == "__main__":
    main()
