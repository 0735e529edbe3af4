"""What a CLIPMem audit says: a row per record, means and tests of the subsets, the ranking against planted records."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.planted import find_planted
from memometer.measures.clipmem.means import Negatives, subset_mean
from memometer.measures.clipmem.options import ClipMemOptions
from memometer.measures.clipmem.scoring import Pairs, Scores
from memometer.runs.items import group_names, items_table
from memometer.runs.thumbnails import record_item
from memometer.statistics import rank_correlation, welch_test

__all__ = ["SUBSETS", "ranking", "samples_table", "shown_items", "summarise"]

SUBSETS = ("shared", "candidates", "independent", "external")
MOST_INTERESTING = ("candidates", "external", "independent", "shared")

Floats = npt.NDArray[np.float64]


def samples_table(pairs: Pairs, scores: Scores, planted: pa.Array) -> pa.Table:
    """``samples.parquet``: one row per record of the four subsets, in record order; null where undefined.

    Args:
        pairs: n pairs.
        scores: of them.
        planted: (n,) of `memometer.audits.planted.planted_kinds`.
    """
    columns = {
        "record_id": pairs.records.record_ids,
        "subset": pairs.subset,
        "group": group_names(pairs.records),
        "clipmem": _nullable(scores.clipmem.score),
        "clipmem_normalised": _nullable(scores.normalised),
        "clipmem_stderr": _nullable(scores.clipmem.stderr),
        "align_target": _nullable(scores.clipmem.align_target),
        "align_reference": _nullable(scores.clipmem.align_reference),
        "similarity_target": _nullable(scores.similarity),
        "planted": planted,
    }
    table = pa.table(columns).filter(pairs.subset.is_valid())
    return table.add_column(table.schema.get_field_index("planted"), "rank", ranking(table))


def ranking(samples: pa.Table) -> pa.Array:
    """(n,) the place of each scored candidate, most memorized first and from 1; ties by record id; null for others."""
    subset, score = (samples[name].combine_chunks() for name in ("subset", "clipmem"))
    ranked = pc.and_(pc.equal(subset, "candidates"), pc.is_valid(score))
    rows = np.flatnonzero(ranked.to_numpy(zero_copy_only=False))
    table = pa.table({"score": score, "id": samples["record_id"].combine_chunks()}).take(pa.array(rows))
    order = pc.sort_indices(table, sort_keys=[("score", "descending"), ("id", "ascending")]).to_numpy()
    places = np.full(samples.num_rows, -1, np.int64)
    places[rows[order]] = np.arange(1, len(rows) + 1)
    return pa.array(places, mask=places < 0)


def summarise(
    samples: pa.Table, pairs: Pairs, scores: Scores, options: ClipMemOptions, *, roles: dict[str, str]
) -> tuple[dict[str, Any], pa.Table]:
    """The numbers of ``summary.json``, each with its n and interval; and the ROC curves of the planted records.

    Args:
        samples: of `samples_table`.
        pairs: n pairs.
        scores: of them.
        options: of the audit.
        roles: subset → role, in the order of `SUBSETS`.
    """
    parts = {name: samples.filter(pc.equal(samples["subset"], name)) for name in roles}
    raw = {name: _values(part, "clipmem") for name, part in parts.items()}
    groups = {name: pairs.records.groups[pairs.within(name)] for name in parts}
    subsets: dict[str, Any] = {}
    for name, part in parts.items():
        drawn = {"groups": groups[name], **options.resampling}
        mean = subset_mean(raw[name], f"{name}/clipmem", negatives=_negatives(pairs, scores, name), **drawn)
        subsets[name] = {
            "role": roles[name],
            "n_records": part.num_rows,
            "clipmem": mean,
            "clipmem_normalised": _over(mean, scores.span),
            "similarity": subset_mean(_values(part, "similarity_target"), f"{name}/similarity", **drawn),
            "stderr_trainings": _stderr_of_mean(pairs, scores, name),
        }
    candidates = parts["candidates"]
    unlike = -_values(candidates, "similarity_target")
    found, curves = find_planted(
        candidates["planted"].combine_chunks(),
        {"clipmem": raw["candidates"], "similarity": unlike},
        groups=groups["candidates"],
    )
    numbers = {
        "subsets": subsets,
        "range": scores.span,
        "tests": [
            {
                "first": first,
                "second": second,
                **welch_test(raw[first], raw[second], groups=(groups[first], groups[second])).as_dict(),
            }
            for first, second in itertools.combinations(sorted(parts, key=MOST_INTERESTING.index), 2)
        ],
        "similarity_correlation": rank_correlation(raw["candidates"], unlike, groups=groups["candidates"]).as_dict(),
        "planted": found or None,
    }
    return numbers, curves


def shown_items(samples: pa.Table, pairs: Pairs, *, size: int, images: bool) -> pa.Table:
    """The gallery: the ``size`` most and the ``size`` least memorized candidates, with their scores."""
    ranked = samples.filter(samples["rank"].is_valid()).sort_by("rank")
    n = ranked.num_rows
    most = list(range(min(size, n)))
    least = list(range(max(len(most), n - size), n))
    rows = ranked.take(pa.array([*most, *least], pa.int64())).to_pylist()
    ids = pa.array([row["record_id"] for row in rows], pa.string())
    places = pc.index_in(ids, pairs.records.record_ids).to_pylist()
    shown = []
    for number, (row, place) in enumerate(zip(rows, places, strict=True), start=1):
        facts = {
            "CLIPMem": row["clipmem"],
            "normalised": row["clipmem_normalised"],
            "standard error over trainings": row["clipmem_stderr"],
            "alignment, trained on it": row["align_target"],
            "alignment, never saw it": row["align_reference"],
            "cosine, trained on it": row["similarity_target"],
            "rank": (row["rank"], f"of {n:,}"),
            "planted": row["planted"] or None,
        }
        shown.append(
            record_item(
                pairs.records,
                place,
                images=images,
                rank=number,
                section="Most memorized" if number <= len(most) else "Least memorized",
                facts={name: value for name, value in facts.items() if value is not None},
            )
        )
    return items_table(shown)


def _negatives(pairs: Pairs, scores: Scores, name: str) -> Negatives | None:
    """The negatives' part in the mean of a subset; None without negatives."""
    influence = scores.influence.get(name)
    if influence is None:
        return None
    deviations = influence - np.sort(influence).mean()
    here = pairs.within(name)
    full = np.zeros(len(pairs.records))
    full[scores.held] = deviations
    # The negatives are one role: either the subset itself, or another set.
    if here[scores.held].all():
        return Negatives(full[here], None, None)
    return Negatives(np.zeros(int(here.sum())), deviations, pairs.records.groups[scores.held])


def _over(mean: dict[str, Any], span: float | None) -> dict[str, Any]:
    """A mean and its interval over the range of the scores."""
    if span is None:
        nothing = dict.fromkeys(("value", "low", "high", "std"))
        return {**mean, **nothing, "reason": mean.get("reason") or "every raw score is 0, so there is no range"}
    scaled = {name: mean[name] / span for name in ("value", "low", "high", "std") if mean[name] is not None}
    return {**mean, **scaled}


def _stderr_of_mean(pairs: Pairs, scores: Scores, name: str) -> float | None:
    """The standard error of a subset's mean score over trainings; None with one target or one reference."""
    if min(len(scores.targets), len(scores.references)) < 2:
        return None
    here = pairs.within(name) & ~np.isnan(scores.clipmem.score)
    if not here.any():
        return None
    # Sorted within and between, so that no order of records or trainings changes the last bit.
    means = [np.sort(np.sort(sides[:, here]).mean(axis=1)) for sides in (scores.targets, scores.references)]
    return float(np.sqrt(sum(values.var(ddof=1) / len(values) for values in means)))


def _values(part: pa.Table, name: str) -> Floats:
    values: Floats = part[name].to_numpy().astype(np.float64)
    return values


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)
