"""One small run of each kind that has a report."""

import pyarrow as pa
import pyarrow.parquet as pq
from audit_cases import CASES
from model_factory import write_records
from sweep_factory import sweep
from utility_factory import make_utility
from worlds import VectorWorld, relabelled

from memometer import agree_labels, audit_vl_dejavu, compare_audits


def known_runs(folder):
    """Measure → a run; where names are the user's, some are markup."""
    runs = {}
    for case in (each for each in CASES if each.name != "vl_dejavu_one_model"):
        options = case.world(folder / case.name)
        if case.name in ("sslmem", "unitmem"):
            odd = pa.table({"record_id": ["r0002", "r0006"], "kind": ["odd", "odd"]})
            pq.write_table(odd, options["records"] / "planted.parquet")
            options |= {"tower": "both", "gallery": 3}
        runs[case.name.replace("_", "-")] = case.audit(**options)
    values = {
        "default": [(0.1, 0.5), (0.12, 0.51)],
        "<b>mild</b>": [(0.04, 0.5), (0.05, 0.5)],
        "dear": [(0.2, 0.1)] * 2,
    }
    trained = write_records(folder / "trained", n=9, roles=("a", "b", "public"))
    others_run = folder / "run of others"
    options = VectorWorld(folder / "others", seed=1, plant=0.2).options
    other = audit_vl_dejavu(**options, k=3, sweep=(1, 7), out=others_run)
    second = relabelled(folder / "others" / "records", folder / "<b>quite another", called="<b>mild</b> thing")
    return {
        **runs,
        "agree": agree_labels(folder / "others" / "records", second, runs=[others_run]),
        "sweep": sweep(folder / "sweep", trained, values),
        "utility": make_utility(classes=[f"<b>quite a long name of a class</b> {n}" for n in range(12)]),
        "compare": compare_audits([runs["vl-dejavu"], other, runs["vl-dejavu"]]),
    }
