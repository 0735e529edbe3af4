"""The mitigation study: settings of the trainer on Flickr8k, each with three seeds, as one sweep per model.

Imports and splits the records, runs studies/mitigation.toml, writes docs/studies/mitigation.md. It may be stopped and run
again. To spread the cells over machines or processes, prepare, run shards, and run this again with the cells in place:

    python studies/mitigation.py --shards FOLDER --prepare
    memometer sweep studies/mitigation.toml --out build/mitigation/sweep --shard 0/14 --device cuda --workers 0
    python studies/mitigation.py --shards FOLDER

With `--model vit` all this is done for studies/mitigation_vit.toml, a larger model; with `--finished` the page is written
of the cells that there are.
"""

import argparse
import collections
import dataclasses
import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from common import ROOT, STUDIES, Commands, import_shards, save_chart
from mitigation_paper import REASON, beside_the_paper

from memometer import run_sweep
from memometer.files import write_text
from memometer.report import page_of
from memometer.sweeps.charts import setting_bars, utility_frontier
from memometer.sweeps.settings import metric_name, shown_settings

WORK = ROOT / "build" / "mitigation"
GAPS = ("ppg", "prg", "aucg")
UTILITIES = (
    "zero_shot/mean_average_precision",
    "retrieval/image_to_text/recall@1",
    "retrieval/text_to_image/recall@1",
    "retrieval/image_to_text/recall@10",
    "retrieval/text_to_image/recall@10",
)


@dataclasses.dataclass(frozen=True)
class Study:
    """One model's share of the study: its sweep file in studies/, its page, and the sentences that only it has."""

    sweep: str
    title: str
    model: str
    remark: str
    reason: str = ""

    @property
    def file(self):
        return ROOT / "studies" / f"{self.sweep}.toml"

    @property
    def out(self):
        return WORK / self.sweep.replace("mitigation", "sweep").replace("_", "-")

    @property
    def page(self):
        return STUDIES / f"{self.sweep.replace('_', '-')}.md"


MODELS = {
    "small": Study(
        "mitigation",
        "what mitigates memorization, and what it costs",
        "of the preset `small`,",
        "The same with a larger model: [Mitigation with ViT-S/16](mitigation-vit.md).",
        REASON,
    ),
    "vit": Study(
        "mitigation_vit",
        "mitigation with ViT-S/16",
        "ViT-S/16 at 112 px (12 layers in each tower, context of 32 tokens), in bf16,",
        "The same with a small model, and more settings: [Mitigation](mitigation.md).",
    ),
}


