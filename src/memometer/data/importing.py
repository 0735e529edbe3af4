"""The import: a source → ``records.parquet``, ``rejects.parquet`` and ``import.json``; a killed one goes on."""

import contextlib
import dataclasses
import hashlib
import os.path
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from memometer import __version__
from memometer.data.assembling import Parts, has_values, write_records, write_rejects
from memometer.data.beside import VOCABULARY, noted_files
from memometer.data.findings import Findings, commonest
from memometer.data.sources.base import Plan, Reader
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.recognise import open_source, place_of
from memometer.data.sources.surroundings import Surroundings, surroundings
from memometer.data.sources.uids import load_uids, unmet_remark
from memometer.data.summary import ImportSummary, check_rejects, why_rejected
from memometer.data.verifying import PieceJob, name_piece, verify_piece
from memometer.engines.pool import map_ordered
from memometer.errors import InputError, SourceError
from memometer.files import atomic_path, clear_leftovers, hash_file, hash_json
from memometer.locking import writes
from memometer.progress import notice, progress_bar
from memometer.sealing import read_sealed_json, write_sealed_json
from memometer.storage.addresses import is_remote
from memometer.storage.reading import stored
from memometer.tables import read_table

__all__ = ["import_records"]


@writes("out")
def import_records(
    source: str | Path,
    out: str | Path,
    *,
    options: ReaderOptions = ReaderOptions(),  # noqa: B008 (frozen)
    objects: Literal["auto", "source", "captions"] = "auto",
    vocabulary: str | Path | None = None,
    max_rejects: float = 0.05,
    limit: int | None = None,
    workers: int = 0,
    overwrite: bool = False,
) -> ImportSummary:
    """Imports a source into the folder ``out``. The same source and options give the same bytes, whatever ``workers``.

    A second run of a finished import is free; one that was killed goes on with the piece where it was.

    Args:
        source: tar shards, CSV, TSV, Parquet, Arrow, JSON lines, COCO (folder or JSON), an image folder; a glob or
            {0..8}; a data set, hf:OWNER/NAME@REVISION or hf-disk:FOLDER; karpathy:dataset.json, or any FORMAT:SOURCE;
            s3://BUCKET/FOLDER/, gs://… or hf://… with shards or tables, which are read where they are.
        out: the folder to write the records to.
        options: how to read the source.
        objects: objects are the source's own labels (``source``), the nouns of the captions, or (``auto``) labels if it
            has any, else, given a vocabulary, the nouns.
        vocabulary: terms and their word forms, to find objects in captions; kept beside the records as
            ``vocabulary.tsv``. By default a built-in one where nouns are asked for.
        max_rejects: the share of rejected records beyond which the import stops.
        limit: import the first records only, for a first look.
        workers: processes that decode; 0 works in this one.
        overwrite: replace other records in OUT.

    Raises:
        SourceError: the source cannot be read as asked, or holds no record.
        RejectsError: more than ``max_rejects`` of the records were rejected; ``rejects.parquet`` says why.
        InputError: ``out`` holds other records, or the options contradict each other.
        OSError: a file vanished, or a disk is full; the same call goes on where it was.
        JobError: a worker died.
    """
    folder = Path(os.path.abspath(out))  # noqa: PTH100 (keeps links)
    _check(folder, objects=objects, vocabulary=vocabulary, max_rejects=max_rejects, limit=limit)
    reader = open_source(source, options)
    nouns = _noun_finder(objects, vocabulary)
    stamp, n_files = _stamp(reader)
    optional: dict[str, str] = {} if options.captions_required else {"captions": options.captions}
    uids = None if options.uids is None else os.path.abspath(options.uids)  # noqa: PTH100 (keeps links)
    if uids is not None:
        load_uids(uids)
        optional["uids"] = hash_file(Path(uids))
    pieces_key = hash_json([__version__, reader.format, _settings(reader) | optional, stamp, limit])
    key = hash_json([pieces_key, objects, hash_file(Path(vocabulary)) if vocabulary else None])
    scratch = folder / ".import" / pieces_key
    finished = None if overwrite else _finished(folder)
    if not overwrite and finished is not None and finished["key"] == key:
        notice(f"{folder} already holds this import; nothing to do (--overwrite does it again)")
        shutil.rmtree(folder / ".import", ignore_errors=True)  # of a run that was killed at its very end
        return ImportSummary.from_json(finished["summary"], folder=folder)
    if not overwrite and (finished is not None or ((folder / "records.parquet").exists() and not scratch.exists())):
        raise InputError(
            f"{folder} already holds other records; choose another --out, or replace them with --overwrite"
        )

    plan = _plan(reader, scratch, folder)
    around = surroundings(place_of(str(source)), reader, out=folder)
    remarks = (*plan.remarks, *around.remarks)
    for remark in remarks:
        notice(remark)
    jobs = _jobs(reader, plan, scratch, folder, limit=limit, captions_required=options.captions_required, uids=uids)
    for name in ("import.json", "records.parquet", "rejects.parquet"):
        (folder / name).unlink(missing_ok=True)
    parts = _verify(jobs, limit=limit, workers=workers)
    findings, found = _findings(
        plan, jobs[: len(parts.records)], around, folder=folder, uids=uids if limit is None else None
    )
    for remark in found:
        notice(remark)
    reasons = _write_rejects(parts, scratch, folder, max_rejects=max_rejects)
    if not parts.keep.any():
        raise SourceError(
            f"{source} was read as {reader.format} and holds no record that can be used"
            f"{why_rejected(reasons, folder / 'rejects.parquet')}; "
            "--format names another kind"
        )
    objects_from = _objects_from(parts, objects, has_nouns=nouns is not None)
    finder = nouns if objects_from == "captions" else None
    counts = write_records(parts, scratch / "records.parquet", caption_objects=finder)
    summary = ImportSummary(
        folder=str(folder),
        source=str(source),
        format=reader.format,
        n_files=n_files,
        n_rejected=sum(reasons.values()),
        reasons=reasons,
        objects_from=objects_from,
        left_aside=commonest(findings.aside),
        remarks=(*remarks, *found),
        boxes=commonest(findings.boxes),
        n_constant=findings.n_constant,
        **counts.summary(),
    )
    _keep_vocabulary(vocabulary, folder, overwrite=overwrite)
    (scratch / "records.parquet").replace(folder / "records.parquet")
    # Last, for it marks the import as finished. It holds no time: equal imports are equal bytes.
    settings = {"paths": list(reader.paths[:1000]), **_settings(reader), **optional, "objects": objects, "limit": limit}
    content = {"key": key, "memometer": __version__, "settings": settings, "summary": summary.to_json()}
    files = noted_files(folder, [VOCABULARY])
    write_sealed_json(folder / "import.json", {**content, **({"files": files} if files else {})})
    shutil.rmtree(folder / ".import")
    return summary


