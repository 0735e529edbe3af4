"""What the folder of scenes holds, and the command that draws them."""

import pyarrow.parquet as pq
import typer

from memometer.cli.data_scenes import command
from memometer.data.records import load_records

app = typer.Typer()
app.command()(command)


def rows(folder):
    return load_records(folder).table.to_pylist()


def planted(folder):
    return pq.read_table(folder / "planted.parquet").to_pylist()
