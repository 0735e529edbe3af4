"""A real sweep on scenes: killed and resumed, failed cells, shards, the command."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
import warm_processes
from file_digests import file_digest
from locks import held
from model_factory import tiny_architecture
from sweep_shard import run_shard
from typer.testing import CliRunner

from memometer import InputError, JobError, make_scenes, run_sweep, split_records
from memometer.cli.main import app
from memometer.files import json_text, read_json
from memometer.locking import LOCK
from memometer.sweeps.cell import claimed
from memometer.sweeps.config import load_sweep_file
from memometer.sweeps.plan import plan_cells
from memometer.sweeps.schema import SweepSummary

TOML = """
seeds = [0]
[data]
records = "records"
[train]
model = "tiny.json"
epochs = 2
batch_size = 10
[settings.default]
[settings."text mask 0.3"]
text_mask = 0.3
[audit]
k = 3
replicates = 20
[utility]
retrieval = true
replicates = 20
[measures.sslmem]
draws = 2
replicates = 20
"""
SECOND = "text-mask-0.3"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Records, a sweep file, and the sweep itself, run without a break."""
    folder = tmp_path_factory.mktemp("sweep")
    make_scenes(folder / "records", n=60, size=32)
    split_records(folder / "records", "a=20,b=20,public=rest")
    (folder / "tiny.json").write_text(json.dumps(tiny_architecture().config))
    (folder / "sweep.toml").write_text(TOML)
    run_sweep(folder / "sweep.toml", out=folder / "whole", device="cpu", workers=0)
    return folder


def shard(world, out):
    """A process that runs a shard, here of all cells, and fails where it loads what only a report needs."""
    return warm_processes.start(run_shard, world / "sweep.toml", out, log=out.with_suffix(".log"))


def numbers(folder):
    return {str(path.relative_to(folder)): read_json(path)["numbers"] for path in folder.rglob("result.json")}


def stamps(folder):
    """When each file was written and what it holds; without what a training goes on from, which may outlive a kill."""
    return {
        path: (path.stat().st_mtime_ns, file_digest(path))
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK and path.parent.name != "state"
    }


def test_a_killed_sweep_goes_on_and_ends_with_the_same_numbers(world, tmp_path):
    first, second = (tmp_path / "out" / "cells" / name / "seed-0" for name in ("default", SECOND))
    shutil.copytree(world / "whole" / "cells" / "default", first.parent)  # a finished cell, as another machine made it
    before = stamps(first)
    process = shard(world, tmp_path / "out")
    warm_processes.kill_once(process, (second / "a" / "manifest.json").is_file)
    assert not (second / "result.json").exists()
    trained = stamps(second / "a")
    process = shard(world, tmp_path / "out")
    process.join()
    assert process.exitcode == 0, (tmp_path / "out.log").read_text()
    assert not (tmp_path / "out" / "summary.json").exists()
    found = run_sweep(world / "sweep.toml", out=tmp_path / "out", device="cpu", workers=0)
    assert stamps(first) == before
    assert stamps(second / "a") == trained
    assert numbers(tmp_path / "out") == numbers(world / "whole")
    whole = pq.read_table(world / "whole" / "results.parquet")
    assert pq.read_table(tmp_path / "out" / "results.parquet").equals(whole)
    assert found.summary["settings"] == read_json(world / "whole" / "summary.json")["settings"]
    assert not [*(tmp_path / "out").rglob("stages"), *(tmp_path / "out").rglob("state")]


def test_the_results_are_tidy_and_agree_with_the_cells(world):
    table = pq.read_table(world / "whole" / "results.parquet").to_pylist()
    assert {row["setting"] for row in table} == {"default", "text mask 0.3"}
    rows = {(row["setting"], row["metric"], row["scope"], row["direction"]): row for row in table}
    assert len(rows) == len(table)
    recall = "retrieval/image_to_text/recall@1"
    for setting, folder in (("default", "default"), ("text mask 0.3", SECOND)):
        cell = world / "whole" / "cells" / folder / "seed-0"
        audit = read_json(cell / "audit" / "summary.json")
        for scope in ("all", "unmentioned"):
            gap = audit["balanced"][scope]["prg"]
            row = rows[setting, "prg", scope, "balanced"]
            assert {name: row[name] for name in ("value", "low", "high", "std", "n", "n_groups")} == gap
        each = [rows[setting, recall, None, which]["value"] for which in ("target", "reference")]
        layers = read_json(cell / "sslmem" / "summary.json")["towers"]["image"]
        for design in ("balanced", "forward"):
            row = rows[setting, "sslmem", f"image tower, {design}", "headline"]
            assert row["value"] == layers[design]["sslmem"]["value"]
        measured = [read_json(cell / f"utility-{model}" / "summary.json") for model in "ab"]
        assert each == [one["retrieval"]["image_to_text"]["recall@1"]["value"] for one in measured]
        assert rows[setting, recall, None, "mean"]["value"] == pytest.approx(sum(each) / 2)


def test_a_second_run_computes_nothing_and_keeps_or_drops_weights(world, tmp_path):
    shutil.copytree(world / "whole", tmp_path / "out")
    before = stamps(tmp_path / "out" / "cells")
    run_sweep(world / "sweep.toml", out=tmp_path / "out", device="cpu", keep="none")
    weights = {path for path in before if path.suffix == ".safetensors"}
    assert len(weights) == 4
    assert stamps(tmp_path / "out" / "cells") == {path: before[path] for path in before.keys() - weights}


