"""The options that commands share: the same names, the same words."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AnyDevice",
    "BatchSize",
    "CheckpointEpochs",
    "ControlRole",
    "DecodingWorkers",
    "Device",
    "Json",
    "LearningRate",
    "ManifestJson",
    "ModelOut",
    "NoImages",
    "Null",
    "Out",
    "Overwrite",
    "OverwriteModel",
    "Precision",
    "PublicRole",
    "Role",
    "StepSize",
    "Store",
    "TrainRecords",
    "TrainRole",
    "Warmup",
    "Without",
    "Workers",
]

Role = Annotated[str | None, typer.Option(help="Test the records of this role alone.")]
PublicRole = Annotated[str | None, typer.Option(help="The public set is this role of --public.")]
ControlRole = Annotated[
    str | None, typer.Option(help="Records that no model was trained on: takes differences in quality out.")
]
Out = Annotated[Path, typer.Option(help="The run folder to write.")]
Store = Annotated[
    Path | None, typer.Option(help="Where embeddings and sums are kept for the next audit; by default OUT/stages.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that decode images. Default: none on a CPU, one per core beside a GPU. With 0, a library that "
        "crashes on an image ends the command without a word; with 1 or more it ends with the images' names."
    ),
]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
BatchSize = Annotated[int, typer.Option(help="Images, or views of them, per forward pass.")]
NoImages = Annotated[bool, typer.Option("--no-images", help="Keep pictures out of the run and the report.")]
Null = Annotated[
    int, typer.Option(help="Also audit so many untrained models: how often the intervals cover 0. 0: none.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what OUT holds of other options.")]
Json = Annotated[bool, typer.Option("--json", help="Print summary.json instead of a table.")]

# Of trainings.
TrainRecords = Annotated[Path, typer.Option(help="Folder of the records to train on.")]
ModelOut = Annotated[Path, typer.Option(help="Folder of the model to write.")]
TrainRole = Annotated[
    str | None, typer.Option(help="Train on the records of this role, or of several: shared,candidates.")
]
Without = Annotated[
    Path | None, typer.Option(help="Leave out the records in this file, as 'memometer remove' writes it.")
]
StepSize = Annotated[int, typer.Option(help="Records per step, over all processes together.")]
LearningRate = Annotated[float, typer.Option(help="Learning rate after the warm-up; a cosine takes it down.")]
Warmup = Annotated[
    int | None, typer.Option(help="Steps of warm-up. Default: a tenth of all, at most 2,000.", show_default=False)
]
CheckpointEpochs = Annotated[
    str, typer.Option(help="Also keep the model as it is after these epochs, e.g. 5,20,80.", show_default=False)
]
DecodingWorkers = Annotated[
    int | None,
    typer.Option(help="Processes that decode. Default: none on a CPU, up to 16 beside a GPU.", show_default=False),
]
AnyDevice = Annotated[str, typer.Option(help="cpu, cuda, or auto.")]
Precision = Annotated[str, typer.Option(help="fp32, bf16, or auto: bf16 where a GPU has it.")]
OverwriteModel = Annotated[bool, typer.Option("--overwrite", help="Replace another model in the folder.")]
ManifestJson = Annotated[bool, typer.Option("--json", help="Print the model's manifest as JSON.")]
