"""Label hygiene: synonyms and kinds become one label, rare and common labels are left out."""

import collections
import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer import __version__
from memometer.annotators.labelling import BESIDE, Labels, copy_beside, write_labelled, write_left_out
from memometer.annotators.names import Names, names_of
from memometer.data.assembling import ROW_GROUP
from memometer.data.beside import ANNOTATION, VOCABULARY, noted_files, read_annotation, vocabulary_beside
from memometer.data.records import RECORD_SCHEMA, Records, hash_records, load_records
from memometer.errors import InputError, first_of
from memometer.files import hash_file, hash_json, write_text
from memometer.locking import writes
from memometer.objects import Vocabulary, boxes_of, label_forms, label_union, load_vocabulary
from memometer.objects.lists import lengths
from memometer.objects.mapping import LabelMapping, load_mapping
from memometer.objects.vocabulary import plain_name
from memometer.objects.wordnet import WordNet, load_wordnet
from memometer.progress import notice
from memometer.sealing import write_sealed_json
from memometer.storage.paths import AnyPath

__all__ = ["TidySummary", "tidy_labels"]


@dataclasses.dataclass(frozen=True)
class TidySummary:
    """What became of the labels of records.

    Attributes:
        folder: where the records with the labels that stay are.
        source: the folder of the records.
        n_records: all of them, with labels or without.
        n_objects, n_objects_before: labels in all.
        n_without_objects, n_without_objects_before: records that have none.
        n_labels, n_labels_before: distinct labels.
        merged: label → what it became, of those that became another.
        left_out: label → the records that hold it, of those out of bounds.
        bounds: the options that are bounds.
        remarks: what of the mapping, or of WordNet, met nothing, in sentences.
        n_rejected: always 0, for no record is left out.
    """

    folder: str
    source: str
    n_records: int
    n_objects: int
    n_objects_before: int
    n_without_objects: int
    n_without_objects_before: int
    n_labels: int
    n_labels_before: int
    merged: dict[str, str]
    left_out: dict[str, int]
    bounds: dict[str, float]
    remarks: tuple[str, ...]
    n_rejected: int = 0

    def to_json(self) -> dict[str, Any]:
        """As ``annotation.json`` holds it: without the folder, so that equal labels are equal bytes."""
        content = dataclasses.asdict(self)
        del content["folder"], content["n_rejected"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any], *, folder: Path) -> "TidySummary":
        """The inverse of `to_json`."""
        return cls(**{**content, "remarks": tuple(content["remarks"]), "folder": str(folder)})


