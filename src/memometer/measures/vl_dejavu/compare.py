"""VL-Déjà-Vu: PPG, PRG and AUCG, over all and over unmentioned objects, in every design that both audits have."""

import pyarrow as pa

from memometer.audits.result import Audit
from memometer.comparison.pairing import Floats, Pair, floats
from memometer.comparison.view import PARTS, Number, View, by_direction, columns_table, mean_numbers
from memometer.report.gaps import MEASURES, SCOPES
from memometer.statistics import population_contributions

__all__ = ["VIEW"]

NAMES = ("record_id", "direction", "group")
"""Columns of what a record is."""

SCOPE_COLUMNS = {"all": "", "unmentioned": "_unmentioned"}


def _read(audit: Audit) -> dict[str, pa.Table]:
    wanted = [name for name in audit.names_of("samples") if name in NAMES or name.startswith(("precision", "recall"))]
    return {name: _contributions(rows) for name, rows in by_direction(audit.columns_of("samples", wanted)).items()}


def _contributions(rows: pa.Table) -> pa.Table:
    """What each record adds to each gap; those alone that the audit's samples tell."""
    columns: dict[str, Floats] = {}
    for scope, suffix in SCOPE_COLUMNS.items():
        known = {
            f"{what}_{side}": floats(rows, name)
            for what in ("precision", "recall")
            for side in ("target", "reference")
            if (name := f"{what}{suffix}_{side}") in rows.column_names
        }
        if not known:
            continue
        lacking = "precision_target" not in known  # in runs of earlier versions
        known |= {f"precision_{side}": known[f"recall_{side}"] for side in ("target", "reference") if lacking}
        found = population_contributions(**known)
        columns |= {f"{scope}/{gap}": values for gap, values in found.items() if gap != "ppg" or not lacking}
    return columns_table(rows, columns)


def _lacking(audit: Audit) -> str:
    if "precision_unmentioned_target" in audit.names_of("samples"):
        return ""
    return "its samples.parquet lacks the precision over unmentioned objects, so it has no PPG there; audit it again"


def _numbers(pair: Pair) -> list[Number]:
    names = {
        f"{scope}/{gap}": f"{name}, {title.lower()}"
        for scope, title in SCOPES.items()
        for gap, (name, _) in MEASURES.items()
    }
    return mean_numbers(pair, names)


VIEW = View(
    name="VL-Déjà-Vu",
    read=_read,
    numbers=_numbers,
    telling=[
        f"{design}/{scope}/prg" for design in ("balanced", "controlled", "one-way") for scope in ("unmentioned", "all")
    ],
    moved_by={"recall gap": ("unmentioned/aucg", "all/aucg")},
    parts=PARTS,
    lacking=_lacking,
)