def _check(folder: Path, *, objects: str, vocabulary: str | Path | None, max_rejects: float, limit: int | None) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; --out names the folder to write the records to")
    if (folder / "records.parquet").is_dir():
        raise InputError(f"{folder}/records.parquet is a folder, which no import writes; choose another --out")
    if objects not in {"auto", "source", "captions"}:
        raise InputError(f"objects come from 'auto', 'source' or 'captions'; got '{objects}'")
    if vocabulary is not None and not Path(vocabulary).is_file():
        raise InputError(f"there is no vocabulary at {vocabulary}; expected a file of terms and their word forms")
    if not 0 <= max_rejects <= 1:
        raise InputError(f"the share of rejects allowed is {max_rejects}; expected 0 to 1, e.g. --max-rejects 0.05")
    if limit is not None and limit < 1:
        raise InputError(f"the limit is {limit}; expected 1 record or more")


def _noun_finder(objects: str, vocabulary: str | Path | None) -> Callable[[Any], Any] | None:
    """Captions → objects by a vocabulary, read now so that a bad file stops the import before its long part."""
    if vocabulary is None and objects != "captions":
        return None
    from memometer.objects.nouns import caption_objects
    from memometer.objects.vocabulary import default_vocabulary, load_vocabulary

    terms = default_vocabulary() if vocabulary is None else load_vocabulary(Path(vocabulary))
    return lambda captions: caption_objects(captions, terms)


def _settings(reader: Reader) -> dict[str, Any]:
    """A reader's options, without its paths, and without whether captions are required, which holds for any reader.

    Options that are not used are left out, so that imports keep their keys when others come.
    """

    def used(settings: dict[str, Any]) -> dict[str, Any]:
        found = {name: used(value) if isinstance(value, dict) else value for name, value in settings.items()}
        return {name: value for name, value in found.items() if value is not None and value not in ((), {}, "")}

    settings = used(dataclasses.asdict(reader))
    return {name: value for name, value in settings.items() if name not in {"paths", "captions_required", "remarks"}}


def _stamp(reader: Reader) -> tuple[str, int]:
    """A hash of the path, size and time of every file of the source, and their number."""
    digest, n_files = hashlib.blake2b(digest_size=16), 0
    for path in reader.files():
        try:
            if is_remote(str(path)):
                there = stored(str(path))
                state = f"{there.size}\0{there.version}"
            else:
                status = os.stat(path)  # noqa: PTH116 (many files)
                state = f"{status.st_size}\0{status.st_mtime_ns}"
        except FileNotFoundError:
            state = "missing"  # a link to nowhere, in a folder of images: it will be a reject
        digest.update(os.fsencode(f"{path}\0{state}\n"))
        n_files += 1
    return digest.hexdigest(), n_files


