"""Random damage to every kind of file that is read again: the same numbers or a sentence, and never a crash."""

import dataclasses
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch
from import_sources import picture, write_samples
from pictures import PixelEncoder, write_picture_records
from report_factory import make_summary

from memometer.arrays import read_arrays, write_arrays
from memometer.audits.result import Audit, load_audit
from memometer.comparison.result import Comparison, load_comparison
from memometer.comparison.schema import ComparisonSummary
from memometer.data import import_records, load_records, make_scenes, split_records
from memometer.data.beside import vocabulary_beside
from memometer.data.images import UnreadableImageError, read_image_bytes
from memometer.data.removal import load_scores
from memometer.embeddings import embed, embed_images
from memometer.encoders.checkpoints import hash_tensors, read_state_dict
from memometer.encoders.trained import check_trained_files, check_trained_weights
from memometer.errors import MemometerError
from memometer.files import hash_file, write_json
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.objects.vocabulary import load_vocabulary
from memometer.pieces import in_pieces
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.sealing import write_sealed_json
from memometer.states import load_state, save_state

DAMAGES = 24

Files = dict[str, Callable[[], Any]]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Content as a bad disk, a cut connection or a full one leaves it; never the same."""
    changed = bytearray(content)
    place = rng.randrange(len(changed))
    stop = min(len(changed), place + rng.choice([1, 16, 64, 512]))
    kind = rng.choice(["flip", "flips", "cut", "zeros", "noise", "deleted", "repeated"])
    if kind == "flip":
        changed[place] ^= 1 << rng.randrange(8)
    elif kind == "flips":
        for _ in range(8):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del changed[place:]
    elif kind == "zeros":
        changed[place:stop] = bytes(stop - place)
    elif kind == "noise":
        changed[place:stop] = rng.randbytes(stop - place)
    elif kind == "deleted":
        del changed[place:stop]
    else:
        changed[place:place] = changed[place:stop]
    return bytes(changed) if changed != content else damaged(content, rng)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, pa.Table | torch.Tensor):
        return one.equal(other) if isinstance(one, torch.Tensor) else one.equals(other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if dataclasses.is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one))
    return bool(one == other)


def records(folder: Path) -> Files:
    write_samples(folder / "a.tar", range(4))
    import_records(folder / "a.tar", folder / "records")
    return {
        "records/records.parquet": lambda: load_records(folder / "records").table,
        "records/import.json": lambda: import_records(folder / "a.tar", folder / "records"),
    }


def split(folder: Path) -> Files:
    records(folder)

    def again():
        return split_records(folder / "records", {"a": 2, "b": "rest"}).counts

    again()
    return {"records/split.json": again, "records/records.parquet": again}


def scenes(folder: Path) -> Files:
    def again():
        return make_scenes(folder / "scenes", n=3, size=32)

    again()
    return {
        "scenes/scenes.json": again,
        "scenes/vocabulary.tsv": lambda: load_vocabulary(vocabulary_beside(folder / "scenes")),
    }


def images(folder: Path) -> Files:
    write_samples(folder / "a.tar", range(4))
    (folder / "pictures").mkdir()
    (folder / "pictures" / "0.png").write_bytes(picture())
    (folder / "pictures" / "0.txt").write_text("a picture")
    files: Files = {}
    for source, name in (("a.tar", "tar"), ("pictures", "folder")):
        import_records(folder / source, folder / name)
        files["a.tar" if name == "tar" else "pictures/0.png"] = lambda name=name: [
            None if ref is None else read_image_bytes(ref) for ref in load_records(folder / name).image_refs()
        ]
    return files


def store(folder: Path) -> Files:
    table = load_records(write_picture_records(folder / "records", 7))

    def again():
        found = embed_images(table, PixelEncoder(), store=folder / "store", batch_size=2)
        return [found.embeddings[:], found.embeddings.record_ids.to_pylist(), found.rejects]

    again()
    pieces = sorted((folder / "store").rglob("0000[01].*"))
    assert len(pieces) == 4
    return {str(path.relative_to(folder)): again for path in pieces}


def activations(folder: Path) -> Files:
    def make(span):
        rows = np.arange(*span)
        return {"rows": rows, "reasons": np.array(["why"]), "activations": np.outer(rows, np.arange(5.0))}

    def again():
        found = in_pieces(folder / "units", n=6, make=make, large=["activations"])
        return [*found, *(np.load(found.path(piece, "activations")) for piece in range(2))]

    again()
    return {f"units/{path.name}": again for path in sorted((folder / "units").iterdir())}


def neighbors(folder: Path) -> Files:
    arrays = {"rows": np.arange(40).reshape(8, 5), "similarities": np.linspace(0, 1, 40).reshape(8, 5)}
    path = folder / "neighbors.npz"
    write_arrays(path, arrays)
    return {"neighbors.npz": lambda: read_arrays(path, arrays) or arrays}


def run(folder: Path) -> Files:
    samples = pa.table({"record_id": [f"r{row}" for row in range(50)], "score": np.linspace(-1, 1, 50)})
    audit = Audit(
        summary=VLDejaVuSummary.made(make_summary()),
        tables={
            "samples": samples,
            "gallery": pa.table({"rank": [1, 2], "image": [b"jpeg", None]}),
            "objects": pa.table({"label": ["cat", "dog"], "n": [3, 4]}),
            "rejects": REJECTS_SCHEMA.empty_table(),
        },
        manifest={"memometer": "0.1.0", "key": "k", "records": {"n": 50, "hash": "0" * 32}},
        config={"k": 10, "seed": 0, "roles": ["a", "b"]},
    )
    audit.save(folder / "run")
    names = sorted(path.name for path in (folder / "run").iterdir())
    assert len(names) == 7
    files: Files = {f"run/{name}": lambda: load_audit(folder / "run") for name in names}
    shutil.copyfile(folder / "run" / "samples.parquet", folder / "samples.parquet")
    return files | {"samples.parquet": lambda: load_scores(folder / "samples.parquet")}


COMPARED = {
    "measure": "compare", "schema": 1, "of": "clipmem", "of_name": "CLIPMem",
    "baseline": {"name": "a", "folder": None, "key": None}, "runs": [], "notes": ["0.25"],
}  # fmt: skip


def comparison(folder: Path) -> Files:
    table = pa.table({"record_id": ["r1"], "run": ["b"], "part": ["all"], "reason": ["none"], "change": [0.5]})
    compared = Comparison(
        summary=ComparisonSummary.made(COMPARED),
        tables={"moved": table, "unpaired": table, "gallery": table},
        manifest={"memometer": "0.1.0", "key": "k"},
        config={"seed": 0},
    )
    compared.save(folder / "compared")
    return {
        f"compared/{path.name}": lambda: load_comparison(folder / "compared")
        for path in (folder / "compared").iterdir()
    }


def model(folder: Path) -> Files:
    state = {f"layer.{number}": torch.linspace(-1, 1, 60).reshape(6, 10) * number for number in range(1, 4)}
    path = folder / "model.safetensors"
    safetensors.torch.save_file(state, path)
    write_json(folder / "config.json", {"width": 64, "mean": [0.25, 0.5, 0.75]})
    manifest = {"kind": "training", "records": {"role": "a"}, "model": {"weights_hash": hash_tensors(state)}}
    write_sealed_json(
        folder / "manifest.json", manifest | {"files": {"config.json": hash_file(folder / "config.json")}}
    )

    def load():
        check_trained_files(folder)
        found = read_state_dict(path)
        check_trained_weights(path, found)
        return found

    return dict.fromkeys(("model.safetensors", "config.json", "manifest.json"), load)


@dataclasses.dataclass
class State:
    epoch: int
    model: dict[str, torch.Tensor]
    optimizer: dict[str, Any]


def training(folder: Path) -> Files:
    state = State(
        3, {"weight": torch.linspace(-1, 1, 300)}, {"param_groups": [{"lr": 0.125}], "step": torch.tensor(7.0)}
    )
    save_state(folder / "last.pt", state)
    return {"last.pt": lambda: load_state(folder / "last.pt", State) or state}


MADE_AGAIN = (store, activations, neighbors, training)
"""What can be computed again: damage costs time there, and no command stops."""


@pytest.mark.parametrize(
    "kind", [records, split, scenes, images, run, comparison, model, *MADE_AGAIN], ids=lambda kind: kind.__name__
)
def test_damage_changes_no_number_without_a_word(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(embed, "PIECE_SIZE", 4)
    monkeypatch.setattr("memometer.pieces.PIECE_SIZE", 3)
    monkeypatch.setattr("os.fsync", lambda _: None)
    files = kind(tmp_path)
    whole = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    rng, noticed = random.Random(kind.__name__), 0  # noqa: S311 (the same damage in every run)
    for name, read in files.items():
        expected = read()
        for attempt in range(DAMAGES):
            (tmp_path / name).write_bytes(damaged(whole[tmp_path / name], rng))
            capsys.readouterr()
            try:
                found, said = read(), ""
            except (MemometerError, UnreadableImageError) as error:
                found, said = None, str(error)
            if said:
                assert kind not in MADE_AGAIN, f"{name}, damage {attempt}: {said}"
                assert Path(name).name in said or str(tmp_path) in said
            else:
                said = capsys.readouterr().err
                assert same(expected, found), f"{name}, damage {attempt}: another number, and not a word"
            noticed += bool(re.search("damaged|again|cannot be read|changed since|not a checkpoint", said))
            for path, content in whole.items():
                if not path.is_file() or path.read_bytes() != content:
                    path.write_bytes(content)
    assert noticed > 0.5 * DAMAGES * len(files)
