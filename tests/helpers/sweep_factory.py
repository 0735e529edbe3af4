"""Sweeps by hand: the result files of cells, so that collecting, choosing and drawing need no training."""

from memometer.files import write_json
from memometer.sweeps.collecting import Question, collect
from memometer.sweeps.config import load_sweep_file
from memometer.sweeps.plan import plan_cells
from memometer.sweeps.sweep import Sweep

GAPS = ("ppg", "prg", "aucg")
RECALL = "retrieval/image_to_text/recall@1"


def number(metric, value, *, scope=None, direction="mean", half=0.02, std=None):
    ends = (None, None) if value is None else (value - half, value + half)
    named = {"metric": metric, "scope": scope, "direction": direction, "value": value, "n": 100}
    return {**named, "low": ends[0], "high": ends[1], "std": std}


def result(cell, *, memorization, utility):
    """A finished cell whose gaps are multiples of ``memorization``, over all and over unmentioned objects."""
    numbers = [
        number(gap, memorization * factor * share, scope=scope, direction=direction, std=0.03)
        for direction, share in (("balanced", 1.0), ("forward", 1.1), ("backward", 0.9))
        for scope, factor in (("all", 1.2), ("unmentioned", 1.0))
        for gap in GAPS
    ]
    if utility is not None:
        numbers += [number(RECALL, utility, direction=which) for which in ("mean", "target", "reference")]
        numbers += [number("retrieval/text_to_image/recall@1", utility / 2)]
    made = {"seconds": {"training": 10.0, "rest": 2.0}}
    return {"key": cell.key, "numbers": numbers, "notes": ["same note"], "made": made}


def plan(folder, records, settings, *, seeds=(0, 1, 2), **sections):
    content = {"seeds": list(seeds), "data": {"records": str(records)}, "settings": settings, **sections}
    return plan_cells(load_sweep_file(content), out=folder / "sweep")


def sweep(folder, records, values, *, question=None, leave_out=()):
    """A collected sweep.

    Args:
        folder: where to write.
        records: a folder of records with the roles a, b and public.
        values: setting → (memorization, utility) of each seed.
        question: see `memometer.sweeps.collecting.Question`.
        leave_out: (setting, seed) of cells that are not finished.
    """
    seeds = range(len(next(iter(values.values()))))
    planned = plan(folder, records, {name: {} for name in values}, seeds=seeds, train={"model": "tiny"})
    for cell in planned.cells:
        if (cell.setting, cell.seed) not in leave_out:
            memorization, utility = values[cell.setting][cell.seed]
            write_json(cell.folder / "result.json", result(cell, memorization=memorization, utility=utility))
    summary, results = collect(planned, question or Question())
    manifest = {"records": {"n_a": 3000, "n_b": 3000, "n_public": 2000}, "finished": "2025-01-01T00:00:00+00:00"}
    config = planned.config.model_dump(mode="json", exclude_none=True)
    return Sweep(summary=summary, tables={"results": results}, manifest=manifest, config=config, folder=planned.out)
