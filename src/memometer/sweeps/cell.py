"""One cell of a sweep: two trainings, their audit both ways, CLIPMem and utility where asked for."""

import contextlib
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from memometer.errors import BusyError, DamagedError
from memometer.locking import LOCK, one_writer
from memometer.progress import notice, quiet
from memometer.runs.schema import Number
from memometer.sealing import read_sealed_json, write_sealed_json
from memometer.software import describe_software, timestamp
from memometer.sweeps.config import MODELS_OF, Section, UtilitySection
from memometer.sweeps.numbers import MODELS, audit_rows, clipmem_rows, further_rows, utility_rows
from memometer.sweeps.plan import Cell, Plan
from memometer.utility.schema import UtilitySummary

__all__ = ["Machine", "claimed", "clear_cell", "drop_weights", "foreign_key", "read_cell", "run_cell"]

RESULT, BEGUN, ERROR = "result.json", "cell.json", "error.json"


class Machine:
    """Where a cell runs; changes none of its numbers beyond a device's rounding.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``.
        workers: processes that decode; None leaves the choice to the training, and to none elsewhere on a CPU.
    """

    def __init__(self, *, device: str, workers: int | None) -> None:
        self.device, self.workers = device, workers

    @property
    def name(self) -> str:
        """The device as its maker calls it, and the cores beside it."""
        import torch

        from memometer.engines import default_workers

        chip = torch.cuda.get_device_name() if self.device == "cuda" else platform.processor() or platform.machine()
        return f"{chip}, {default_workers()} cores"

    @property
    def decoders(self) -> int:
        """Processes that decode images beside audits and utility."""
        from memometer.engines import decoding_workers

        return decoding_workers(self.workers, device=self.device)


def read_cell(cell: Cell) -> dict[str, Any] | None:
    """The result of a finished cell; None of one that is not, and, with a remark, where it is damaged."""
    return _read(cell.folder / RESULT)


def foreign_key(cell: Cell) -> bool:
    """Whether the cell's folder holds, or has begun, a cell of other options or records."""
    for name in (RESULT, BEGUN):
        if (note := _read(cell.folder / name)) is not None:
            return bool(note.get("key") != cell.key)
    return False


def _read(path: Path) -> dict[str, Any] | None:
    """A note of a cell, where there is a whole one."""
    try:
        return read_sealed_json(path) if path.is_file() else None
    except DamagedError as error:
        notice(f"{error.fault}; its cell is computed again")
        return None


