"""A small world in which every command has something to do, and the command line in this process."""

import contextlib
import io
import json
import signal
import sys
from unittest import mock

import numpy as np
import pyarrow.parquet as pq
from import_sources import write_pictures
from model_factory import tiny_architecture
from rich.console import Console
from worlds import write_vectors

from memometer import progress, split_records
from memometer.cli.start import main
from memometer.scenes import make_scenes

SWEEP = """
seeds = [0]
[data]
records = "scenes"
[train]
model = "tiny.json"
epochs = 1
batch_size = 8
[settings.default]
[settings.masked]
text_mask = 0.3
"""


def memometer(*words):
    """Runs the command line in this process: (exit code, standard output, standard error)."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    out, errors = io.StringIO(), io.StringIO()
    try:
        with (
            mock.patch.object(sys, "argv", ["memometer", *map(str, words)]),
            mock.patch.object(progress, "console", Console(file=errors, highlight=False)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            main()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return code, out.getvalue(), errors.getvalue()


def done(*words, code=0):
    """Runs the command line to this exit code: (standard output, standard error)."""
    found, out, errors = memometer(*words)
    assert found == code, errors
    return out, errors


def write_world(folder):
    """Scenes of both kinds with roles, two CLIP models, and an audit of them."""
    write_pictures(folder / "source", [f"{number}.png" for number in range(6)])
    make_scenes(folder / "scenes", n=36, size=32)
    make_scenes(folder / "labelled", n=36, size=40, kind="foreground")
    for records in ("scenes", "labelled"):
        split_records(folder / records, "a=8,b=8,c=8,public=rest")
    (folder / "tiny.json").write_text(json.dumps(tiny_architecture().config))
    for role in "ab":
        done(*commands(folder, folder)["train"], "--out", folder / role, "--role", role)
    done(*commands(folder, folder)["clipmem"])
    (folder / "sweep.toml").write_text(SWEEP)
    ids = pq.read_table(folder / "scenes" / "records.parquet")["record_id"]
    vectors = np.random.default_rng(0).standard_normal((len(ids), 8), np.float32)
    write_vectors(folder / "vectors", images=(ids, vectors), texts=(ids, vectors))
    return folder


def commands(world, out):
    """Verb → words of a command that writes to ``out / VERB``."""
    models = ("--target", f"open_clip:{world / 'a'}", "--reference", f"open_clip:{world / 'b'}")
    scenes, labelled = (("--records", world / name) for name in ("scenes", "labelled"))
    training = ("--epochs", 1, "--batch-size", 8, "--device", "cpu")
    words = {
        "import": ("data", "import", world / "source", "--caption-template", "a photo", "--workers", 0),
        "scenes": ("data", "scenes", "--n", 5, "--size", 32),
        "duplicates": ("data", "duplicates", world / "scenes"),
        "train": ("train", *scenes, "--role", "a", "--model", world / "tiny.json", *training),
        "train-ssl": ("train-ssl", *labelled, "--role", "a", "--model", "tiny", "--image-size", 32, *training),
        "vl-dejavu": (
            "audit", "vl-dejavu", *models, *scenes, "--role", "a", "--reference-role", "b", "--public",
            world / "scenes", "--public-role", "public", "--k", 3,
        ),
        "image-dejavu": (
            "audit", "image-dejavu", *models, *labelled, "--role", "a", "--reference-role", "b", "--public",
            world / "labelled", "--public-role", "public", "--k", 3,
        ),
        "clipmem": (
            "audit", "clipmem", *models, *scenes, "--candidates", "a", "--independent", "b", "--external", "c",
            "--n-aug", 1,
        ),
        "sslmem": ("audit", "sslmem", *models, *scenes, "--role", "a", "--reference-role", "b", "--draws", 2),
        "unitmem": ("audit", "unitmem", *models[:2], *scenes, "--role", "a", "--draws", 1),
        "utility": ("utility", "--model", f"open_clip:{world / 'a'}", *scenes, "--role", "public", "--retrieval"),
        "remove": ("remove", "--scores", world / "clipmem", "--most", 3),
        "compare": ("compare", world / "clipmem", world / "clipmem"),
        "report": ("report", world / "clipmem"),
        "sweep": ("sweep", world / "sweep.toml", "--device", "cpu"),
        "demo": ("demo", "--n", 8, "--epochs", 1, "--workers", 0),
    }  # fmt: skip
    words["vectors"] = (*words["utility"][:2], f"embeddings:{world / 'vectors'}", *words["utility"][3:])
    written = {verb: (*each, "--out", out / verb) for verb, each in words.items()}
    return {**written, "split": ("data", "split", world / "scenes", "--roles", "a=0.5,b=rest")}
