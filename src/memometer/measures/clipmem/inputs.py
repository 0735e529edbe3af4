"""What a CLIPMem audit does with its input: checks subsets, opens models, puts the pairs in one order."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.inputs import TwoTowers, open_two_towers
from memometer.data.records import Records
from memometer.errors import InputError
from memometer.measures.clipmem.scoring import Pairs
from memometer.measures.clipmem.summary import SUBSETS
from memometer.runs.options import Model, spec_of

__all__ = ["check_subsets", "open_trainings", "pairs_of"]


def check_subsets(parts: dict[str, Records], roles: dict[str, str]) -> None:
    """Passes where no record is in two subsets, and no model was trained on a negative.

    Args:
        parts: subset → its records; ``"negatives"``, where they are a set of their own, comes last.
        roles: subset → its role.

    Raises:
        InputError: a record is where it must not be.
    """
    for name, other in itertools.combinations(parts, 2):
        ids = parts[name].record_ids
        both = ids.filter(pc.is_in(ids, value_set=parts[other].record_ids))
        if not len(both) or (name, other) == ("external", "negatives"):  # negatives may be external pairs
            continue
        if other == "negatives":
            raise InputError(
                f"the negatives (role '{roles[other]}') are also {name}, e.g. '{both[0].as_py()}', so a model was "
                "trained on them; negatives must be held out: pass another --negatives-role, or leave it out to use "
                "the external set"
            )
        raise InputError(
            f"{len(both):,} records, e.g. '{both[0].as_py()}', are both {name} (role '{roles[name]}') and {other} "
            f"(role '{roles[other]}'); the subsets must be disjoint: assign roles with 'memometer data split', e.g. "
            "--roles shared=0.6,candidates=0.1,independent=0.1,external=rest"
        )


def open_trainings(models: dict[str, tuple[Model, ...]], *, device: str) -> dict[str, list[TwoTowers]]:
    """The models of both sides, each specification loaded once.

    Raises:
        InputError: a model stands twice on one side, or lacks a tower.
    """
    specs = dict.fromkeys(model for each in models.values() for model in each if isinstance(model, str))
    loaded = {spec: open_two_towers(spec, device=device) for spec in specs}
    opened = {
        side: [loaded[model] if isinstance(model, str) else open_two_towers(model, device=device) for model in each]
        for side, each in models.items()
    }
    for side, each in opened.items():
        identities = [model.identity for model in each]
        for model, identity in zip(models[side], identities, strict=True):
            if identities.count(identity) > 1:
                raise InputError(f"{spec_of(model)} stands twice among the {side}; name each training once")
    return opened


def pairs_of(source: Records, parts: dict[str, Records], *, held: str | None) -> Pairs:
    """The records of all parts in the order of the folder; ``held`` is the part that the negatives are."""
    subset = np.full(len(source), None, object)
    used, negative = np.zeros(len(source), bool), np.zeros(len(source), bool)
    for name, part in parts.items():
        here = pc.is_in(source.record_ids, value_set=part.record_ids).to_numpy(zero_copy_only=False)
        used |= here
        if name == held:
            negative = here
        if name in SUBSETS:
            subset[here] = name
    return Pairs(source.where(used), pa.array(subset[used], pa.string()), negative[used])
