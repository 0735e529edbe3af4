"""The annotation: records and an annotator → a folder of labelled records; a killed one goes on."""

import functools
import os.path
import shutil
from pathlib import Path

from memometer import __version__
from memometer.annotators.base import Annotator, Asked
from memometer.annotators.labelling import BESIDE, Counts, copy_beside, write_labelled, write_left_out
from memometer.annotators.loading import COLUMNS, is_label_file, load_annotator
from memometer.annotators.names import Names, names_of
from memometer.annotators.options import AnnotateOptions
from memometer.annotators.store import Labelling, LabelPieces
from memometer.annotators.summary import AnnotationSummary
from memometer.data.beside import ANNOTATION, noted_files, read_annotation
from memometer.data.records import IMAGE_COLUMNS, RECORD_SCHEMA, Records, hash_records, load_records
from memometer.data.summary import check_rejects
from memometer.engines import current
from memometer.engines.travel import loaded_by
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.locking import one_writer
from memometer.options import by_keyword
from memometer.progress import notice, progress_bar, warn
from memometer.runs.options import spec_of
from memometer.sealing import write_sealed_json

__all__ = ["PIECE_SIZE", "annotate"]

PIECE_SIZE = 256
"""Records per piece: what a killed annotation loses at most. Detectors take a second an image without a GPU."""

SCRATCH = ".annotate"
"""The folder within ``out`` where labels are kept until all are there."""

THRESHOLD = 0.3
"""A detector's, where none is given."""

IMAGES = ("record_id", "image_hash", "image_path", "image_offset", "image_row")


@by_keyword(AnnotateOptions)
def annotate(options: AnnotateOptions) -> AnnotationSummary:
    """See `AnnotateOptions`.

    Raises:
        InputError: options that contradict each other, or ``out`` holds other records.
        ModelError: the annotator cannot be loaded.
        RejectsError: more than ``max_rejects`` of the records could not be labelled; ``rejects.parquet`` says why.
        SourceError: the records cannot be read.
        ShardDone: this was a shard, which writes no records.
    """
    out = Path(os.path.abspath(options.out))  # noqa: PTH100 (keeps links)
    source = options.records
    records = source if isinstance(source, Records) else load_records(source)
    if out.resolve() == records.folder.resolve():
        raise InputError(f"{out} holds the records themselves; choose another --out, for they stay as they are")
    if not len(records):
        raise InputError(f"{records.folder} holds no records to label; import some first")
    with one_writer(out, shared=options.shard is not None), options.at_work(out / SCRATCH):
        if is_label_file(options.with_):
            from memometer.annotators.label_files.labelling import label_from_file  # here: no model needs readers

            return label_from_file(options, records, out)
        return _annotate(options, records, out)


