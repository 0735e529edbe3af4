"""The growth study: memorization and utility against the size of the training set, and against epochs, on Flickr8k.

Imports the shards, makes nested training sets of 500 to 3,000 photographs per model beside one public set, runs a sweep over
each and one over epochs, and writes docs/studies/growth.md. It may be stopped and run again.
"""

import argparse
import dataclasses
from pathlib import Path

import altair as alt
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from common import ROOT, STUDIES, Commands, import_shards, machine, save_chart
from scipy import stats

from memometer import load_records, run_sweep
from memometer.files import write_text
from memometer.report.charts import theme
from memometer.report.text import signed
from memometer.seeds import rng_for
from memometer.sweeps.settings import shown_settings
from memometer.tables import read_table, write_table

WORK = ROOT / "build" / "growth"
LARGEST = 3000
SIZES = (500, 1000, 2000, LARGEST)
EPOCHS = (5, 10, 20, 40)
SEEDS = (0, 1, 2)
GAPS = {"ppg": "PPG", "prg": "PRG", "aucg": "AUCG"}
SCOPES = {"all": "all objects", "unmentioned": "unmentioned objects"}
RECALL = "retrieval/image_to_text/recall@10"


@dataclasses.dataclass(frozen=True)
class Point:
    """One setting: what it is at, and its metrics over seeds, as `SettingRow` of a sweep's summary."""

    at: int
    metrics: dict


def subsets(records):
    """By size the folder of its records: nested, the others have no role."""
    whole = load_records(records)
    roles = np.array(whole.column("role").to_pylist(), dtype=object)
    order = rng_for(0, "growth").permutation(len(roles))
    found = {}
    for size in SIZES:
        kept = roles.copy()
        for role in "ab":
            kept[order[roles[order] == role][size:]] = None
        folder = WORK / f"records-{size}"
        folder.mkdir(parents=True, exist_ok=True)
        table = read_table(records / "records.parquet")
        paths = [None if path is None else str((records / path).resolve()) for path in table["image_path"].to_pylist()]
        for name, column in (
            ("role", pa.array(kept.tolist(), pa.string())),
            ("image_path", pa.array(paths, pa.string())),
        ):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, column)
        if not (folder / "records.parquet").exists():
            write_table(folder / "records.parquet", table)
        found[size] = folder
    return found


def sweep(records, settings, *, classes):
    """A sweep file, as a mapping."""
    return {
        "seeds": list(SEEDS),
        "data": {"records": str(records), "role": "a", "reference_role": "b", "public_role": "public"},
        "train": {"model": "small", "epochs": EPOCHS[-1], "precision": "fp32"},
        "settings": settings,
        "audit": {"k": 10, "caption": 1},
        "utility": {
            "retrieval": True,
            "captions": 5,
            "zero_shot": str(classes),
            "templates": ["a photo of a {}."],
            "labels": "objects",
        },
    }


