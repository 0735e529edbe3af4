"""What every audit does at its start: options become records and models, and a finished run is found again."""

from pathlib import Path

from memometer.audits.result import Audit, load_audit
from memometer.audits.searching import Model
from memometer.data.records import Records, load_records
from memometer.embeddings import load_encoder
from memometer.errors import InputError
from memometer.progress import notice

__all__ = ["as_model", "as_records", "finished_audit", "folder_of", "spec_of"]


def as_records(source: str | Path | Records) -> Records:
    """Records as given, or loaded from their folder."""
    return source if isinstance(source, Records) else load_records(source)


def folder_of(source: str | Path | Records) -> str:
    """What names the records' folder in ``config.toml``."""
    return str(source.folder if isinstance(source, Records) else source)


def as_model(model: str | Model, *, device: str) -> Model:
    """A model as given, or loaded from its specification."""
    return load_encoder(model, device=device) if isinstance(model, str) else model


def spec_of(model: str | Model) -> str:
    """What names a model: its specification, or its identity."""
    return model if isinstance(model, str) else str(getattr(model, "spec", None) or model.identity)


def finished_audit(out: Path, key: str, *, overwrite: bool) -> Audit | None:
    """The audit in ``out`` when it is this very one.

    Raises:
        InputError: ``out`` holds another audit, and ``overwrite`` is not set.
    """
    if not (out / "summary.json").exists():
        return None
    audit = load_audit(out)
    if audit.manifest.get("key") == key:
        notice(f"{out} holds this audit already; nothing to do")
        return audit
    if overwrite:
        return None
    raise InputError(f"{out} holds another audit; choose another --out, or pass --overwrite to replace it")
