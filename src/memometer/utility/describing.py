"""What a measurement of utility was made of, and what a reader must know of it."""

from collections.abc import Sequence
from typing import Any

from memometer.audits.inputs import Model
from memometer.audits.trained_on import training_notes
from memometer.data.records import Records, hash_records
from memometer.runs.manifest import describe_model, describe_records, reads_images
from memometer.runs.options import spec_of
from memometer.utility.subject import Subject
from memometer.utility.truth import known_labels, unmatched_note
from memometer.utility.vectors import sorted_records

__all__ = ["describe", "notes_on", "without_places"]


def describe(
    towers: Sequence[Model], subject: Subject, *, roles: dict[str, str | None], templates: tuple[str, ...]
) -> dict[str, Any]:
    """Hashes of weights and data, the classes and the templates.

    Args:
        towers: the models.
        subject: what they are measured on.
        roles: of the records, ``test`` and ``probe``.
        templates: of the prompts.
    """
    sides = {"test": subject.records} | ({} if subject.train is None else {"probe": sorted_records(subject.train)})
    classes = subject.classes
    looking = reads_images(towers)
    return {
        "models": [describe_model(model, spec_of(model)) for model in towers],
        "records": {
            side: {**describe_records(part, roles[side], images=looking), "labels_hash": hash_records(part, ["label"])}
            for side, part in sides.items()
        },
        "classes": None if classes is None else dict(zip(classes.names, classes.words, strict=True)),
        "class_order": None if classes is None else list(classes.names),
        "templates": None if classes is None else list(templates),
    }


def without_places(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest without the names of files and folders, which change no number."""
    return {
        **manifest,
        "models": [{key: value for key, value in each.items() if key != "spec"} for each in manifest["models"]],
        "records": {
            side: {key: value for key, value in each.items() if key != "path"}
            for side, each in manifest["records"].items()
        },
    }


def notes_on(
    towers: Sequence[Model], subject: Subject, *, numbers: dict[str, dict[str, Any]], source: Records, role: str | None
) -> list[str]:
    """What was guessed about the models, classes that no record has, training on the records under test.

    Args:
        towers: the models.
        subject: what they are measured on.
        numbers: of the parts that were asked for.
        source: all records of the folder under test.
        role: of those under test.
    """
    notes = [f"{spec_of(model)}: {text}" for model in towers for text in getattr(model, "warnings", ())]
    if role is not None:
        spec = spec_of(towers[0])
        notes += training_notes(spec, source, name="model", trained=(), unseen=[role])
    for part, what in (("zero_shot", "zero-shot"), ("linear_probe", "linear probe")):
        missing = numbers.get(part, {}).get("classes_without_positives", [])
        labels = known_labels(subject.records, subject.task) if missing else []
        note = unmatched_note(missing, labels, what=what)
        notes += [note] if note else []
    return list(dict.fromkeys(notes))
