"""One small audit of each kind, whose numbers are kept in ``tests/golden``.

``python tests/helpers/golden_runs.py FOLDER`` writes their run folders: those of two versions, made on one machine, are
the same bytes but for ``manifest.json``, which holds times. With ``--keep`` it rewrites ``tests/golden``: on purpose.
"""

import contextlib
import json
import math
import sys
from pathlib import Path

from audit_cases import CASES

KEPT = Path(__file__).parents[1] / "golden"
SUMMARIES = {path.stem: json.loads(path.read_text())["summary"] for path in sorted(KEPT.glob("*.json"))}


def made(case, folder):
    """What an audit in ``folder`` gives, as JSON has it: its key, config, summary, and the rows of its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):  # the key holds the paths as they were given
        audit = case.audit(**case.world(Path()), out="run")
    return as_json(audit, key=audit.manifest["key"], config=dict(sorted(audit.config.items())))


def as_json(audit, **more):
    tables = {"samples": audit.samples, "gallery": audit.gallery, "rejects": audit.rejects, **audit.tables}
    rows = {name: table.to_pylist() for name, table in tables.items()}
    found = {**more, "summary": audit.summary.as_dict(), "tables": rows}
    return json.loads(json.dumps(found, default=lambda picture: f"{type(picture).__name__} of a picture"))


def differences(found, kept, at="", *, rel_tol=1e-5, abs_tol=1e-6):
    """The places where two JSON values differ by more than processors do, or in the order of what they hold.

    Distances of float32 vectors differ by some 1e-7 between processors; a score is what is left of their differences.
    """
    close = {"rel_tol": rel_tol, "abs_tol": abs_tol}
    if isinstance(kept, dict) and isinstance(found, dict):
        if list(found) != list(kept):
            return [f"{at}: {list(found)} instead of {list(kept)}"]
        return [each for name in kept for each in differences(found[name], kept[name], f"{at}/{name}", **close)]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        pairs = enumerate(zip(found, kept, strict=True))
        return [each for place, pair in pairs for each in differences(*pair, f"{at}/{place}", **close)]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (found, kept))
    same = math.isclose(found, kept, **close) if numbers else found == kept
    return [] if same else [f"{at}: {found!r} instead of {kept!r}"]


if __name__ == "__main__":
    for each in CASES:
        what = made(each, Path(sys.argv[1]) / each.name)
        if "--keep" in sys.argv:
            KEPT.mkdir(exist_ok=True)
            text = json.dumps(what, ensure_ascii=False, separators=(",", ":"))
            (KEPT / f"{each.name}.json").write_text(f"{text}\n")
