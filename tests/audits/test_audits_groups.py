"""Records that come in groups, through every measure: what is drawn, and where it is said."""

import functools
import html
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from small_audits import BOTH_WAYS, small_audit
from utility_world import UtilityWorld

from memometer import compare_audits, measure_utility
from memometer.cli.show import show_run
from memometer.report import page_of, render
from memometer.statistics.small_sets import small_warning

SIZE = 3


def group(folder, size):
    """Gives every ``size`` records of a role, in the order of their ids, a group."""
    path = folder / "records.parquet"
    table = pq.read_table(path)
    roles = table["role"].to_pylist()
    places: dict[str, int] = {}
    names = {}
    for name, role in sorted(zip(table["record_id"].to_pylist(), roles, strict=True)):
        places[role] = places.get(role, -1) + 1
        names[name] = f"{role} {places[role] // size}"
    column = pa.array([names[name] for name in table["record_id"].to_pylist()])
    table = table.drop_columns("group") if "group" in table.column_names else table
    pq.write_table(table.append_column("group", column), path)
    return folder


DRAWN = {
    "vl-dejavu": "balanced.all.prg",
    "clipmem": "subsets.candidates.clipmem",
    "sslmem": "towers.image.balanced.sslmem",
    "image-dejavu": "balanced.100",
}
"""A number of each measure whose interval draws records. UnitMem has none: units, and groups of its own dealing."""
OTHERWISE = {"unitmem": ("towers.image", "towers.text", "control.difference", "text_less_image")}
"""Ends of the paths of intervals that are over something else."""


@pytest.fixture(scope="module", params=BOTH_WAYS)
def pair(request, tmp_path_factory):
    """One audit of the same records without groups, and with groups of three."""
    folder = tmp_path_factory.mktemp("groups")

    def audited(size):
        change = functools.partial(group, size=size)
        return small_audit(request.param, folder / f"of{size}", change=change, **BOTH_WAYS[request.param])

    return [audited(size) for size in (1, SIZE)]


def intervals(found, path=""):
    """Everything in a summary that has an interval: its path, and the number."""
    if isinstance(found, Mapping) and {"low", "high"} <= set(found):
        yield path, found
    elif isinstance(found, Mapping):
        for name, each in found.items():
            yield from intervals(each, f"{path}.{name}".lstrip("."))
    elif isinstance(found, list):
        for place, each in enumerate(found):
            yield from intervals(each, f"{path}.{place}")


def test_every_interval_of_records_says_how_many_groups_it_draws(pair):
    measure = pair[0].summary["measure"]
    alone, grouped = (dict(intervals(audit.summary)) for audit in pair)
    assert set(alone) == set(grouped)
    for path, number in grouped.items():
        if number["low"] is None or path.endswith(OTHERWISE.get(measure, ())):
            continue
        names = [name for name in number if name.startswith("n_groups")]
        assert names, path
        for name in names:
            n = number[name.replace("n_groups", "n")]
            assert 0.9 * n / SIZE - 1 <= number[name] < n, (path, number)
            assert alone[path][name] >= 0.95 * alone[path][name.replace("n_groups", "n")]  # scenes have near duplicates


def test_every_interval_of_a_table_says_how_many_groups_it_draws(pair):
    for name, table in pair[1].tables.items():
        for column in (each for each in table.column_names if each.removesuffix("low") in ("", "delta_")):
            counted = column.removesuffix("low")
            if "n" not in table.column_names:
                continue  # UnitMem's layers: means over units
            rows = table.filter(pc.is_valid(table[column])).to_pylist()
            assert rows, (name, column)
            for row in rows:
                n, n_groups = row[f"{counted}n"], row[f"{counted}n_groups"]
                assert n / SIZE <= n_groups <= n, (name, row)
            assert sum(row[f"{counted}n_groups"] for row in rows) < sum(row[f"{counted}n"] for row in rows)


def test_values_stay_and_intervals_are_of_groups(pair):
    measure = pair[0].summary["measure"]
    if measure not in DRAWN:
        return
    alone, grouped = (dict(intervals(audit.summary))[DRAWN[measure]] for audit in pair)
    assert alone["value"] == grouped["value"]
    assert (alone["low"], alone["high"]) != (grouped["low"], grouped["high"])


def test_the_samples_the_terminal_and_the_report_name_the_groups(pair, capsys):
    alone, grouped = pair
    measure = grouped.summary["measure"]
    if measure in DRAWN:
        assert alone.samples["group"].null_count >= 0.95 * alone.samples.num_rows
        assert grouped.samples["group"].null_count == 0
        n_groups = dict(intervals(grouped.summary))[DRAWN[measure]]["n_groups"]
        assert f"in {n_groups:,} groups" in render(grouped)
    if measure == "unitmem":
        assert {entry["n_groups"] for entry in grouped.summary["towers"].values()} == {30}
        assert {entry["n_groups"] for entry in alone.summary["towers"].values()} == {90}
        assert "90 of 90, in 30 groups" in render(grouped)
    show_run(grouped, as_json=False)
    printed = capsys.readouterr().out
    warning = small_warning(grouped.summary.sets())
    assert warning in printed
    assert warning in grouped.summary["notes"]
    assert warning[1:] in html.unescape(render(grouped))
    assert measure not in DRAWN or "groups, " in warning or "groups;" in warning


def test_a_comparison_names_the_groups_that_records_in_common_come_in(pair, capsys):
    for audit, size in zip(pair, (1, SIZE), strict=True):
        compared = compare_audits([audit, audit], replicates=100)
        (run,) = compared.summary["runs"]
        parts = run["records"].values()
        n, n_groups = (sum(part[name] for part in parts) for name in ("n_common", "n_groups_common"))
        assert 0.95 * n / size <= n_groups <= n / size + len(parts)  # scenes have near duplicates
        Console(width=200).print(*page_of("compare").printed(compared))
        said = f" in {n_groups} groups" * (n_groups < n)
        assert f"; {n} records{said})" in " ".join(capsys.readouterr().out.split())
        assert f", {n} records in common{said}<" in render(compared)


def test_a_comparison_draws_the_groups_too(pair):
    _, grouped = pair
    if grouped.summary["measure"] not in DRAWN:
        return
    (run,) = compare_audits([grouped, grouped], replicates=100).summary["runs"]
    counted = [entry for entry in run["numbers"] if entry["low"] is not None]
    assert counted
    for entry in counted:
        assert entry["n_groups"] < entry["n"], entry


def test_shares_of_utility_are_drawn_by_group(tmp_path):
    found = []
    for size in (1, SIZE):
        world = UtilityWorld(tmp_path / f"of{size}", n=90, several=False)
        group(world.folder / "records", size)
        found.append(measure_utility(**world.options, retrieval=True, linear_probe=True, probe_role="probe"))
    alone, grouped = (dict(intervals(each.summary)) for each in found)
    assert set(alone) == set(grouped)
    checked = 0
    for path, number in grouped.items():
        if number["low"] is None:
            continue
        assert number["value"] == alone[path]["value"]
        assert number["n_groups"] == 30, path
        assert alone[path]["n_groups"] == 90, path
        checked += 1
    assert checked > 3
    assert "in 30 groups" in render(found[1])