def clear_cell(cell: Cell) -> None:
    """Empties the cell's folder, but for the lock of `claimed`."""
    for path in cell.folder.iterdir():
        if path.name == LOCK:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def claimed(cell: Cell) -> Iterator[bool]:
    """Whether this process alone has the cell; the claim ends with the process, however it ends."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(one_writer(cell.folder))
        except BusyError:
            yield False
            return
        yield True


def run_cell(plan: Plan, cell: Cell, machine: Machine, *, stage: Callable[[str], None]) -> dict[str, Any]:
    """Computes a cell, or the rest of one that was stopped; ``result.json`` is written last.

    Args:
        plan: the sweep.
        cell: one of its cells.
        machine: where it runs.
        stage: is told what begins.

    Returns:
        The content of ``result.json``.
    """
    (cell.folder / ERROR).unlink(missing_ok=True)
    write_sealed_json(cell.folder / BEGUN, {"key": cell.key, "setting": cell.setting, "seed": cell.seed})
    started, clock = timestamp(), time.monotonic()
    config, rows, notes = plan.config, [], []
    models = _train(plan, cell, machine, stage=stage)
    trained = time.monotonic() - clock
    with quiet():
        stage("auditing")
        audited, _ = _audit(plan, cell, machine, "vl-dejavu", config.audit, folder="audit")
        rows += audit_rows(audited)
        notes += audited.notes
        if config.utility is not None:
            stage("utility")
            summaries = {name: _utility(plan, config.utility, cell, machine, name) for name in MODELS}
            rows += utility_rows(summaries)
            notes += [note for each in summaries.values() for note in each.notes]
        if config.clipmem is not None:
            stage("CLIPMem")
            pairs, _ = _audit(plan, cell, machine, "clipmem", config.clipmem, folder="clipmem")
            rows += clipmem_rows(pairs)
            notes += pairs.notes
        for name, section in config.measures.items():
            stage(name)
            summary, numbers = _audit(plan, cell, machine, name, section.items(), folder=name)
            rows += further_rows(name, numbers)
            notes += summary.notes
    result = {
        "kind": "sweep-cell",
        "key": cell.key,
        "setting": cell.setting,
        "seed": cell.seed,
        "options": cell.options,
        "models": models,
        "numbers": rows,
        "notes": [note.replace(f"{cell.folder}/", "") for note in notes],
        "made": {
            **describe_software(),
            "machine": machine.name,
            "started": started,
            "finished": timestamp(),
            "seconds": {"training": round(trained, 1), "rest": round(time.monotonic() - clock - trained, 1)},
        },
    }
    shutil.rmtree(_store(cell), ignore_errors=True)
    write_sealed_json(cell.folder / RESULT, result)
    return result


def drop_weights(cell: Cell) -> None:
    """Removes the weights of a finished cell; manifests and metrics of its trainings stay."""
    for weights in cell.folder.rglob("*.safetensors"):
        weights.unlink()


def record_error(cell: Cell, error: Exception) -> None:
    """Notes why a cell failed; it is tried again on the next run."""
    import traceback

    lines = traceback.format_exception(error)
    found = {"key": cell.key, "setting": cell.setting, "seed": cell.seed, "kind": type(error).__name__}
    write_sealed_json(
        cell.folder / ERROR, {**found, "error": str(error), "at": timestamp(), "traceback": "".join(lines)}
    )


def read_error(cell: Cell) -> str | None:
    """Why the cell failed when it was last tried; None where it did not."""
    found = _read(cell.folder / ERROR)
    return None if found is None else f"{found.get('kind')}: {found.get('error')}"


def _train(plan: Plan, cell: Cell, machine: Machine, *, stage: Callable[[str], None]) -> dict[str, Any]:
    """Trains what is left of the cell's models; what their manifests say of them, by model."""
    from memometer.training import train

    data = plan.config.data
    described = {}
    for model, role in plan.config.trained_on.items():
        stage(f"training {model}")
        config = cell.training(model, records=data.records, role=role, device=machine.device, workers=machine.workers)
        manifest = train(config, overwrite=True).manifest  # the folder is this cell's own: its key has been checked
        named = ("epochs", "steps", "loss", "seconds", "samples_per_second", "device", "precision")
        described[model] = {"role": role, **{name: manifest.get(name) for name in named}}
        described[model]["weights_hash"] = manifest["model"]["weights_hash"]
    return described


def _audit(
    plan: Plan, cell: Cell, machine: Machine, measure: str, section: Section, *, folder: str
) -> tuple[Any, Mapping[str, Number]]:
    """The summary of an audit of the cell, and its headline numbers."""
    from memometer.audits.running import run_audit
    from memometer.catalogue import measure_of

    models = {option: _spec(cell, model) for option, model in MODELS_OF.items()}
    decided = {**models, "records": plan.records, "public": plan.public}
    place = {**_run_options(cell, machine, folder), "gallery": 0, "images": False}
    asked = measure_of(plan.config.audit_of(measure, section, decided, **place))
    summary = run_audit(asked).summary
    return summary, asked.null_intervals(summary)


def _utility(plan: Plan, options: UtilitySection, cell: Cell, machine: Machine, model: str) -> UtilitySummary:
    from memometer.utility import measure_utility

    data = plan.config.data
    given = {name: value for name, value in options if name not in ("records", "role")}
    of_public = options.records is None
    measured = measure_utility(
        model=_spec(cell, model),
        records=options.records or plan.public,
        role=options.role or (data.public_role if of_public else None),
        **given,
        **_run_options(cell, machine, f"utility-{model}"),
    )
    return measured.summary


def _run_options(cell: Cell, machine: Machine, name: str) -> dict[str, Any]:
    """Where a run of the cell is kept and computed; the folder is the cell's own, whose key has been checked."""
    return {
        "out": cell.folder / name,
        "store": _store(cell),
        "workers": machine.decoders,
        "device": machine.device,
        "overwrite": True,
    }


def _spec(cell: Cell, model: str) -> str:
    return f"open_clip:{cell.folder / model}"


def _store(cell: Cell) -> Path:
    """Vectors of the cell's models, which audits and utility share; gone when the cell is finished."""
    return cell.folder / "stages"
