"""What a model's own manifest says it was trained on, against what an audit takes it to be trained on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from memometer.data.records import Records
from memometer.errors import DamagedError
from memometer.sealing import read_sealed_json
from memometer.storage.paths import path_of

__all__ = ["model_notes", "training_notes"]


def model_notes(
    model: dict[str, Any],
    records: Records,
    *,
    name: Literal["target", "reference"],
    trained: Iterable[str | None],
    unseen: Iterable[str | None],
) -> list[str]:
    """What was guessed about a model, as ``manifest.json`` describes it, and its `training_notes`; no role is None."""
    known = [[role for role in roles if role is not None] for roles in (trained, unseen)]
    guessed = [f"{name}: {text}" for text in model["warnings"]]
    return guessed + training_notes(model["spec"], records, name=name, trained=known[0], unseen=known[1])


def training_notes(
    spec: str, records: Records, *, name: str, trained: Iterable[str], unseen: Iterable[str]
) -> list[str]:
    """Sentences on a model that ``memometer train`` made on other roles of these records than the audit expects.

    Only of a folder that ``memometer train`` wrote, from the same folder of records, this is known; of any other model
    nothing is said. It is a note, not an error: an audit of models trained on neither set is how a measure is
    calibrated.

    Args:
        spec: what names the model.
        records: the records of the audit.
        name: ``"target"`` or ``"reference"``.
        trained: the roles that it should have been trained on.
        unseen: the roles that it should not.
    """
    manifest = _manifest(spec)
    data = manifest.get("records")
    if not isinstance(data, dict) or path_of(str(data.get("path"))).resolve() != path_of(records.folder).resolve():
        return []
    seen = _roles(data)
    lines = []
    expected = _split(trained)
    missed = [role for role in expected if seen is not None and role not in seen]
    leaked = [role for role in _split(unseen) if seen is None or role in seen]
    if missed or leaked:
        said = "all of these records" if seen is None else f"{' and '.join(seen)} of these records"
        wrong = [
            f"it should know {' and '.join(missed)}" if missed else "",
            f"it should never have seen {' and '.join(leaked)}" if leaked else "",
        ]
        lines.append(
            f"{name}: {spec} was trained on {said}, says its manifest, but as a {name} "
            f"{', and '.join(filter(None, wrong))}: its scores do not mean what they should; were models or roles "
            "exchanged?"
        )
    without = data.get("without")
    if isinstance(without, dict) and expected:
        lines.append(
            f"{name}: {spec} was trained without {without.get('n', 0):,} of these records ({without.get('path')}), "
            "which are scored like the others of their role"
        )
    return lines


def _manifest(spec: str) -> dict[str, Any]:
    """The manifest beside the weights, when ``memometer train`` wrote it."""
    scheme, _, place = spec.partition(":")
    path = Path(place) / "manifest.json"
    if scheme not in ("open_clip", "ssl") or not path.is_file():
        return {}
    try:
        manifest = read_sealed_json(path)
    except (DamagedError, OSError):  # somebody else's file, or one that loading the model has complained about
        return {}
    return manifest if manifest.get("kind") == "training" else {}


def _roles(data: dict[str, Any]) -> list[str] | None:
    """The roles trained on; None for all records."""
    role = data.get("role")
    if role is None:
        return None
    return _split(map(str, role) if isinstance(role, list) else [str(role)])


def _split(roles: Iterable[str]) -> list[str]:
    """Single roles; several may be joined by commas, as in `Records.with_role`."""
    return [name.strip() for role in roles for name in role.split(",")]
