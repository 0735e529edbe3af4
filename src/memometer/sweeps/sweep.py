"""A whole sweep: its cells, or a shard of them, then the table, the summary and the report."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import pyarrow as pa

from memometer.errors import InputError, JobError
from memometer.files import hash_json
from memometer.locking import one_writer
from memometer.report.shown import Shown
from memometer.runs.run import Run
from memometer.runs.schema import Summary
from memometer.software import describe_software, timestamp
from memometer.sweeps.cell import Machine, read_error
from memometer.sweeps.collecting import Question, collect
from memometer.sweeps.config import load_sweep_file
from memometer.sweeps.plan import Cell, Plan, parse_shard, plan_cells, shard_of
from memometer.sweeps.running import Keep, Outcome, check_folders, run_cells
from memometer.sweeps.schema import SweepSummary

__all__ = ["Sweep", "load_sweep", "run_sweep"]


@dataclasses.dataclass(frozen=True)
class Sweep(Shown, Run[SweepSummary]):
    """What a sweep found: every setting's numbers over seeds, and the best one within the allowed loss."""

    KIND: ClassVar[type[Summary]] = SweepSummary
    NOUN: ClassVar[str] = "sweep"
    COMMAND: ClassVar[str] = "sweep …"
    TABLES: ClassVar[tuple[str, ...]] = ("results",)

    @property
    def results(self) -> pa.Table:
        """One row per cell and number, see `memometer.sweeps.collecting.RESULTS_SCHEMA`."""
        return self.tables["results"]

    @property
    def samples(self) -> pa.Table:
        """Its numbers."""
        return self.results

    @property
    def report(self) -> Path:
        """The report's file."""
        return cast("Path", self.folder) / "report.html"


def run_sweep(
    sweep: str | Path | Mapping[str, Any],
    *,
    out: str | Path,
    shard: str | None = None,
    max_utility_loss: float = 0.01,
    utility_metric: str | None = None,
    memorization_metric: str = "prg/unmentioned",
    device: str = "auto",
    workers: int | None = None,
    keep: Keep = "models",
    overwrite: bool = False,
    finished_only: bool = False,
) -> Sweep | None:
    """Trains, audits and measures every setting with every seed, then says which setting leaks least at which cost.

    A cell, that is a setting with a seed, that is finished is not computed again; one that was stopped goes on. Each is
    in ``out/cells/SETTING/seed-N``. A failed cell is noted there, and the others go on.

    Args:
        sweep: the sweep file, in TOML: settings, seeds, data, audit, utility; or, in Python, a mapping, see
            `memometer.sweeps.SweepConfig`.
        out: the folder of the sweep; a second run goes on where the first was.
        shard: ``i/n``, i from 0 to n − 1: compute this share of the cells alone, and neither collect nor draw. Several
            shards may run at once, in the same folder or in others that are copied together.
        max_utility_loss: how much utility the best setting may lose against the baseline, in the metric's own unit.
        utility_metric: what counts as utility, e.g. ``retrieval/image_to_text/recall@1``; by default zero-shot
            classification where it is measured, else retrieval.
        memorization_metric: the balanced gap that is weighed against it: ppg, prg or aucg, /all or /unmentioned.
        device: ``cpu``, ``cuda`` or ``auto``.
        workers: processes that decode images; by default none on a CPU, several beside a GPU.
        keep: ``none`` removes the weights of every cell that is finished.
        overwrite: compute cells anew that OUT holds with other options or records.
        finished_only: compute nothing; collect and draw the cells that are finished so far.

    Returns:
        None for a shard.

    Raises:
        InputError: the sweep file, its data or options are not as expected; nothing was trained.
        JobError: cells failed; the others are finished, and collected where this is no shard.
    """
    if keep not in ("models", "none"):
        raise InputError(f"keep = '{keep}'; expected models or none")
    if finished_only and (shard is not None or overwrite):
        raise InputError("finished_only computes nothing; leave shard and overwrite out")
    if not max_utility_loss >= 0:
        raise InputError(f"max_utility_loss = {max_utility_loss}; expected 0 or more, in the utility's own unit")
    started, out = timestamp(), Path(out)
    config = load_sweep_file(sweep)
    part = None if shard is None else parse_shard(shard)
    plan = plan_cells(config, out=out, folder=Path() if isinstance(sweep, Mapping) else Path(sweep).parent)
    cells = shard_of(plan.cells, part)
    check_folders(cells, overwrite=overwrite)
    outcomes = {} if finished_only else run_cells(plan, cells, _machine(device, workers), keep=keep)
    if part is not None:
        _raise_failed(outcomes)
        return None
    if outcomes and all(outcome == "failed" for outcome in outcomes.values()):
        _raise_failed(outcomes)
    summary, results = collect(plan, Question(max_utility_loss, utility_metric, memorization_metric))
    found = Sweep(
        summary=summary,
        tables={"results": results},
        manifest=_manifest(plan, started),
        config=config.model_dump(mode="json", exclude_none=True),
    )
    from memometer.report import write_report

    with one_writer(out, wait=True):
        found = found.save(out)
        write_report(found, found.report)
    _raise_failed(outcomes)
    return found


load_sweep = Sweep.load
"""The sweep in a folder."""


def _machine(device: str, workers: int | None) -> Machine:
    from memometer.encoders.devices import choose_device

    if device not in ("cpu", "cuda", "auto"):
        raise InputError(f"device '{device}'; expected cpu, cuda or auto; CUDA_VISIBLE_DEVICES chooses one of several")
    return Machine(device=choose_device(device).type, workers=workers)


def _manifest(plan: Plan, started: str) -> dict[str, Any]:
    data, records, public = plan.config.data, plan.records, plan.public
    return {
        **describe_software(),
        "started": started,
        "finished": timestamp(),
        "key": hash_json([cell.key for cell in plan.cells]),
        "records": {
            "path": str(records.folder),
            "n_a": len(records.with_role(data.role)),
            "n_b": len(records.with_role(data.reference_role)),
            "n_public": len(public.with_role(data.public_role)),
        },
    }


def _raise_failed(outcomes: Mapping[Cell, Outcome]) -> None:
    failed = [cell for cell, outcome in outcomes.items() if outcome == "failed"]
    if not failed:
        return
    named = "; ".join(f"'{cell.name}' ({read_error(cell)})" for cell in failed[:5])
    more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
    raise JobError(
        f"{len(failed)} of {len(outcomes)} cells failed: {named}{more}. The other cells are kept; the same command "
        "tries the failed ones again. Each cell's error.json has the whole story"
    )
