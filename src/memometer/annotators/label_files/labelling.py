"""Records and a file of labels → labelled records."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memometer import __version__
from memometer.annotators.label_files.base import FileLabels, LabelColumns, LabelRows
from memometer.annotators.label_files.coco import read_instances
from memometer.annotators.label_files.folders import SYNSETS, is_image, read_folders
from memometer.annotators.label_files.joining import joined
from memometer.annotators.label_files.json_tasks import read_fiftyone, read_label_studio
from memometer.annotators.label_files.tables import CLASSES, read_open_images, read_table
from memometer.annotators.label_files.voc import read_voc
from memometer.annotators.label_files.yolo import ABOVE, YAML, read_yolo
from memometer.annotators.labelling import BESIDE, copy_beside, write_labelled, write_left_out
from memometer.annotators.loading import COLUMNS, LABEL_FILES, OWN
from memometer.annotators.options import AnnotateOptions
from memometer.annotators.summary import AnnotationSummary
from memometer.data.beside import ANNOTATION, noted_files, read_annotation
from memometer.data.records import RECORD_SCHEMA, Records, hash_records
from memometer.data.sources.class_names import YOLO_FILES
from memometer.errors import InputError, SourceError
from memometer.files import hash_file, hash_json
from memometer.objects import caption_objects, default_vocabulary, load_vocabulary
from memometer.progress import notice
from memometer.sealing import write_sealed_json

__all__ = ["KINDS", "label_from_file"]

KINDS: dict[str, Callable[[Path, LabelColumns], FileLabels]] = {
    "coco": read_instances,
    "lvis": read_instances,
    "openimages": read_open_images,
    "labelstudio": read_label_studio,
    "fiftyone": read_fiftyone,
    "table": read_table,
    "voc": read_voc,
    "yolo": read_yolo,
    "folders": read_folders,
}
"""Kind of file → its reader; it is given the path, and the columns that the user names."""


READ = {"voc": (".xml",), "yolo": (".txt", ".names", *YAML), "fiftyone": ("samples.json", "labels.json")}
"""How the files end that are read of a folder."""


def label_from_file(options: AnnotateOptions, records: Records, out: Path) -> AnnotationSummary:
    """Labels records by what stands in a file, or in their captions (``captions``).

    Raises:
        InputError: ``out`` holds other records.
        SourceError: the file is not there, or not of its kind.
    """
    kind, _, rest = str(options.with_).partition(":")
    path = Path(rest)
    if kind != "captions" and not path.exists():
        raise SourceError(f"there is no file of labels at {rest or 'no path'}; expected {kind}:PATH")
    for name in ("vocabulary", *OWN, *COLUMNS):
        if getattr(options, name) is not None and name not in LABEL_FILES[kind]:
            flag, takers = name.replace("_", "-"), [each for each, theirs in LABEL_FILES.items() if name in theirs]
            why = f"{' and '.join(takers)} do" if takers else "for its labels are there already"
            raise InputError(f"{kind}: takes no --{flag}, {why}: leave it out")
    own = options.vocabulary if kind == "captions" and options.vocabulary not in (None, "lvis") else None
    columns = {name: getattr(options, name) for name in COLUMNS if getattr(options, name) is not None}
    described: dict[str, Any] = {"kind": kind, "hash": _hash(path, kind) if kind != "captions" else None, **columns}
    if options.threshold is not None:
        described["threshold"] = options.threshold
    if isinstance(own, str | Path) and Path(own).is_file():
        described["vocabulary"] = hash_file(Path(own))
    elif own is not None:
        raise InputError("captions are searched by a file of terms; pass --vocabulary FILE or leave it out")
    beside = noted_files(records.folder, BESIDE)
    key = hash_json([__version__, described, hash_records(records, RECORD_SCHEMA.names), beside])
    finished = None if options.overwrite else read_annotation(out)
    if finished is not None and finished.get("key") == key:
        notice(f"{out} already holds these labels; nothing to do (--overwrite writes them again)")
        return AnnotationSummary.from_json(finished["summary"], folder=out)
    if not options.overwrite and (finished is not None or (out / "records.parquet").exists()):
        raise InputError(f"{out} already holds other records; choose another --out, or replace them with --overwrite")
    if kind == "captions":
        found = _of_captions(records, None if own is None else Path(str(own)))
    else:
        found = KINDS[kind](
            path,
            LabelColumns(
                options.id_column,
                options.image_column,
                options.label_column,
                options.scores_column,
                options.boxes_column,
            ),
        )
        _check_found(found, rest)
    if options.threshold is not None:
        found = found.above(options.threshold)
    result = joined(found, records)
    if kind != "captions" and result.n_unknown_images == len(found.images):
        raise SourceError(
            f"{rest} names no image of {records.folder}: it has e.g. '{found.images[0][:80]}', the records "
            f"'{_called(records)[:80]}'; expected record ids or file names"
        )
    (out / ANNOTATION).unlink(missing_ok=True)
    write_left_out(records, [], out / "rejects.parquet")
    counts = write_labelled(records, result.labels, out / "records.parquet", folder=out)
    copy_beside(records.folder, out)
    remarks = {
        "images of the file are no record's": result.n_unknown_images - result.n_unclear_images,
        "images of the file could be of several records, or share one": result.n_unclear_images,
        "labels of the file are of unknown records": result.n_unknown_labels,
        "records are not in the file": result.n_unnamed,
        **{f"entries left out: {reason}": n for reason, n in sorted(found.skipped.items())},
    }
    commonest = sorted(Counter(counts.labels).items(), key=lambda each: (-each[1], each[0]))[:20]
    summary = AnnotationSummary(
        folder=str(out),
        source=str(records.folder),
        annotator=str(options.with_),
        n_records=counts.n_records,
        n_rejected=0,
        reasons={},
        n_objects=counts.n_objects,
        n_without_objects=counts.n_without_objects,
        n_names=len(found.names),
        n_labels=len(counts.labels),
        commonest=dict(commonest),
        boxes=result.boxes,
        remarks=(*(f"{n:,} {what}" for what, n in remarks.items() if n), *found.remarks),
    )
    annotator: dict[str, Any] = {"spec": str(options.with_), "identity": hash_json(described), "weights_hashes": []}
    write_sealed_json(
        out / ANNOTATION,
        {
            "key": key,
            "memometer": __version__,
            "annotator": {**annotator, **described},
            "summary": summary.to_json(),
            "files": noted_files(out, [name for name in BESIDE if name != "split.json"]),
        },
    )
    return summary


def _check_found(found: FileLabels, place: str) -> None:
    """Passes where a file has labels, or images of which it says that they have none.

    Raises:
        SourceError: it has none, or none of its entries is a label.
    """
    if len(found.owner) or (found.images and not found.skipped):
        return
    why = "; ".join(f"{n:,} entries left out: {reason}" for reason, n in sorted(found.skipped.items()))
    raise SourceError(f"{place} holds no label that can be used{f': {why}' if why else ', and names no image'}")


def _called(records: Records) -> str:
    """What the first record's image is called, else its id."""
    path = records.column("image_path")[0].as_py()
    return str(path if path is not None else records.record_ids[0])


