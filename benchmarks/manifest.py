"""Reading a table of a million rows that names the images of its captions, against Arrow's own reading of its columns.

Run from the repository: ``python benchmarks/manifest.py``. Five captions for each of 200,000 images. Timed is everything
that an import does before it decodes: columns recognised, rows of an image brought together, captions cleaned, every
image looked for. What is compared are processor seconds of one core, since others may use the machine.
"""

import argparse
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import measure, record_section, table, take_turns

from memometer.data.sources import Draft, open_source

WANTED = 20
PER_IMAGE = 5


def write_manifest(folder: Path, n_rows: int) -> Path:
    """A table beside a folder of empty files: they are looked for, not read."""
    (folder / "images").mkdir()
    for number in range(n_rows // PER_IMAGE):
        (folder / "images" / f"{number:07d}.jpg").touch()
    columns = {
        "filepath": [f"images/{row // PER_IMAGE:07d}.jpg" for row in range(n_rows)],
        "title": [f"a caption of some words, the one of number {row}" for row in range(n_rows)],
    }
    pq.write_table(pa.table(columns), folder / "t.parquet", row_group_size=100_000)
    return folder / "t.parquet"


def read_manifest(path: Path) -> None:
    """All drafts of its records."""
    reader = open_source(path)
    with tempfile.TemporaryDirectory() as scratch:
        plan = reader.plan(Path(scratch))
        n_captions = sum(
            len(draft.captions) for piece in plan.pieces for draft in reader.read(piece) if isinstance(draft, Draft)
        )
    assert n_captions == pq.read_metadata(path).num_rows  # noqa: S101 (else it timed something else)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = write_manifest(Path(folder), options.rows)
        times = take_turns(
            {
                "memometer": lambda: measure(lambda: read_manifest(path)),
                "pyarrow, columns as Python lists": lambda: measure(lambda: pq.read_table(path).to_pydict()),
            },
            repeats=options.repeats,
        )
    rows = [(name, timing, f"{min(timing.cpu):.1f} s") for name, timing in times.items()]
    seconds = min(times["memometer"].cpu)
    told = table(["what", "wall: median (best to worst)", "processor time, best"], rows)
    text = (
        f"{options.rows:,} rows of {options.rows // PER_IMAGE:,} images, Parquet with row groups of 100,000. Command: "
        f"`python benchmarks/manifest.py`.\n\n{told}\n\nWanted: less than {WANTED} s of processor time for 1,000,000 rows; "
        f"here {seconds * 1_000_000 / options.rows:.1f} s."
    )
    record_section("A table of a million rows", text, packages=("memometer", "pyarrow"))
    print(text)


if __name__ == "__main__":
    main()
