"""``memometer annotate``: records and an annotator → labelled records."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memometer.annotators.options import AnnotateOptions
from memometer.cli.generated import command_of
from memometer.cli.options import JSON, RUN, ending_as_shard, parameter, processes_of

if TYPE_CHECKING:
    from rich.table import Table

    from memometer.annotators import AnnotationSummary

__all__ = ["command"]

_Records = Annotated[Path, typer.Argument(help="The folder of the records, as 'memometer data import' writes it.")]
_Out = Annotated[Path, typer.Option(help="The folder to write the labelled records to.")]


def _run(*, as_json: bool, workers: int | None, **given: Any) -> None:
    from memometer.annotators.loading import is_label_file
    from memometer.cli.answers import asked_of, keep_answer
    from memometer.locking import one_writer
    from memometer.progress import notice

    options = AnnotateOptions.checked(**given, workers=processes_of(workers, given))
    out = Path(given["out"])
    asked = None if is_label_file(options.with_) else asked_of(options)
    with ending_as_shard(), one_writer(out, shared=options.shard is not None):
        summary = None if asked is None or options.overwrite else _answer(out, asked)
        if summary is not None:
            notice(f"{out} holds these labels already; nothing to do")
        else:
            from memometer.annotators import annotate
            from memometer.data.beside import read_annotation

            summary = annotate(**{name: getattr(options, name) for name in AnnotateOptions.model_fields})
            annotation = read_annotation(out)
            if asked is not None and annotation is not None and asked == asked_of(options):  # no file changed under way
                keep_answer(out, asked, key=annotation["key"])
    _print(summary, as_json=as_json)


def _answer(out: Path, asked: str) -> "AnnotationSummary | None":
    """What an earlier run found that was asked the same, without a model."""
    from memometer.annotators import AnnotationSummary
    from memometer.cli.answers import kept_answer
    from memometer.data.beside import read_annotation
    from memometer.errors import DamagedError

    kept = kept_answer(out, asked)
    try:
        annotation = None if kept is None else read_annotation(out)
    except DamagedError:
        return None  # the annotation itself says what is wrong
    if kept is None or annotation is None or annotation.get("key") != kept["key"]:
        return None
    return AnnotationSummary.from_json(annotation["summary"], folder=out)


def _print(summary: "AnnotationSummary", *, as_json: bool) -> None:
    import dataclasses

    from memometer.cli.show import print_json, show_records

    if as_json:
        print_json(dataclasses.asdict(summary))
        return
    show_records(summary, _table(summary))


def _table(summary: "AnnotationSummary") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False)
    without = f"; {summary.n_without_objects:,} records without any" if summary.n_without_objects else ""
    per_record = summary.n_objects / max(summary.n_records, 1)
    commonest = ", ".join(f"{label} {count:,}" for label, count in list(summary.commonest.items())[:8])
    rows = [
        ("source", summary.source),
        ("annotator", summary.annotator),
        ("records", f"{summary.n_records:,}"),
        ("objects", f"{summary.n_objects:,}, {per_record:.1f} per record{without}"),
        ("labels", f"{summary.n_labels:,} of {summary.n_names:,} names were found"),
        *([("commonest", commonest)] if commonest else []),
        *([("boxes", f"{sum(summary.boxes.values()):,} are not as the annotator gave them")] if summary.boxes else []),
        *((f"  {treatment}", f"{count:,}") for treatment, count in summary.boxes.items()),
        ("rejected", f"{summary.n_rejected:,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in summary.reasons.items()),
        *(("remark", remark) for remark in summary.remarks),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


OWN = {
    "records": parameter("records", _Records),
    "out": parameter("out", _Out),
    "workers": RUN["workers"],
    "as_json": JSON,
}

command = command_of(AnnotateOptions, _run, own=OWN)
