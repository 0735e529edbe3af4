"""What a reader must know before trusting a CLIPMem audit, in sentences."""

from typing import Any, Literal

from memometer.audits.inputs import TwoTowers
from memometer.audits.notes import duplicate_notes
from memometer.audits.trained_on import model_notes as notes_on
from memometer.data.records import Records
from memometer.embeddings import StoredVectors
from memometer.measures.clipmem.scoring import Scores

__all__ = ["model_notes", "result_notes"]


def model_notes(
    manifest: dict[str, Any], opened: dict[str, list[TwoTowers]], source: Records, roles: dict[str, str]
) -> list[str]:
    """Sentences on the models.

    Args:
        manifest: with ``targets`` and ``references`` as `describe_model` describes them.
        opened: ``"targets"`` and ``"references"`` → models.
        source: the folder's records.
        roles: subset → role.
    """
    lines = []
    sides: tuple[Literal["target", "reference"], ...] = ("target", "reference")
    for side, own, others in zip(sides, ("candidates", "independent"), ("independent", "candidates"), strict=True):
        trained, unseen = [roles.get("shared"), roles.get(own)], [roles.get(others), roles.get("external")]
        for model in manifest[f"{side}s"]:
            lines += notes_on(model, source, name=side, trained=trained, unseen=unseen)
    every = [model for each in opened.values() for model in each]
    stored = [model.spec for model in every if isinstance(model, StoredVectors)]
    if stored:
        lines.append(
            f"{len(stored)} of {len(every)} models are vectors that exist already, e.g. {stored[0]}: these have no "
            "views, so the one image vector of a record stands for the mean over its views"
        )
    hashes = [{model["identity"] for model in manifest[side]} for side in ("targets", "references")]
    if hashes[0] & hashes[1]:
        lines.append("a target and a reference are the same model, so their part of every score is 0 by construction")
    return lines


def result_notes(scores: Scores, *, config: dict[str, Any], roles: dict[str, str], n_duplicates: int) -> list[str]:
    """Sentences on the numbers.

    Args:
        scores: of all pairs.
        config: the options as resolved.
        roles: subset → role.
        n_duplicates: pairs of duplicate images across subsets.
    """
    lines = duplicate_notes(
        n_duplicates,
        "subsets: a model then knows what it should never have seen, which biases every number; split again with "
        "'memometer data split'",
    )
    if scores.rejects:
        lines.append(f"{len(scores.rejects):,} records could not be embedded and are left out; see rejects.parquet")
    if "independent" not in roles:
        lines.append(
            "no independent subset: whether pairs that the references alone know score below 0 is not checked, so a "
            "difference in quality between targets and references shows in the external subset alone"
        )
    if min(len(config["targets"]), len(config["references"])) == 1:
        lines.append(
            "one training of the target or of the reference: how scores differ between trainings is not measured; the "
            "intervals are over records, and single scores carry the chance of their training"
        )
    if config["negatives"] == "none":
        lines.append("without negatives, alignment is the bare cosine, which models place on different scales")
    if scores.span is None:
        lines.append("every raw score is 0, so normalised scores are undefined")
    return lines