def _finished(folder: Path) -> dict[str, Any] | None:
    """What ``import.json`` says, where a finished import left one.

    Raises:
        DamagedError: it is not what was written.
    """
    if not (folder / "import.json").is_file() or not (folder / "records.parquet").exists():
        return None
    advice = "restore it from a copy, or import again with --overwrite"
    content = read_sealed_json(folder / "import.json", advice=advice)
    return content if {"key", "summary"} <= content.keys() else None


def _plan(reader: Reader, scratch: Path, folder: Path) -> Plan:
    scratch.mkdir(parents=True, exist_ok=True)
    clear_leftovers(scratch)
    try:
        return reader.plan(scratch)
    except SourceError:
        shutil.rmtree(scratch)  # else the next run would take it for a killed import's
        with contextlib.suppress(OSError):  # in use by another import, or not empty
            scratch.parent.rmdir()
            folder.rmdir()
        raise


def _jobs(
    reader: Reader,
    plan: Plan,
    scratch: Path,
    folder: Path,
    *,
    limit: int | None,
    captions_required: bool,
    uids: str | None,
) -> list[PieceJob]:
    light = dataclasses.replace(reader, paths=())  # the paths of thousands of shards need not go to the workers
    names = [f"{number:06d}" for number in range(len(plan.pieces))]
    return [
        PieceJob(
            reader=light,
            piece=piece,
            records=scratch / f"{name}.records.parquet",
            rejects=scratch / f"{name}.rejects.parquet",
            folder=str(folder),
            limit=limit,
            captions_required=captions_required,
            uids=uids,
        )
        for name, piece in zip(names, plan.pieces, strict=True)
    ]


def _verify(jobs: list[PieceJob], *, limit: int | None, workers: int) -> Parts:
    """Runs the pieces that are not done yet, as many as the limit takes."""
    n_pending = sum(not job.records.exists() for job in jobs)
    if n_pending < len(jobs):
        notice(f"{len(jobs) - n_pending:,} of {len(jobs):,} pieces were done by an earlier run")
    n_records, n_pieces = 0, 0
    results = map_ordered(verify_piece, jobs, workers=min(workers, n_pending), name=name_piece)
    with progress_bar("importing", total=len(jobs), unit="pieces") as advance:
        for found in results:
            n_records, n_pieces = n_records + found, n_pieces + 1
            advance(1, note=f"{n_records:,} records")
            if limit is not None and n_records >= limit:
                break
    done = jobs[:n_pieces]
    return Parts.of([job.records for job in done], [job.rejects for job in done], limit=limit)


def _findings(
    plan: Plan, jobs: Sequence[PieceJob], around: Surroundings, *, folder: Path, uids: str | None
) -> tuple[Findings, list[str]]:
    """What the plan found, the pieces that were read, and what lies around them; and sentences on it.

    Args:
        plan: of the source.
        jobs: that were done.
        around: what lies beside what was read.
        folder: of the records.
        uids: a list of uids of which all pieces were asked; None for none.
    """
    findings = Findings(aside=Counter(plan.aside) + around.aside)
    if around.images:
        columns = [read_table(job.records, columns=["image_path"])["image_path"].to_pylist() for job in jobs]
        named = {os.path.join(folder, path) for column in columns for path in column}  # noqa: PTH118 (many paths)
        findings.aside["image of no record"] += len(around.images - named)
    pieces = [Findings.from_json(read_sealed_json(job.findings)) for job in jobs]
    for piece in pieces:
        findings.add(piece)
    unmet = None if uids is None else unmet_remark(uids, (piece.met for piece in pieces))
    return findings, [*findings.remarks(), *([] if unmet is None else [unmet])]


def _write_rejects(parts: Parts, scratch: Path, folder: Path, *, max_rejects: float) -> dict[str, int]:
    """Counts by reason; the file is written before too many rejects stop the import, for it says why they are."""
    reasons = write_rejects(parts, scratch / "rejects.parquet")
    (scratch / "rejects.parquet").replace(folder / "rejects.parquet")
    n_kept = int(parts.keep.sum())
    check_rejects(reasons, n_kept=n_kept, max_rejects=max_rejects, rejects=folder / "rejects.parquet")
    return reasons


def _objects_from(parts: Parts, objects: str, *, has_nouns: bool) -> str | None:
    labelled = has_values(parts, "objects")
    if objects == "captions" or (objects == "auto" and has_nouns and not labelled):
        if has_values(parts, "captions"):
            return "captions"
        if objects == "captions":
            raise InputError("no record has a caption that could name objects; import without --objects captions")
    return "source" if labelled else None


def _keep_vocabulary(vocabulary: str | Path | None, folder: Path, *, overwrite: bool) -> None:
    """Copies the vocabulary beside the records, where the audit looks for it."""
    if vocabulary is not None:
        with atomic_path(folder / "vocabulary.tsv") as temporary:
            shutil.copyfile(vocabulary, temporary)
    elif overwrite:
        (folder / "vocabulary.tsv").unlink(missing_ok=True)  # it belonged to the records that were replaced