@writes("out")
def tidy_labels(
    records: str | Path,
    *,
    out: str | Path,
    mapping: str | Path | None = None,
    wordnet: str | Path | None = None,
    into: str | Path | None = None,
    min_label_count: int = 0,
    max_label_share: float = 1.0,
    overwrite: bool = False,
) -> TidySummary:
    """Merges labels of records, and leaves out those that are too rare or too common to tell anything.

    The mapping comes first, then WordNet, of the labels that the mapping does not have, then the bounds. Records all
    stay, some perhaps without a label; a caption that names what was merged goes on to name the label it became.

    Args:
        records: the folder of the records.
        out: the folder to write the records with their other labels to.
        mapping: merges synonyms: a file with a label, a tab and what it becomes on each line; a .csv has commas.
        wordnet: merges kinds: the folder of your own copy of WordNet 3.x, with index.noun and data.noun. A label
            becomes the nearest of the names of --into that it is a kind of; those names themselves stay.
        into: the names that --wordnet merges into: lvis, coco, or a file with one a line.
        min_label_count: leave out labels that fewer records hold.
        max_label_share: leave out labels that a larger share of all records hold.
        overwrite: replace other records in OUT.

    Raises:
        InputError: there is nothing to do, or ``out`` holds other records.
    """
    folder = Path(os.path.abspath(out))  # noqa: PTH100 (keeps links)
    source = load_records(records)
    if folder.resolve() == source.folder.resolve():
        raise InputError(f"{folder} holds the records themselves; choose another --out, for they stay as they are")
    if (wordnet is None) != (into is None):
        raise InputError("--wordnet and --into go together: WordNet merges labels into the names of --into; give both")
    if not (min_label_count >= 0 and 0 <= max_label_share <= 1):
        raise InputError(
            f"--min-label-count {min_label_count}, --max-label-share {max_label_share}; expected 0 or more, and 0 to 1"
        )
    bounds: dict[str, float] = {"min_label_count": min_label_count, "max_label_share": max_label_share}
    if mapping is None and wordnet is None and min_label_count <= 1 and max_label_share == 1:
        raise InputError(
            "nothing is asked for: give --mapping, --wordnet with --into, --min-label-count, or --max-label-share"
        )
    names = names_of(into)
    nouns = None if wordnet is None else load_wordnet(wordnet)
    rules = None if mapping is None else load_mapping(mapping)
    kinds = None if nouns is None or names is None else _Kinds(nouns, names)
    described: dict[str, Any] = {
        **bounds,
        "mapping": None if mapping is None else hash_file(Path(mapping)),
        "wordnet": None if nouns is None else nouns.hash,
        "into": None if names is None else names.described(),
    }
    earlier = read_annotation(source.folder)
    content = hash_records(source, RECORD_SCHEMA.names)
    key = hash_json(["tidy", __version__, described, content, noted_files(source.folder, BESIDE), earlier])
    finished = None if overwrite else read_annotation(folder)
    if finished is not None and finished.get("key") == key:
        notice(f"{folder} already holds these labels; nothing to do (--overwrite writes them again)")
        return TidySummary.from_json(finished["tidied"], folder=folder)
    if not overwrite and (finished is not None or (folder / "records.parquet").exists()):
        raise InputError(
            f"{folder} already holds other records; choose another --out, or replace them with --overwrite"
        )
    summary, becomes = _tidied(source, rules, kinds, bounds, folder)
    (folder / ANNOTATION).unlink(missing_ok=True)
    write_left_out(source, [], folder / "rejects.parquet")
    counts = write_labelled(source, _relabelled(source, becomes), folder / "records.parquet", folder=folder)
    copy_beside(source.folder, folder)
    synonyms = {} if rules is None else {rules.written[name]: target for name, target in rules.targets.items()}
    _write_vocabulary(source.folder, folder, {**synonyms, **summary.merged})
    summary = dataclasses.replace(
        summary, n_objects=counts.n_objects, n_without_objects=counts.n_without_objects, n_labels=len(counts.labels)
    )
    unknown: dict[str, Any] = {"spec": "labels of the import", "identity": None, "weights_hashes": []}
    write_sealed_json(
        folder / ANNOTATION,
        {
            "key": key,
            "memometer": __version__,
            "annotator": unknown if earlier is None else earlier["annotator"],
            "tidied": summary.to_json(),
            "tidied_by": described,
            "before": earlier,
            "files": noted_files(folder, [name for name in BESIDE if name != "split.json"]),
        },
    )
    return summary


@dataclasses.dataclass(frozen=True)
class _Kinds:
    """The names that kinds become, and what knows which are of which."""

    nouns: WordNet
    names: Names


def _tidied(
    records: Records,
    rules: LabelMapping | None,
    kinds: _Kinds | None,
    bounds: dict[str, float],
    folder: Path,
) -> tuple[TidySummary, dict[str, str | None]]:
    """What becomes of the labels, in words, and label → what it becomes, None where it is left out."""
    objects = records.table["objects"]
    labels = label_union([objects]).to_pylist()
    becomes, remarks = _becoming(labels, rules, kinds)
    flat = pc.list_flatten(objects)
    n_before = int(np.count_nonzero(lengths(objects)))
    holding = _records_holding(objects, labels, becomes)
    most = bounds["max_label_share"] * len(records)
    left_out = {name: n for name, n in holding.items() if n < bounds["min_label_count"] or n > most}
    if nulls := flat.null_count:
        remarks.append(f"{nulls:,} objects without a label are left out")
    merged = {label: target for label, target in becomes.items() if target != label}
    summary = TidySummary(
        folder=str(folder),
        source=str(records.folder),
        n_records=len(records),
        n_objects=0,
        n_objects_before=len(flat),
        n_without_objects=0,
        n_without_objects_before=len(records) - n_before,
        n_labels=0,
        n_labels_before=len(labels),
        merged=merged,
        left_out=dict(sorted(left_out.items(), key=lambda each: (-each[1], each[0]))),
        bounds=bounds,
        remarks=tuple(remarks),
    )
    return summary, {label: None if target in left_out else target for label, target in becomes.items()}


