"""What an SSLMem audit says: a row per record, a row per layer, the gaps at the output, the records to show."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.audits.planted import Planted, planted_in
from memometer.encoders import Tower
from memometer.measures.sslmem.options import SslMemOptions
from memometer.measures.sslmem.scores import delta_layermem
from memometer.measures.sslmem.scoring import TowerScores
from memometer.runs.items import group_names, items_table
from memometer.runs.thumbnails import record_item
from memometer.statistics import gap_of, mean_of

__all__ = ["LAYERS_SCHEMA", "layer_table", "planted_rows", "samples_table", "shown_items", "summarise_towers"]

Floats = npt.NDArray[np.float64]

LAYERS_SCHEMA = pa.schema(
    [
        ("tower", pa.string()),
        ("design", pa.string()),  # "forward", "backward" or "balanced"
        ("index", pa.int64()),  # of the layer, from 1
        ("layer", pa.string()),
        ("layermem", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int64()),
        ("n_undefined", pa.int64()),
        ("delta", pa.float64()),  # ΔLayerMem; null at the first layer
        ("delta_low", pa.float64()),
        ("delta_high", pa.float64()),
        ("delta_n", pa.int64()),
        ("n_groups", pa.int64()),  # what is drawn for LayerMem; records where each is alone
        ("delta_n_groups", pa.int64()),  # the same for ΔLayerMem
    ]
)

REASON = "no record has two views with a direction"


def designs(parts: Sequence[TowerScores]) -> dict[str, list[TowerScores]]:
    """The directions behind each way of reporting; balanced is the mean of both."""
    each = {part.direction: [part] for part in parts}
    return {**each, "balanced": list(parts)} if len(parts) > 1 else each


def layer_table(towers: dict[Tower, list[TowerScores]], options: SslMemOptions) -> pa.Table:
    """LayerMem and ΔLayerMem at every layer, with n and 95 % intervals over records.

    Args:
        towers: tower → its directions.
        options: of the audit.
    """
    rows: list[dict[str, Any]] = []
    for tower, parts in towers.items():
        relative = {part.direction: part.relative for part in parts}
        deltas = {direction: delta_layermem(values) for direction, values in relative.items()}
        for design, members in designs(parts).items():
            for place, layer in enumerate(parts[0].layers):
                level, change = (
                    gap_of(
                        [values[part.direction][:, place] for part in members],
                        name=f"{tower}/{design}/{place}/{what}",
                        groups=[part.records.groups for part in members],
                        **options.resampling,
                    )
                    for what, values in (("layermem", relative), ("delta", deltas))
                )
                undefined = sum(int(np.isnan(relative[part.direction][:, place]).sum()) for part in members)
                row: dict[str, Any] = {"tower": tower, "design": design, "index": place + 1, "layer": layer}
                row |= {"layermem": level.value, "n_undefined": undefined, "delta": change.value}
                for prefix, gap in (("", level), ("delta_", change)):
                    row |= {f"{prefix}{end}": getattr(gap, end) for end in ("low", "high", "n", "n_groups")}
                rows.append(row)
    return pa.Table.from_pylist(rows, schema=LAYERS_SCHEMA)


def summarise_towers(towers: dict[Tower, list[TowerScores]], options: SslMemOptions) -> dict[str, Any]:
    """The numbers of ``summary.json``: counts, the gaps at the output of each tower, and between the towers."""
    summary: dict[str, Any] = {"towers": {}}
    for tower, parts in towers.items():
        entry: dict[str, Any] = {"layers": list(parts[0].layers)}
        entry["n_scored"] = parts[0].n_scored
        entry["n_scored_backward"] = parts[1].n_scored if len(parts) > 1 else None
        for design in ("forward", "backward", "balanced"):
            members = designs(parts).get(design)
            entry[design] = members and {
                what: gap_of(
                    [getattr(part, what)[:, -1] for part in members],
                    name=f"{tower}/{design}/output/{what}",
                    reason=REASON,
                    groups=[part.records.groups for part in members],
                    **options.resampling,
                ).as_dict()
                for what in ("sslmem", "relative")
            }
        entry["means"] = {
            part.direction: {side: mean_of(getattr(part, side).distances[:, -1]) for side in ("target", "reference")}
            for part in parts
        }
        summary["towers"][tower] = entry
    for place, key in ((0, "skipped"), (1, "skipped_backward")):
        summary[key] = {
            f"{tower} tower: {reason}": n
            for tower, parts in towers.items()
            for part in parts[place : place + 1]
            for reason, n in part.skipped.items()
        }
    summary["text_less_image"] = _between_towers(towers, options)
    return summary


def samples_table(towers: dict[Tower, list[TowerScores]]) -> pa.Table:
    """``samples.parquet``: one row per record and direction, at the output of each tower; null where undefined."""
    tables = []
    for place, first in enumerate(next(iter(towers.values()))):
        columns: dict[str, pa.Array] = {
            "record_id": first.records.record_ids,
            "direction": pa.array([first.direction] * len(first.records), pa.string()),
            "group": group_names(first.records),
        }
        for tower, parts in towers.items():
            part = parts[place]
            for name, values in (
                ("d_target", part.target.distances),
                ("d_reference", part.reference.distances),
                ("sslmem", part.sslmem),
                ("sslmem_relative", part.relative),
            ):
                columns[f"{name}_{tower}"] = pa.array(values[:, -1], from_pandas=True)
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def planted_rows(towers: dict[Tower, list[TowerScores]]) -> Planted:
    """How well SSLMem at each tower's output finds what is planted in the target's records; None where nothing is."""
    return planted_in(
        next(iter(towers.values()))[0].records,
        lambda: {f"SSLMem, {tower} tower": parts[0].sslmem[:, -1] for tower, parts in towers.items()},
    )


def shown_items(towers: dict[Tower, list[TowerScores]], *, size: int, images: bool) -> pa.Table:
    """The gallery: of each tower the ``size`` records that it memorizes the most, both directions together.

    A record whose views the model that never saw it holds as close together is not shown.
    """
    shown: list[dict[str, Any]] = []
    for tower, parts in towers.items():
        ranked = []
        for part in parts:
            score, ids = part.sslmem[:, -1], part.records.record_ids
            best = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")[: 2 * size + 100]
            ranked += [(-score[row], ids[int(row)].as_py(), part, int(row)) for row in best if score[row] > 0]
        ranked.sort(key=lambda entry: entry[:2])
        for *_, part, row in ranked[:size]:
            facts = {
                "SSLMem": float(part.sslmem[row, -1]),
                "relative": float(part.relative[row, -1]),
                "distance of its views, trained on it": float(part.target.distances[row, -1]),
                "distance of its views, never saw it": float(part.reference.distances[row, -1]),
                "views": int(part.target.n_views[row]),
            }
            shown.append(
                record_item(
                    part.records,
                    row,
                    images=images,
                    rank=len(shown) + 1,
                    section=f"{tower.capitalize()} tower",
                    facts=facts,
                )
            )
    return items_table(shown)


def _between_towers(towers: dict[Tower, list[TowerScores]], options: SslMemOptions) -> dict[str, Any] | None:
    """SSLMem' of the text tower less that of the image tower, record by record; None without both towers."""
    if set(towers) != {"image", "text"}:
        return None
    pairs = list(zip(towers["text"], towers["image"], strict=True))
    return gap_of(
        [text.relative[:, -1] - image.relative[:, -1] for text, image in pairs],
        name="text less image",
        reason="no record is scored in both towers",
        groups=[text.records.groups for text, _ in pairs],
        **options.resampling,
    ).as_dict()
