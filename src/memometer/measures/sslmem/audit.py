"""The SSLMem and LayerMem audit: from records and two models to a run folder (METHODS, Section 6)."""

from typing import Any

from memometer.activations import TowerReader, open_tower
from memometer.audits.inputs import Model, open_model
from memometer.audits.measure import Results
from memometer.audits.notes import duplicate_notes
from memometer.audits.result import Audit
from memometer.audits.running import run_audit
from memometer.audits.towers import TowerMeasure, unread_notes
from memometer.audits.trained_on import model_notes
from memometer.data.records import Records
from memometer.encoders import Tower
from memometer.measures.sslmem.options import SslMemOptions
from memometer.measures.sslmem.schema import SslMemSummary
from memometer.measures.sslmem.scoring import TowerScores, check_same_layers, score_tower
from memometer.measures.sslmem.summary import (
    layer_table,
    planted_rows,
    samples_table,
    shown_items,
    summarise_towers,
)
from memometer.options import by_keyword
from memometer.runs.manifest import describe_model
from memometer.runs.options import spec_of
from memometer.runs.schema import Number
from memometer.storage.paths import AnyPath

__all__ = ["SslMem", "audit_sslmem"]

Models = dict[str, Model]
Scores = dict[Tower, list[TowerScores]]


class SslMem(TowerMeasure[SslMemOptions, Models, Scores]):
    """How much closer a model holds the views of the records that it was trained on, at every layer."""

    def parts(self) -> dict[str, Records]:
        return self.roles()

    def open(self, parts: dict[str, Records]) -> tuple[Models, dict[str, Any]]:
        options = self.options
        asked = {"target": options.target, "reference": options.reference}
        models = {name: open_model(model, device=options.device) for name, model in asked.items()}
        return models, {
            **{name: describe_model(model, spec_of(asked[name])) for name, model in models.items()},
            **self.described(parts, images=self.needs_images()),
        }

    def score(self, parts: dict[str, Records], opened: Models, *, store: AnyPath) -> Scores:
        options = self.options
        readers: dict[Tower, dict[str, TowerReader]] = {}
        for tower in self.towers:
            readers[tower] = {
                name: open_tower(model, tower, read="blocks", names=options.layers, pool=options.pool)
                for name, model in opened.items()
            }
            check_same_layers(**readers[tower])
        return {
            tower: [score_tower(name, part, readers[tower], self.plan, store=store) for name, part in parts.items()]
            for tower in readers
        }

    def results(
        self, parts: dict[str, Records], opened: Models, scored: Scores, *, manifest: dict[str, Any], n_duplicates: int
    ) -> Results:
        options = self.options
        numbers = summarise_towers(scored, options)
        planted, curves = planted_rows(scored)
        skipped, skipped_backward = numbers.pop("skipped"), numbers.pop("skipped_backward")
        backward = parts.get("backward")
        return Results(
            numbers={
                **{name: options.written(name) for name in ("target", "reference", "augment", "draws", "pool")},
                "n_records": len(parts["forward"]),
                "n_skipped": skipped,
                "backward": None if backward is None else {"n_records": len(backward), "n_skipped": skipped_backward},
                **numbers,
                "planted": planted,
            },
            samples=samples_table(scored),
            gallery=shown_items(scored, size=options.gallery, images=options.images),
            rejects=_rejects(scored),
            notes=_notes(manifest, self.source, scored, n_duplicates=n_duplicates),
            tables={"layers": layer_table(scored, options)},
            curves=curves,
        )

    def untrained(self, seed: int, parts: dict[str, Records], opened: Models) -> dict[str, Any]:
        return {"target": self.bare(seed, "target"), "reference": self.bare(seed, "reference"), "layers": None}

    @staticmethod
    def null_intervals(summary: SslMemSummary) -> dict[str, Number]:
        """The scores at each tower's output; balanced ones have an expectation of 0 whatever the models' quality."""
        return {
            f"{tower} tower, {design}": scores.sslmem
            for tower, entry in summary.towers.items()
            for design, scores in (("balanced", entry.balanced), ("forward", entry.forward))
            if scores
        }


@by_keyword(SslMemOptions)
def audit_sslmem(options: SslMemOptions) -> Audit[SslMemSummary]:
    """See `SslMemOptions`."""
    return run_audit(SslMem(options))


def _notes(
    manifest: dict[str, Any], source: Records, scores: dict[Tower, list[TowerScores]], *, n_duplicates: int
) -> list[str]:
    """What a reader must know before trusting the numbers."""
    own = [manifest["records"]["role"]]
    others = [manifest["reference_records"]["role"]] if manifest["reference_records"] else []
    lines = model_notes(manifest["target"], source, name="target", trained=own, unseen=others)
    lines += model_notes(manifest["reference"], source, name="reference", trained=others, unseen=own)
    if manifest["target"]["identity"] == manifest["reference"]["identity"]:
        lines.append("target and reference are the same model, so every score is 0 by construction")
    lines += duplicate_notes(
        n_duplicates,
        "roles: both models then know what one of them should never have seen; split again with 'memometer data split'",
    )
    if not others:
        lines.append(
            "one direction only: a score here mixes memorization with plain quality, since a model that holds all "
            "views closer together does so on anyone's records; pass --reference-role to balance the two"
        )
    for tower, parts in scores.items():
        n_scored, n = (
            sum(sizes) for sizes in zip(*((part.n_scored, len(part.records)) for part in parts), strict=True)
        )
        if n_scored < n / 2:
            lines.append(
                f"the {tower} tower scores {n_scored:,} of {n:,} records"
                + ("; it needs records with several captions, which are their views" if tower == "text" else "")
            )
    return [*lines, *unread_notes(scores)]


def _rejects(scores: dict[Tower, list[TowerScores]]) -> list[dict[str, str]]:
    return [
        {"record_id": part.records.record_ids[row].as_py(), "side": f"{part.direction}, {tower} tower", "reason": why}
        for tower, parts in scores.items()
        for part in parts
        for row, why in part.rejects.items()
    ]