def measured(folder, records, settings, *, classes):
    """The summary of a sweep, by setting."""
    found = run_sweep(sweep(records, settings, classes=classes), out=WORK / folder, device="cpu", keep="none")
    return {setting.name: setting.metrics for setting in shown_settings(found.summary)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--note", default="", help="what else is to be said of how it ran")
    options = parser.parse_args()
    commands = Commands()
    records, classes = WORK / "records", WORK / "classes.txt"
    import_shards(commands, options.shards, records, roles=f"a={LARGEST},b={LARGEST},public=rest", seed=0)
    labels = pc.unique(pc.list_flatten(load_records(records).column("objects"))).to_pylist()
    write_text(classes, "\n".join(sorted(labels)) + "\n")
    folders = subsets(records)
    by_size = [
        Point(size, measured(f"size-{size}", folders[size], {"default": {}}, classes=classes)["default"])
        for size in SIZES[:-1]
    ]
    settings = {f"{epochs} epochs": {"epochs": epochs} for epochs in EPOCHS[:-1]}
    over_epochs = measured("epochs", folders[LARGEST], {"default": {}, **settings}, classes=classes)
    by_size.append(Point(LARGEST, over_epochs["default"]))
    by_epochs = [Point(epochs, over_epochs[f"{epochs} epochs"]) for epochs in EPOCHS[:-1]]
    by_epochs.append(Point(EPOCHS[-1], over_epochs["default"]))
    pictures = STUDIES / "growth"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, points, title in (("size", by_size, "records per model"), ("epochs", by_epochs, "epochs")):
        save_chart(chart(points, title), pictures / f"{name}.svg")
    write_text(STUDIES / "growth.md", page(by_size, by_epochs, commands, options))
    print("wrote docs/studies/growth.md")


def mean(point, metric):
    return point.metrics[metric].value


def chart(points, title):
    """Gaps over unmentioned objects, and utility, against ``title``."""
    rows = [
        {
            "at": point.at,
            "series": name,
            "value": mean(point, f"{gap}/unmentioned"),
            "std": point.metrics[f"{gap}/unmentioned"].std or 0,
        }
        for point in points
        for gap, name in GAPS.items()
    ]
    useful = [{"at": point.at, "value": mean(point, RECALL), "std": point.metrics[RECALL].std or 0} for point in points]
    x = alt.X(
        "at:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(values=[p.at for p in points], format="d"),
    )

    def panel(values, *, name, title_y, color):
        base = alt.Chart(alt.InlineData(values=values)).transform_calculate(
            low="datum.value - datum.std", high="datum.value + datum.std"
        )
        base = base.encode(x=x, color=color)
        line = base.mark_line(strokeWidth=2).encode(y=alt.Y("value:Q", title=title_y))
        rule = base.mark_rule(strokeWidth=2, opacity=0.55).encode(y="low:Q", y2="high:Q")
        point = base.mark_point(filled=True, size=50, opacity=1).encode(y="value:Q")
        return alt.layer(rule, line, point).properties(width=300, height=220, title=alt.Title(name, frame="group"))

    colors = alt.Color(
        "series:N",
        title=None,
        sort=list(GAPS.values()),
        scale=alt.Scale(range=[theme.BLUE, theme.TARGET, theme.VERMILION]),
        legend=alt.Legend(orient="bottom", symbolOpacity=1),
    )
    gaps = panel(rows, name="Balanced gaps, unmentioned objects", title_y="gap", color=colors)
    return theme.themed(
        alt.hconcat(
            gaps, panel(useful, name="Image → text recall@10", title_y="recall", color=alt.value(theme.REFERENCE))
        )
    )


def table(points, title):
    metrics = [f"{gap}/{scope}" for scope in SCOPES for gap in GAPS] + [RECALL, "zero_shot/mean_average_precision"]
    names = [f"{name}, {SCOPES[scope].split()[0]}" for scope in SCOPES for name in GAPS.values()] + [
        "recall@10",
        "zero-shot mAP",
    ]
    rows = []
    for point in points:
        cells = []
        for metric in metrics:
            found = point.metrics[metric]
            number = signed(found.value) if metric[:3] in ("ppg", "prg", "auc") else f"{found.value:.3f}"
            cells.append(f"{number} ± {found['std']:.3f}")
        rows.append(f"| {point.at:,} | {' | '.join(cells)} |")
    return "\n".join([f"| {title} | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|", *rows])


def trend(points, metric):
    """Whether a metric rises or falls from the first point to the last: the difference by seed, Student's t over seeds."""
    first, last = (points[place].metrics[metric].by_seed for place in (0, -1))
    changes = np.array([last[seed] - first[seed] for seed in first])
    margin = stats.t.ppf(0.975, len(changes) - 1) * changes.std(ddof=1) / np.sqrt(len(changes))
    change = changes.mean()
    kind = "rises" if change > margin else "falls" if change < -margin else "does not change clearly"
    return kind, f"{signed(change)} [{signed(change - margin)}, {signed(change + margin)}]"


def statements(points, expected):
    """Rows of a table: what A says, what was found."""
    rows = []
    for metric, name, said in expected:
        kind, change = trend(points, metric)
        verdict = "agrees" if kind == said else "in the noise" if "clearly" in kind else "**does not**"
        rows.append(f"| {name} {said} | {kind}, {change} | {verdict} |")
    return "\n".join(["| A says | found | |", "|---|---|---|", *rows])


def page(by_size, by_epochs, commands, options):
    gaps = [(f"{gap}/{scope}", f"{name} over {SCOPES[scope]}") for scope in SCOPES for gap, name in GAPS.items()]
    sizes = [*((metric, name, "falls") for metric, name in gaps), (RECALL, "utility (recall@10)", "rises")]
    epochs = [*((metric, name, "rises") for metric, name in gaps), (RECALL, "utility (recall@10)", "rises")]
    return f"""# Study: memorization as training sets and trainings grow

Two findings of Jayaraman, Guo and Chaudhuri (arXiv 2402.02103, "A"): the gaps fall as the training set grows while utility
rises (Figure 2), and a training that is stopped early memorizes less and is worth less (Section 5.1). Here both are tried on photographs
of Flickr8k with `small`, {len(SEEDS)} seeds, each time as a pair of models on disjoint sets, audited both ways against the same 2,091
public photographs (query caption 1, k = 10).

## Size of the training set

{EPOCHS[-1]} epochs each; the smaller sets lie within the larger ones.

![Gaps and utility against the size of the training set](growth/size.svg)

{table(by_size, "records per model")}

{statements(by_size, sizes)}

A trains on 1 to 50 million pairs, with many more steps than here. The epochs are held alike, so a larger set is also trained
with more steps, and more steps raise the gaps (below): the two work against each other.

## Epochs

{LARGEST:,} records per model.

![Gaps and utility against epochs](growth/epochs.svg)

{table(by_epochs, "epochs")}

{statements(by_epochs, epochs)}

Mean ± standard deviation over seeds. *Rises* and *falls* compare the first row with the last, paired by seed: in brackets
the 95 % interval by Student's t over seeds. With three seeds that is a coarse test.

## How it was made

    make study-growth SHARDS=…

which ran, beside the sweeps that `studies/growth.py` describes,

{commands.shown({str(options.shards): "SHARDS", str(ROOT) + "/": ""})}

on {machine()}.{" " * bool(options.note)}{options.note}
"""


if __name__ == "__main__":
    main()