def _annotate(options: AnnotateOptions, records: Records, out: Path) -> AnnotationSummary:
    for name in COLUMNS:
        if getattr(options, name) is not None:
            flag = name.replace("_", "-")
            raise InputError(
                f"--{flag} says where labels are in a file, and {spec_of(options.with_)} reads none: leave it out"
            )
    names = names_of(options.vocabulary)
    annotator = _opened(options, names)
    for remark in annotator.warnings:
        warn(remark)
    pieces_key = hash_json([__version__, annotator.identity, options.batch_size, hash_records(records, IMAGES)])
    beside = noted_files(records.folder, BESIDE)
    key = hash_json([pieces_key, hash_records(records, RECORD_SCHEMA.names), beside])
    scratch = out / SCRATCH / pieces_key
    finished = None if options.overwrite else read_annotation(out)
    if finished is not None and finished.get("key") == key:
        notice(f"{out} already holds these labels; nothing to do (--overwrite writes them again)")
        shutil.rmtree(out / SCRATCH, ignore_errors=True)  # of a run that was killed at its very end
        return AnnotationSummary.from_json(finished["summary"], folder=out)
    others = (out / "records.parquet").exists() and not scratch.exists()
    if not options.overwrite and (finished is not None or others):
        raise InputError(f"{out} already holds other records; choose another --out, or replace them with --overwrite")
    if options.sharing:
        asked = {name: value for name, value in options.config().items() if name not in ("records", "versions")}
        inputs = {"records": hash_records(records, IMAGES), "annotator": annotator.identity}
        options.agree(out / SCRATCH, numbers=asked, inputs=inputs)
    pieces = _labelled(options, records, annotator, scratch)
    options.end_shard(out / SCRATCH)
    rejects = pieces.rejects()
    (out / ANNOTATION).unlink(missing_ok=True)
    reasons = write_left_out(records, rejects, out / "rejects.parquet")
    check_rejects(
        reasons,
        n_kept=len(records) - len(rejects),
        max_rejects=options.max_rejects,
        rejects=out / "rejects.parquet",
    )
    counts = write_labelled(records, pieces.labels(annotator.labels), out / "records.parquet", folder=out)
    copy_beside(records.folder, out)
    repeated = names.n_merged if names is not None else 0
    merged = [f"{repeated:,} names of the vocabulary repeat others, and count once"] if repeated else []
    remarks = (*annotator.warnings, *merged)
    summary = _summary(
        out, records, annotator=annotator, pieces=pieces, counts=counts, reasons=reasons, remarks=remarks
    )
    # Last, for it marks the annotation as finished. It holds no time: equal annotations are equal bytes.
    write_sealed_json(
        out / ANNOTATION,
        {
            "key": key,
            "memometer": __version__,
            "annotator": {
                "spec": annotator.spec,
                "identity": annotator.identity,
                "weights_hashes": list(annotator.weights_hashes),
                **annotator.described(),
            },
            "threshold": _threshold(options),
            "precision": options.precision,
            "batch_size": options.batch_size,
            "vocabulary": None if names is None else names.described(),
            "summary": summary.to_json(),
            "files": noted_files(out, [name for name in BESIDE if name != "split.json"]),
        },
    )
    shutil.rmtree(out / SCRATCH)
    return summary


def _threshold(options: AnnotateOptions) -> float:
    return THRESHOLD if options.threshold is None else options.threshold


def _opened(options: AnnotateOptions, names: Names | None) -> Annotator:
    if not isinstance(options.with_, str):
        return options.with_
    asked = Asked(
        names=None if names is None else names.names,
        threshold=_threshold(options),
        templates=options.templates,
        temperature=options.temperature,
        probability=options.probability,
        device=options.device,
        precision=options.precision,
    )
    annotator = load_annotator(options.with_, asked)
    loaded_by(annotator, functools.partial(load_annotator, options.with_, asked))
    return annotator


def _labelled(options: AnnotateOptions, records: Records, annotator: Annotator, scratch: Path) -> LabelPieces:
    """The labels of all records, made where they are not there yet."""
    work = Labelling(records.select(IMAGE_COLUMNS), annotator, options.batch_size, options.workers)
    with (
        one_writer(scratch, wait=True, shared=current().shared),
        progress_bar("annotating", total=len(records), unit="images") as advance,
    ):
        pieces = LabelPieces(scratch, records, size=PIECE_SIZE)
        pieces.fill(work, label="annotating", advance=advance)
    return pieces


def _summary(
    out: Path,
    records: Records,
    *,
    annotator: Annotator,
    pieces: LabelPieces,
    counts: Counts,
    reasons: dict[str, int],
    remarks: tuple[str, ...],
) -> AnnotationSummary:
    commonest = sorted(counts.labels.items(), key=lambda each: (-each[1], each[0]))[:20]
    return AnnotationSummary(
        folder=str(out),
        source=str(records.folder),
        annotator=annotator.spec,
        n_records=counts.n_records,
        n_rejected=sum(reasons.values()),
        reasons=reasons,
        n_objects=counts.n_objects,
        n_without_objects=counts.n_without_objects,
        n_names=len(set(annotator.labels)),
        n_labels=len(counts.labels),
        commonest=dict(commonest),
        boxes=pieces.moved(),
        remarks=remarks,
    )
