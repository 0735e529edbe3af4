"""What a reader must know before trusting a CLIPMem audit, in sentences."""

from typing import Any

from memometer.audits.inputs import TwoTowers
from memometer.audits.trained_on import training_notes
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
    for side, own, others in (("target", "candidates", "independent"), ("reference", "independent", "candidates")):
        trained = [roles[name] for name in ("shared", own) if name in roles]
        unseen = [roles[name] for name in (others, "external") if name in roles]
        for model in manifest[f"{side}s"]:
            lines += [f"{side}: {text}" for text in model["warnings"]]
            lines += training_notes(model["spec"], source, name=side, trained=trained, unseen=unseen)
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
    lines = []
    if n_duplicates:
        lines.append(
            f"{n_duplicates:,} pairs of duplicate images lie across subsets: a model then knows what it should never "
            "have seen, which biases every number; split again with 'memometer data split'"
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
