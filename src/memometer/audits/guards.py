"""Guards against sets that overlap: a record in two of them makes every number wrong."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.beside import ANNOTATION, read_annotation
from memometer.data.duplicates import NEAR_DISTANCE, find_duplicates
from memometer.data.records import Records, hash_records
from memometer.equal_texts import places_among
from memometer.errors import DamagedError, InputError, first_of
from memometer.files import hash_json
from memometer.progress import notice, warn
from memometer.sealing import read_sealed_json, write_sealed_json
from memometer.storage.paths import AnyPath, StorePath, path_of

__all__ = [
    "check_annotators",
    "check_disjoint",
    "check_images",
    "check_public",
    "duplicates_across_roles",
    "tidied_labels",
    "warn_of_labels",
]


def check_public(n: int, *, k: int, what: str = "images") -> None:
    """Passes where the public set has k images or more.

    Raises:
        InputError: it has fewer, or none.
    """
    if not n:
        raise InputError(f"the public set has no {what}; name another --public-role, or import some")
    if n < k:
        fewer = "--k 1" if n == 1 else f"--k {n} or fewer"
        raise InputError(f"public set has {n:,} {what}, fewer than k = {k}; pass {fewer}, or more public images")


def check_disjoint(parts: dict[str, Records]) -> None:
    """Raises InputError when two parts of the same folder share a record.

    Ids of different folders may be equal by chance (two sources that count from 0), so there images alone decide:
    `duplicates_across_roles`.
    """
    for (name, left), (other, right) in itertools.combinations(parts.items(), 2):
        if path_of(left.folder).resolve() != path_of(right.folder).resolve():
            continue
        shared = left.record_ids.filter(pa.array(places_among(left.record_ids, right.record_ids) >= 0))
        if len(shared):
            raise InputError(
                f"{len(shared):,} records, e.g. '{shared[0].as_py()}', are both under test ({name}) and in the {other} "
                "set; the sets must be disjoint: assign roles with 'memometer data split' and pass --role, "
                "--reference-role and --public-role"
            )


def check_annotators(target: Mapping[str, Any] | None, parts: Iterable[Records]) -> None:
    """Passes where the model under test is none of those that labelled the records: it would mark its own work.

    Args:
        target: what the manifest says of the model.
        parts: the records of the audit.

    Raises:
        InputError: it labelled the objects of a part.
    """
    weights = None if target is None else target.get("weights_hash")
    for folder in _folders(parts):
        annotation = read_annotation(folder)
        if weights is None or annotation is None or weights not in annotation["annotator"]["weights_hashes"]:
            continue
        raise InputError(
            f"the objects of {folder} are what {annotation['annotator']['spec']} found in the images, and that is the "
            "model under test; label the records with another model: 'memometer annotate'"
        )


def _folders(parts: Iterable[Records]) -> list[AnyPath]:
    """The folders that records are of, each once, those of stores last."""
    return sorted({path_of(part.folder) for part in parts}, key=lambda folder: (isinstance(folder, StorePath), folder))


def check_images(parts: dict[str, Records]) -> None:
    """Raises InputError when a part has no image at all, for untrained models have no vectors that exist already."""
    for name, part in parts.items():
        if part.column("image_path").null_count == len(part):
            raise InputError(
                f"--null embeds the records with untrained models, but those of the {name} set have no images; import "
                "them with images, or leave --null out"
            )


def doubtful_labels(columns: Sequence[pa.ChunkedArray | pa.Array], *, what: str) -> list[str]:
    """Why labels are probably none: numbers of shards or classes, or one name that all records share.

    Args:
        columns: labels of each part, texts or lists of texts.
        what: they are, in words, e.g. ``"objects"``.

    >>> doubtful_labels([pa.array([["00000"], ["00001", "00000"]])], what="objects")[0].partition(":")[0]
    'all objects are numbers, e.g. 00000'
    """
    flat = [pc.list_flatten(column) if pa.types.is_nested(column.type) else column for column in columns]
    distinct = [name for name in pc.unique(pa.chunked_array(flat, pa.string())).to_pylist() if name is not None]
    advice = "import again with --class-names FILE, or with --label-from none"
    if distinct and all(name.strip().isdigit() for name in distinct):
        of = "of shards, or of classes without names, of which no audit can say what was memorized"
        return [f"all {what} are numbers, e.g. {min(distinct)}: {of}; {advice}"]
    if len(distinct) == 1:
        return [f"every record has the same single one of {what}, '{distinct[0]}', which tells nothing; {advice}"]
    return []


def warn_of_labels(columns: Sequence[pa.ChunkedArray | pa.Array], *, what: str) -> list[str]:
    """`doubtful_labels`, said before anything else."""
    doubts = doubtful_labels(columns, what=what)
    for doubt in doubts:
        warn(doubt)
    return doubts


def tidied_labels(parts: Iterable[Records]) -> list[str]:
    """What ``memometer objects tidy`` did to the labels of the records, a sentence for each folder.

    Args:
        parts: the records of the audit.
    """
    notes = []
    for folder in _folders(parts):
        tidied = (read_annotation(folder) or {}).get("tidied")
        if tidied is None:
            continue
        merged, left_out = tidied["merged"], tidied["left_out"]
        into = f"merged into {len(set(merged.values())):,}"
        said = [
            *([f"{len(merged):,} labels are {into}"] if merged else []),
            *(
                [f"{len(left_out):,} are left out as too rare or too common ({first_of(list(left_out), 5)})"]
                if left_out
                else []
            ),
        ]
        if said:
            notes.append(f"labels of {folder} were tidied: {'; '.join(said)}; see {folder / ANNOTATION}")
    return notes


def duplicates_across_roles(parts: dict[str, Records], *, store: AnyPath | None = None) -> dict[str, Any]:
    """Pairs of exact or near-duplicate images whose records lie in different parts: ``{"n", "pairs"}``.

    Args:
        parts: the records of each role.
        store: a folder of stages, where the answer is kept for these very images; None keeps none.
    """
    hashes = [[name, hash_records(part, ("record_id", "image_hash", "image_phash"))] for name, part in parts.items()]
    path = None if store is None else store / "duplicates" / f"{hash_json([hashes, NEAR_DISTANCE])}.json"
    if path is not None and path.is_file():
        try:
            return read_sealed_json(path)
        except DamagedError as error:
            notice(f"{error.fault}; it is made again")
    tables = [part.with_column("role", pa.repeat(name, len(part))).table for name, part in parts.items()]
    merged = Records(table=pa.concat_tables(tables), folder=next(iter(parts.values())).folder)
    pairs = find_duplicates(merged).across_roles()
    first = pairs.slice(0, 20).to_pylist()
    found = {"n": pairs.num_rows, "pairs": [[row["record_id_1"], row["record_id_2"]] for row in first]}
    if path is not None:
        write_sealed_json(path, found)
    return found