def _becoming(labels: list[str], rules: LabelMapping | None, kinds: _Kinds | None) -> tuple[dict[str, str], list[str]]:
    """Label → what it becomes, and what of the mapping and of WordNet met nothing."""
    by = {label: None if rules is None else rules.named(label) for label in labels}
    becomes = {label: label if name is None or rules is None else rules.targets[name] for label, name in by.items()}
    targets = [] if rules is None else list(rules.targets.values())
    remarks: dict[str, int | list[str]] = {}
    if rules is not None:
        met = set(by.values())
        remarks["names of the mapping are no label of the records"] = [
            written for name, written in rules.written.items() if name not in met
        ]
        remarks["lines of the mapping say what another says"] = rules.n_repeated
        remarks["names of the mapping become what it maps on: the end of the chain counts"] = rules.n_chained
    if kinds is not None:
        wanted = {plain_name(name) for name in kinds.names.names}
        senses, unknown = kinds.nouns.senses_of_all(kinds.names.names)
        free = [label for label in labels if by[label] is None and plain_name(label) not in wanted]
        found = {label: kinds.nouns.nearest(label, senses) for label in free}
        becomes |= {label: kind for label, kind in found.items() if kind is not None}
        targets += kinds.names.names
        strange = [label for label in free if kinds.nouns.sense(label) is None]
        remarks["labels are no noun of WordNet and stay"] = strange
        remarks["labels are a kind of none of the names and stay"] = [
            label for label, kind in found.items() if kind is None and label not in set(strange)
        ]
        remarks["of the names to merge into are no noun of WordNet"] = unknown
    spelled = {plain_name(target): target for target in reversed(targets)}
    said = [_counted(what, found) for what, found in remarks.items() if found]
    return {label: spelled.get(plain_name(target), target) for label, target in becomes.items()}, said


def _counted(what: str, found: int | list[str]) -> str:
    if isinstance(found, int):
        return f"{found:,} {what}"
    return f"{len(found):,} {what}: {first_of(found, 3)}"


def _records_holding(objects: pa.ChunkedArray, labels: list[str], becomes: dict[str, str]) -> dict[str, int]:
    """Label, as it becomes, → the records that hold it."""
    targets = sorted(set(becomes.values()))
    places = {target: place for place, target in enumerate(targets)}
    ids = np.array([places[becomes[label]] for label in labels], np.int64)
    flat = pc.list_flatten(objects)
    known = pc.is_valid(flat).to_numpy()
    if not known.any():
        return {}
    of_object = pc.index_in(flat.drop_null(), value_set=pa.array(labels, pa.string())).to_numpy()
    rows = _owners(objects)[known]
    pairs = np.unique(rows * len(targets) + ids[of_object])
    counts = np.bincount(pairs % len(targets), minlength=len(targets))
    return dict(zip(targets, counts.tolist(), strict=True))


def _owners(objects: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """(t,) the record of each object."""
    return np.repeat(np.arange(len(objects), dtype=np.int64), lengths(objects))


def _relabelled(records: Records, becomes: dict[str, str | None]) -> Iterator[Labels]:
    """The objects of all records under their other labels, without those that are left out."""
    labels = pa.array(list(becomes), pa.string())
    targets = pa.array(list(becomes.values()), pa.string())
    columns = [records.column(name) for name in ("objects", "boxes", "scores")]
    for start in range(0, len(records), ROW_GROUP):
        found = boxes_of(*(column.slice(start, ROW_GROUP) for column in columns))
        renamed = targets.take(pc.index_in(found.labels, value_set=labels))
        kept = dataclasses.replace(found, labels=renamed).where(pc.is_valid(renamed).to_numpy(zero_copy_only=False))
        rows = np.arange(start, start + len(kept), dtype=np.int64)
        yield Labels(rows, np.diff(kept.indptr), kept.labels, kept.scores, kept.xywh.astype(np.float32))


def _write_vocabulary(source: AnyPath, folder: Path, merged: Mapping[str, str]) -> None:
    """Adds to the vocabulary beside the records what names the labels that others became."""
    beside = vocabulary_beside(source)
    known = None if beside is None else load_vocabulary(beside)
    forms = {} if known is None else dict(known.forms)
    named: dict[str, list[str]] = collections.defaultdict(list)
    for label, target in sorted(merged.items()):
        named[target] += label_forms(label, known)
    terms = {plain_name(term): term for term in forms}
    for target, others in named.items():
        term = terms.get(plain_name(target), target)
        forms[term] = tuple(dict.fromkeys([*label_forms(target, known), *others]))
    text = Vocabulary(forms).text()
    if named and text:
        write_text(folder / VOCABULARY, text)