def _hash(path: Path, kind: str) -> str:
    """Of a file, or of what is read of a folder, and of the names of classes beside and above."""
    above = path.absolute().parents[: ABOVE if kind == "yolo" else 1]
    names = [folder / name for folder in above for name in (*CLASSES, *YOLO_FILES, *SYNSETS)]
    beside = [hash_file(file) for file in names if file.is_file()]
    folder = path.parent if path.suffix in YAML else path
    if folder.is_file():
        return hash_json([beside, hash_file(path)])
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if kind == "folders":  # what images show is not read, where they lie is
        return hash_json([beside, [str(file.relative_to(path)) for file in files if is_image(file)]])
    read = [file for file in files if file.name.endswith(READ.get(kind, ()))]
    return hash_json([beside, [[str(file.relative_to(folder)), hash_file(file)] for file in read]])


def _of_captions(records: Records, vocabulary: Path | None) -> FileLabels:
    terms = default_vocabulary() if vocabulary is None else load_vocabulary(vocabulary)
    rows = LabelRows()
    named = caption_objects(records.table["captions"], terms).to_pylist()
    for record_id, labels in zip(records.record_ids.to_pylist(), named, strict=True):
        rows.image(record_id)
        for label in labels or ():
            rows.add(record_id, label)
    return rows.done()