def test_a_failed_cell_is_noted_and_the_others_go_on(world, tmp_path, monkeypatch):
    from memometer import training

    train, asked = training.train, []

    def failing(config, **options):
        asked.append(config.text_mask)
        if config.text_mask == 0:
            raise JobError("the loss is nan at step 3 of 4")
        return train(config, **options)

    monkeypatch.setattr(training, "train", failing)
    shutil.copytree(world / "whole" / "cells" / SECOND, tmp_path / "out" / "cells" / SECOND)
    with pytest.raises(JobError, match=r"1 of 2 cells failed: 'default, seed 0' \(JobError: the loss is nan at step 3"):
        run_sweep(world / "sweep.toml", out=tmp_path / "out", device="cpu")
    error = read_json(tmp_path / "out" / "cells" / "default" / "seed-0" / "error.json")
    assert (error["kind"], error["setting"], error["seed"]) == ("JobError", "default", 0)
    summary = read_json(tmp_path / "out" / "summary.json")
    assert [entry["setting"] for entry in SweepSummary.model_validate(summary).model_dump()["cells"]["failed"]] == [
        "default"
    ]
    assert (tmp_path / "out" / "report.html").is_file()
    with pytest.raises(JobError):
        run_sweep(world / "sweep.toml", out=tmp_path / "out", device="cpu")
    assert asked == [0, 0]  # tried again; the finished cell was not


def test_another_sweep_in_the_folder_is_refused_or_replaced(world, tmp_path, monkeypatch):
    from memometer.sweeps import running

    shutil.copytree(world / "whole", tmp_path / "out")
    other = TOML.replace("0.3\n[audit]", "0.4\n[audit]")
    for name in ("records", "tiny.json"):
        other = other.replace(f'"{name}"', f'"{world / name}"')
    (tmp_path / "sweep.toml").write_text(other)
    with pytest.raises(InputError, match=r"1 of 2 cells were computed, or begun, with other options.*--overwrite"):
        run_sweep(tmp_path / "sweep.toml", out=tmp_path / "out", device="cpu")
    computed = []

    def noted(plan, cell, machine, *, stage):
        computed.append((cell.name, sorted(path.name for path in cell.folder.iterdir())))
        raise JobError("enough")

    monkeypatch.setattr(running, "run_cell", noted)
    with pytest.raises(JobError, match="enough"):
        run_sweep(tmp_path / "sweep.toml", out=tmp_path / "out", device="cpu", overwrite=True)
    assert computed == [("text mask 0.3, seed 0", [LOCK])]


def test_the_summary_is_read_as_it_was_written(world):
    summary = read_json(world / "whole" / "summary.json")
    assert json_text(SweepSummary.model_validate(summary).as_dict()) == (world / "whole" / "summary.json").read_text()


def test_a_cell_that_another_process_has_is_left_to_it(world, tmp_path):
    shutil.copytree(world / "whole" / "cells" / SECOND, tmp_path / "out" / "cells" / SECOND)
    plan = plan_cells(load_sweep_file(world / "sweep.toml"), out=tmp_path / "out", folder=world)
    with held(plan.cells[0].folder), claimed(plan.cells[0]) as ours:
        assert not ours
        found = run_sweep(world / "sweep.toml", out=tmp_path / "out", device="cpu")
    assert [entry["setting"] for entry in found.summary["cells"]["missing"]] == ["default"]
    assert not (plan.cells[0].folder / "cell.json").exists()
    with claimed(plan.cells[0]) as again:
        assert again


def test_the_command_prints_the_verdict_and_writes_the_report(world, tmp_path):
    shutil.copytree(world / "whole" / "cells", tmp_path / "out" / "cells")
    words = ("sweep", world / "sweep.toml", "--out", tmp_path / "out", "--max-utility-loss", 1, "--device", "cpu")
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert "text mask 0.3" in done.stdout
    shown = " ".join(done.stdout.split())
    assert "of a single seed, so nothing is known of its noise" in shown or "no setting memorizes less" in shown
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "cells", "config.toml", "manifest.json", "report.html", "results.parquet", "summary.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"utility_metric": "recall@7"},
            "measured no utility metric 'recall@7'; known are retrieval/image",
        ),
        ({"utility_metric": "recall@1"}, "may be retrieval/image_to_text/recall@1 or retrieval/text_to_image"),
        ({"memorization_metric": "prq/all"}, "no memorization metric 'prq/all'; did you mean 'prg/all'"),
        ({"max_utility_loss": -1}, "max_utility_loss = -1; expected 0 or more"),
        ({"keep": "some"}, "keep = 'some'; expected models or none"),
        ({"device": "cuda:1"}, "device 'cuda:1'; expected cpu, cuda or auto"),
        ({"shard": "2/2"}, "shard '2/2'; expected i/n"),
    ],
)
def test_wrong_options_are_told(world, options, sentence):
    with pytest.raises(InputError) as error:
        run_sweep(world / "sweep.toml", out=world / "whole", **{"device": "cpu", **options})
    assert sentence in str(error.value)


def test_the_finished_cells_are_collected_while_others_are_missing(world, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(world / "whole" / "cells", out / "cells")
    (out / "cells" / SECOND / "seed-0" / "result.json").unlink()
    found = run_sweep(world / "sweep.toml", out=out, finished_only=True)
    assert found.report.is_file()
    assert found.summary["cells"]["missing"] == [{"setting": "text mask 0.3", "seed": 0}]
    assert set(found.results["setting"].to_pylist()) == {"default"}
    assert not (out / "cells" / SECOND / "seed-0" / "result.json").exists()


def test_nothing_finished_is_told_and_shards_compute(world, tmp_path):
    with pytest.raises(InputError, match="no cell of the sweep"):
        run_sweep(world / "sweep.toml", out=tmp_path / "empty", finished_only=True)
    with pytest.raises(InputError, match="leave shard and overwrite out"):
        run_sweep(world / "sweep.toml", out=tmp_path / "empty", finished_only=True, shard="0/2")