def prepare(commands, shards):
    """Records with roles, and the classes of zero-shot classification: every label that some record has."""
    records = WORK / "records"
    import_shards(commands, shards, records, roles="a=3000,b=3000,public=rest", seed=0)
    objects = pq.read_table(records / "records.parquet", columns=["objects"])["objects"]
    write_text(WORK / "classes.txt", "\n".join(sorted(pc.unique(pc.list_flatten(objects)).to_pylist())) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--prepare", action="store_true", help="import and split, then stop")
    parser.add_argument("--model", choices=MODELS, default="small")
    parser.add_argument("--finished", action="store_true", help="train nothing; write the page of the finished cells")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    study = MODELS[options.model]
    commands = Commands()
    prepare(commands, options.shards)
    if options.prepare:
        return
    found = run_sweep(study.file, out=study.out, device=options.device, keep="none", finished_only=options.finished)
    pictures = study.page.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    for name, chart in (("frontier", utility_frontier), ("settings", setting_bars)):
        save_chart(chart(found), pictures / f"{name}.svg")
    write_text(study.page, page(study, found, commands, options.shards))
    print(f"wrote {study.page.relative_to(ROOT)}")


def machines(folder):
    """What the cells were computed on, as sentences."""
    made = [json.loads(path.read_text())["made"] for path in sorted((folder / "cells").glob("*/*/result.json"))]
    counted = collections.Counter((each["machine"], each["packages"]["torch"], each["memometer"]) for each in made)
    return "; ".join(
        f"{n} cells on {machine} with torch {torch} and memometer {version}"
        for (machine, torch, version), n in counted.most_common()
    )


def table(summary, metrics, *, sign):
    """Mean ± std over seeds of every setting."""
    names = [metric_name(metric) for metric in metrics]
    rows = [
        f"| {setting.numbered} | " + " | ".join(setting.mean_text(metric, sign=sign) for metric in metrics) + " |"
        for setting in shown_settings(summary)
    ]
    return "\n".join([f"| setting | {' | '.join(names)} |", "|---" * (1 + len(metrics)) + "|", *rows])


def differences(summary, metrics):
    """Differences to the default, paired by seed; bold where they are clear of noise."""
    rows = []
    for setting in shown_settings(summary):
        cells = []
        for metric in metrics:
            text = setting.difference_text(metric)
            cells.append(f"**{text}**" if setting.metrics[metric]["difference"]["clear"] else text)
        if setting.name != summary["baseline"]:
            rows.append(f"| {setting.numbered} | " + " | ".join(cells) + " |")
    head = f"| setting | {' | '.join(map(metric_name, metrics))} |"
    return "\n".join([head, "|---" * (1 + len(metrics)) + "|", *rows])


def page(study, found, commands, shards):
    summary = found.summary
    verdict = page_of("sweep").verdict(summary)
    records = found.manifest["records"]
    utilities = [metric for metric in UTILITIES if metric in summary["settings"][0]["metrics"]]
    gaps = {scope: [f"{gap}/{scope}" for gap in GAPS] for scope in ("all", "unmentioned")}
    compared = ["prg/all", "prg/unmentioned", "aucg/all", "aucg/unmentioned"]
    seconds = summary["cells"]["seconds"]
    front = ", ".join(setting.name for setting in shown_settings(summary) if setting.front)
    cells = summary["cells"]
    lacking = (
        f"\n\n**Not finished**: {cells['n_finished']} of {cells['n']} cells are in; a setting with one seed has no standard "
        "deviation, its differences no interval, and those of two seeds are wide. The page says what there is, not what will stay."
        if cells["missing"]
        else ""
    )
    name = study.page.stem
    return f"""# Study: {study.title}

Every setting of the trainer is trained {len(summary["seeds"])} times (seeds {", ".join(map(str, summary["seeds"]))}), each time as a pair of models {study.model}
from scratch, on {records["n_a"]:,} and {records["n_b"]:,} photographs of Flickr8k (Hodosh, Young, Hockenmaier 2013) with their first caption (caption sampling
draws among all five). Each pair is audited both ways against the other {records["n_public"]:,} photographs, query caption 1, k = {found.config["audit"]["k"]}.
Utility is measured on those {records["n_public"]:,}: retrieval with five captions, and zero-shot classification of the objects by the
template "a photo of a {{}}.", as mean average precision over the classes. Settings are those of
`studies/{study.file.name}`, see [Sweeps](../sweep.md). {study.remark}{lacking}

## Result

**{verdict.title}.** {verdict.sentence} {" ".join(verdict.cautions)}

Settings that no other beats in both: {front}.

![Utility against memorization]({name}/frontier.svg)

*Utility against memorization: mean and standard deviation over seeds. Named settings are beaten by no other; the
others bear their numbers in the tables.*

![Bars of every setting]({name}/settings.svg)

*Utility and balanced gaps. Thick lines: standard deviation over seeds. Thin lines: the paper's 10 % protocol.*

### Balanced gaps over unmentioned objects

{table(summary, gaps["unmentioned"], sign=True)}

### Balanced gaps over all objects

{table(summary, gaps["all"], sign=True)}

### Utility

{table(summary, utilities, sign=False)}

Mean ± standard deviation over seeds, of both models.

### Difference to the default, paired by seed

{differences(summary, [*compared, *utilities[:2]])}

In brackets the 95 % interval by Student's t over seeds; **bold** where it leaves out 0.

{beside_the_paper(summary, utilities[0])}{study.reason}

## How it was made

    make study-mitigation SHARDS=…{"" if study is MODELS["small"] else " MODEL=vit"}

which ran

{commands.shown({str(shards): "SHARDS", str(ROOT) + "/": ""})}
    memometer sweep {study.file.relative_to(ROOT)} --out {study.out.relative_to(ROOT)}

{machines(found.folder)}. All cells together took {seconds["training"] / 3600:.1f} h of training and {seconds["rest"] / 3600:.1f} h of audits and utility, several at once. Intervals over
seeds speak of other trainings on the same records; objects are human labels, but incomplete.
"""


if __name__ == "__main__":
    main()
