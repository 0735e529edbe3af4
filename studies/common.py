"""What the studies share: commands that are run and kept, the machine by name, mis-captioned records."""

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memometer.files import atomic_path, write_text
from memometer.report import vega
from memometer.scenes.planting import PLANTED_SCHEMA
from memometer.seeds import rng_for

ROOT = Path(__file__).parents[1]
STUDIES = ROOT / "docs" / "studies"


class Commands:
    """Runs memometer commands and keeps them."""

    def __init__(self):
        self.lines = []

    def run(self, *words):
        command = ["memometer", *map(str, words)]
        print("$", " ".join(command), flush=True)
        subprocess.run([sys.executable, "-m", "memometer", *command[1:]], check=True)
        self.lines.append(" ".join(command))

    def shown(self, replacements):
        """The commands as an indented block, with folders as a reader would name them."""
        lines = []
        for line in self.lines:
            for old, new in replacements.items():
                line = line.replace(str(old), new)  # noqa: PLW2901 (one replacement after another)
            lines.append(f"    {line}")
        return "\n".join(lines)


def machine():
    names = (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))  # noqa: SIM115, PTH123
    cores = len(os.sched_getaffinity(0))
    packages = ", ".join(f"{name} {version(name)}" for name in ("memometer", "torch", "open_clip_torch", "numpy"))
    return f"{next(names, platform.processor())}, {cores} cores, no GPU; Python {platform.python_version()}, {packages}"


def training(folder):
    """What the manifest of a trained model says of the work, in words."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return (
        f"{manifest['model']['parameters'] / 1e6:.1f} M parameters, {manifest['steps']:,} steps in "
        f"{manifest['seconds']:,.0f} s ({manifest['samples_per_second']:,.0f} samples/s), last loss {manifest['loss']:.3f}"
    )


def shards_of(folder):
    """The folder itself; ends the study with a sentence where it holds no tar shard."""
    if not list(folder.glob("*.tar")):
        sys.exit(f"no tar shards in {folder}: pass the folder of the shards that this study takes, SHARDS=…")
    return folder


def import_shards(commands, shards, records, *, roles, seed):
    """Flickr8k's shards as records with roles; their objects are the nouns of all captions."""
    commands.run("data", "import", shards_of(shards), "--out", records, "--vocabulary", shards / "nouns.tsv")
    commands.run("data", "split", records, "--roles", roles, "--seed", seed)


def save_chart(chart, path):
    """Writes an altair chart as SVG, as the report draws it."""
    write_text(path, vega.draw(chart.to_dict()))


def plant_miscaptioned(records, *, role, n, seed):
    """Gives ``n`` records of a role the captions of one another, each the next one's, and lists them in planted.parquet.

    Nothing happens where planted.parquet is there already.
    """
    if (records / "planted.parquet").exists():
        return
    path = records / "records.parquet"
    table = pq.read_table(path)
    ids, roles, captions = (table[name].to_pylist() for name in ("record_id", "role", "captions"))
    rows = sorted((row for row, each in enumerate(roles) if each == role), key=lambda row: ids[row])
    chosen = np.sort(rng_for(seed, "miscaptioned").permutation(rows)[:n]).tolist()
    lenders = [*chosen[1:], chosen[0]]
    lent = {row: captions[lender] for row, lender in zip(chosen, lenders, strict=True)}
    column = pa.array([lent.get(row, own) for row, own in enumerate(captions)], table.schema.field("captions").type)
    with atomic_path(path) as temporary:
        pq.write_table(table.set_column(table.schema.get_field_index("captions"), "captions", column), temporary)
    planted = [
        {"record_id": ids[row], "kind": "miscaptioned", "of": ids[lender]}
        for row, lender in zip(chosen, lenders, strict=True)
    ]
    with atomic_path(records / "planted.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(planted, schema=PLANTED_SCHEMA), temporary)


def cell(gap, digits=3):
    """A value with its interval, where there are records enough for one, as Markdown."""
    value, low, high = (
        "–" if gap[name] is None else f"{round(gap[name], digits) + 0.0:+.{digits}f}"  # no −0
        for name in ("value", "low", "high")
    )
    return value if gap["low"] is None else f"{value} [{low}, {high}]"
