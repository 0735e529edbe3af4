"""A finished audit answers from its own folder: nothing is opened to find that nothing has changed.

An audit's key needs its models open, which takes seconds of imports. So a command that is done keeps what it was asked:
its options, and the bytes of all files that they name, in the hub's cache too. Who asks the same of the same bytes gets
the same answer. In doubt (weights by name that other libraries keep; a file that is new; more bytes than hashing is
worth) the audit itself looks.
"""

import contextlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from memometer import __version__
from memometer.errors import DamagedError
from memometer.files import hash_file, hash_json
from memometer.options import Options, flag_of
from memometer.runs.options import folder_of, place_of, spec_of, specs_of

__all__ = ["ASKED", "Question", "answer", "asked_of", "keep", "keep_answer", "kept_answer"]


class Question(Protocol):
    """Options whose answer may be there already."""

    def names(self) -> list[str]:
        """Those that the answer depends on."""
        ...

    def written(self, name: str) -> Any:
        """The value of one, as in a file."""
        ...

    def config(self) -> dict[str, Any]:
        """All of them."""
        ...


ASKED = "asked.json"
"""The file beside a run: what was asked, the run's key, and the report that was drawn."""

NO_FILES = re.compile(r"text:tfidf|naive-bayes(:\d+)?")
"""References that are made of the records alone."""

READ_FROM_RECORDS = {".parquet", ".json", ".tsv"}
"""Of a folder of records; images are known by the hashes in its table."""

SMALL, MOST = 1 << 20, 4 << 30
"""Bytes of a file beside a checkpoint that may be its log, and of all files that are hashed."""


def answer(out: Path, asked: str, *, as_json: bool) -> bool:
    """Shows the run in ``out``, if it is a whole one of what is asked; else says nothing.

    Args:
        out: the run folder.
        asked: what `asked_of` says.
        as_json: print the summary.
    """
    from memometer.audits.result import load_audit
    from memometer.cli.show import show_run
    from memometer.progress import notice

    kept = kept_answer(out, asked)
    if kept is None or not (out / "summary.json").is_file():
        return False
    try:
        audit = load_audit(out)
    except (DamagedError, OSError):
        return False  # the audit itself says what is wrong
    if kept["key"] != audit.manifest.get("key"):
        return False
    notice(f"{out} holds this audit already; nothing to do")
    drawn = kept.get("report") is not None and kept["report"] == _hash(out / "report.html")
    show_run(audit, as_json=as_json, draw=not drawn)
    if not drawn:
        keep(out, asked)
    return True


def keep(out: Path, asked: str) -> None:
    """Notes what the run in ``out`` is the answer to."""
    from memometer.sealing import read_sealed_json

    with contextlib.suppress(DamagedError, OSError):  # the next one looks for itself
        keep_answer(
            out, asked, key=read_sealed_json(out / "manifest.json").get("key"), report=_hash(out / "report.html")
        )


def kept_answer(out: Path, asked: str) -> dict[str, Any] | None:
    """What was noted of the answer in ``out``, with its ``key``; None where it is that of another question."""
    from memometer.sealing import read_sealed_json

    try:
        kept = read_sealed_json(out / ASKED)
    except (DamagedError, OSError):
        return None
    return kept if kept.get("asked") == asked and kept.get("key") is not None else None


def keep_answer(out: Path, asked: str, *, key: str | None, report: str | None = None) -> None:
    """Notes that the content of ``out``, of this key, is the answer to a question.

    Raises:
        OSError: it cannot be written.
    """
    from memometer.sealing import write_sealed_json

    write_sealed_json(out / ASKED, {"asked": asked, "key": key, "report": report})


def asked_of(options: Question) -> str | None:
    """A hash of what is asked and of all bytes that the answer depends on; None where that cannot be known cheaply."""
    files: dict[str, int | str] = {}
    budget = MOST
    try:
        for path, whole in itertools.chain.from_iterable(_files(options, name) for name in options.names()):
            size = path.stat().st_size
            budget -= size if whole else 0
            if budget < 0:
                return None
            files[str(path)] = hash_file(path) if whole else size
    except (OSError, LookupError):
        return None
    return hash_json([__version__, options.config(), files])


def _files(options: Question, name: str) -> Iterator[tuple[Path, bool]]:
    """The files that an option names, each with whether its bytes count, or its size alone.

    Raises:
        LookupError: it names none, but may mean some.
    """
    names, value = flag_of(cast("type[Options]", type(options)), name).written, options.written(name)
    if names in (spec_of, specs_of):
        for spec in [value] if isinstance(value, str) else value:
            yield from _files_of_model(spec)
    elif names in (folder_of, place_of) and value is not None:
        path = Path(value)
        here = [path] if path.is_file() else sorted(path.iterdir())
        yield from ((each, True) for each in here if each.is_file() and each.suffix in READ_FROM_RECORDS)


def _files_of_model(spec: str) -> Iterator[tuple[Path, bool]]:
    if NO_FILES.fullmatch(spec):
        return
    rest = spec.removeprefix("zero-shot:").partition(":")[2].removeprefix("local-dir:")
    paths = [Path(piece).expanduser() for piece in dict.fromkeys([rest, *re.split("[@?#]", rest)]) if piece]
    there = [path for path in paths if path.exists()]
    if not there:
        there = [_in_hub_cache(spec.removeprefix("zero-shot:"))]
    for path in there:
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.is_file())
            yield from ((each, True) for each in found if not each.name.endswith(".lock"))
        else:
            yield path, True
            for folder in (path.absolute().parent, path.absolute().parent.parent):  # the log of its training
                beside = sorted(each for each in folder.iterdir() if each.is_file() and not each.samefile(path))
                yield from ((each, each.stat().st_size <= SMALL) for each in beside)


def _in_hub_cache(spec: str) -> Path:
    """The folder of a repository of the hub that was downloaded before: it is what a model is loaded from.

    Raises:
        LookupError: it was not, or the model is of a kind that is kept elsewhere.
    """
    from memometer.annotators.loading import DETECTORS
    from memometer.encoders.hub import cached_folder, hub_cache

    scheme, _, rest = spec.partition(":")
    repository, _, revision = (rest or DETECTORS.get(scheme) or "").partition("?")[0].partition("@")
    if not repository or scheme not in {"hf", *DETECTORS}:
        raise LookupError(spec)
    try:
        folder = cached_folder(repository, revision=revision or None, cache=hub_cache())
    except ValueError:  # no name that the hub has
        folder = None
    if folder is None:
        raise LookupError(spec)
    return folder


def _hash(path: Path) -> str | None:
    return hash_file(path) if path.is_file() else None
