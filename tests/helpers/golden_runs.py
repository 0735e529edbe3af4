"""One small audit of each kind, whose numbers are kept in ``tests/golden``.

``python tests/helpers/golden_runs.py FOLDER`` writes their run folders: those of two versions, made on one machine, are
the same bytes but for ``manifest.json``, which holds times. With ``--keep`` it rewrites ``tests/golden``: on purpose.
"""

import contextlib
import json
import sys
from pathlib import Path

from audit_cases import CASES

KEPT = Path(__file__).parents[1] / "golden"


def made(case, folder):
    """What an audit in ``folder`` gives, as JSON has it: its key, config, summary, and the rows of its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):  # the key holds the paths as they were given
        audit = case.audit(**case.world(Path()), out="run")
    tables = {"samples": audit.samples, "gallery": audit.gallery, "rejects": audit.rejects, **audit.tables}
    rows = {name: table.to_pylist() for name, table in tables.items()}
    found = {"key": audit.manifest["key"], "config": audit.config, "summary": audit.summary.as_dict(), "tables": rows}
    return json.loads(json.dumps(found, default=lambda picture: f"{type(picture).__name__} of a picture"))


if __name__ == "__main__":
    for each in CASES:
        what = made(each, Path(sys.argv[1]) / each.name)
        if "--keep" in sys.argv:
            KEPT.mkdir(exist_ok=True)
            text = json.dumps(what, ensure_ascii=False, separators=(",", ":"))
            (KEPT / f"{each.name}.json").write_text(f"{text}\n")
