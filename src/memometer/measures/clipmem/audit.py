"""The CLIPMem audit: from pairs and trainings with and without them to a run folder (METHODS, Section 5)."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.inputs import TwoTowers
from memometer.audits.measure import Measure, Results
from memometer.audits.planted import planted_kinds
from memometer.audits.result import Audit
from memometer.audits.running import run_audit
from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.records import Records
from memometer.measures.clipmem.inputs import check_subsets, open_trainings, pairs_of
from memometer.measures.clipmem.notes import model_notes, result_notes
from memometer.measures.clipmem.options import ClipMemOptions
from memometer.measures.clipmem.schema import ClipMemSummary
from memometer.measures.clipmem.scoring import PLAIN, Pairs, Scores, embed_pairs, score_pairs
from memometer.measures.clipmem.summary import SUBSETS, samples_table, shown_items, summarise
from memometer.options import by_keyword
from memometer.runs.manifest import describe_model, describe_records, reads_images
from memometer.runs.options import several
from memometer.runs.schema import Number
from memometer.storage.paths import AnyPath

__all__ = ["ClipMem", "audit_clipmem"]

Sides = dict[str, list[TwoTowers]]


ScoredPairs = tuple[Pairs, Scores]
"""All pairs in the order of the folder, and their scores."""


class ClipMem(Measure[ClipMemOptions, Sides, ScoredPairs]):
    """How much better models align the pairs that they were trained on than models that never saw them."""

    @property
    def subsets(self) -> dict[str, str]:
        """Subset → its role, of those that are named."""
        roles = {name: getattr(self.options, name) for name in SUBSETS}
        return {name: role for name, role in roles.items() if role is not None}

    @property
    def named_roles(self) -> dict[str, str]:
        """The subsets' roles, and that of the negatives where they are a set of their own."""
        held = self.options.held_role
        return self.subsets if held in {None, self.options.external} else {**self.subsets, "negatives": str(held)}

    def parts(self) -> dict[str, Records]:
        return {name: self.source.with_role(role) for name, role in self.named_roles.items()}

    def check(self, parts: dict[str, Records]) -> list[str]:
        check_subsets(parts, self.named_roles)
        return []

    def open(self, parts: dict[str, Records]) -> tuple[Sides, dict[str, Any]]:
        asked = {"targets": several(self.options.targets), "references": several(self.options.references)}
        opened = open_trainings(asked, device=self.options.device)
        looking = reads_images(model for side in opened.values() for model in side)
        described = {
            side: [describe_model(model, spec) for model, spec in zip(each, self.options.written(side), strict=True)]
            for side, each in opened.items()
        }
        roles = self.named_roles
        return opened, {
            **described,
            "records": {name: describe_records(part, roles[name], images=looking) for name, part in parts.items()},
        }

    def score(self, parts: dict[str, Records], opened: Sides, *, store: AnyPath) -> ScoredPairs:
        held = None if self.options.held_role is None else "negatives" if "negatives" in parts else "external"
        pairs = pairs_of(self.source, parts, held=held)
        towers = {
            side: [
                embed_pairs(
                    pairs,
                    model,
                    self.options,
                    store=store,
                    name=_name(side, place, len(each)),
                    plain=side == "targets",
                )
                for place, model in enumerate(each, start=1)
            ]
            for side, each in opened.items()
        }
        return pairs, score_pairs(pairs, **towers, negatives=self.options.negatives == "cross")

    def results(
        self,
        parts: dict[str, Records],
        opened: Sides,
        scored: ScoredPairs,
        *,
        manifest: dict[str, Any],
        n_duplicates: int,
    ) -> Results:
        options, (pairs, scores), roles = self.options, scored, self.subsets
        samples = samples_table(pairs, scores, planted_kinds(self.source.folder, pairs.records.record_ids))
        numbers, curves = summarise(samples, pairs, scores, options, roles=roles)
        return Results(
            numbers={
                **{name: options.written(name) for name in ("targets", "references", "augment")},
                "n_aug": 1 if AUGMENTATIONS[options.augment] == PLAIN else options.n_aug,
                "captions": options.captions,
                "negatives": options.negatives,
                "negatives_role": options.held_role,
                "n_negatives": scores.n_negatives,
                **numbers,
            },
            samples=samples,
            gallery=shown_items(samples, pairs, size=options.gallery, images=options.images),
            rejects=_rejects(pairs, scores),
            notes=[
                *model_notes(manifest, opened, self.source, roles),
                *result_notes(scores, config=options.config(), roles=roles, n_duplicates=n_duplicates),
            ],
            curves=curves,
        )

    def untrained(self, seed: int, parts: dict[str, Records], opened: Sides) -> dict[str, Any]:
        return {"targets": self.bare(seed, "target"), "references": self.bare(seed, "reference")}

    @staticmethod
    def null_intervals(summary: ClipMemSummary) -> dict[str, Number]:
        """The candidates' differences, of expectation 0 whatever the models' quality; then their mean, which drifts."""
        own = (test for test in summary.tests if test.first == "candidates")
        tests = {f"{test.first} less {test.second}": test.number for test in own}
        return {**tests, "mean of the candidates": summary.subsets["candidates"].clipmem}


@by_keyword(ClipMemOptions)
def audit_clipmem(options: ClipMemOptions) -> Audit[ClipMemSummary]:
    """See `ClipMemOptions`."""
    return run_audit(ClipMem(options))


def _name(side: str, place: int, n: int) -> str:
    """What progress bars call a model."""
    return side[:-1] if n == 1 else f"{side[:-1]} {place}"


def _rejects(pairs: Pairs, scores: Scores) -> list[dict[str, str]]:
    places = pc.index_in(pa.array(list(scores.rejects), pa.string()), pairs.records.record_ids).to_pylist()
    sides = [pairs.subset[place].as_py() or "negatives" for place in places]
    rows = zip(scores.rejects.items(), sides, strict=True)
    return [{"record_id": record_id, "side": side, "reason": reason} for (record_id, reason), side in rows]
