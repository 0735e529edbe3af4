"""The VL-Déjà-Vu audit with two models or one: from records and models to a run folder (METHODS, Sections 1 and 2)."""

import dataclasses
import itertools
from typing import Any, ClassVar

from memometer.audits.guards import tidied_labels, warn_of_labels
from memometer.audits.inputs import Model, open_model
from memometer.audits.measure import Results
from memometer.audits.planted import Planted
from memometer.audits.result import Audit
from memometer.audits.running import run_audit
from memometer.audits.searching import SearchMeasure
from memometer.choices import MAX_K
from memometer.data.beside import vocabulary_beside
from memometer.data.records import Records
from memometer.encoders import has_tower
from memometer.errors import InputError
from memometer.files import hash_file
from memometer.measures.vl_dejavu.asking import Setting, direction_of, labels_of
from memometer.measures.vl_dejavu.direction import Direction
from memometer.measures.vl_dejavu.gallery import build_gallery
from memometer.measures.vl_dejavu.options import DEFAULT_SWEEP, VLDejaVuOptions
from memometer.measures.vl_dejavu.planted import planted_among
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.measures.vl_dejavu.searching import Searched, fitted, prepare_public, searched_side
from memometer.measures.vl_dejavu.sensitivity import label_errors
from memometer.measures.vl_dejavu.summary import agreement, gaps_of_reference, leaking_objects, notes, summarise
from memometer.objects.sets import object_sets
from memometer.objects.vocabulary import load_vocabulary
from memometer.options import by_keyword
from memometer.report.gaps import MEASURES, SCOPES
from memometer.runs.manifest import describe_records, reads_images
from memometer.runs.schema import Number
from memometer.runs.tables import Batches
from memometer.storage.paths import AnyPath, path_of

__all__ = ["DEFAULT_SWEEP", "VLDejaVu", "audit_vl_dejavu"]


@dataclasses.dataclass(frozen=True)
class Scores:
    """What the models gave.

    Attributes:
        setting: what all roles share, with the public set.
        by_role: the target against each reference.
        planted: how well planted records are found, and the curves; None where none are.
    """

    setting: Setting
    by_role: dict[str, tuple[Direction, ...]]
    planted: Planted


class VLDejaVu(SearchMeasure[VLDejaVuOptions, dict[str, Model], Scores]):
    """Whether a caption reveals its training image's unmentioned objects."""

    says_no_null: ClassVar[bool] = False

    def check(self, parts: dict[str, Records]) -> list[str]:
        super().check(parts)
        doubts = warn_of_labels([part.table["objects"] for part in parts.values()], what="objects")
        return [*doubts, *tidied_labels(parts.values())]

    def open(self, parts: dict[str, Records]) -> tuple[dict[str, Model], dict[str, Any]]:
        options, public = self.options, parts["public"]
        models = {
            name: fitted(open_model(each, device=options.device), public, caption=options.public_caption)
            for name, each in self.asked.items()
        }
        sides = self._sides(models)
        if options.reference_role is not None and not has_tower(models["reference"], "image"):
            raise InputError(
                f"the reference '{self.specs['reference']}' has no image tower, so it was trained on no record and the "
                "roles cannot be swapped: give --control-role, records that the target never saw, in place of "
                "--reference-role"
            )
        looking = reads_images(model for name, model in models.items() if sides[name] == "images")
        terms = self._terms()
        return models, {
            **self.described_models(models),
            **self.described(parts, images=looking),
            "public": describe_records(public, options.public_role, images=looking),
            "vocabulary": None if terms is None or not terms.is_file() else hash_file(terms),
        }

    def _sides(self, models: dict[str, Model]) -> dict[str, Searched]:
        """What each model searches."""
        return {
            name: searched_side(model, asked=self.options.search, name=name, spec=self.specs[name])
            for name, model in models.items()
        }

    def _terms(self) -> AnyPath | None:
        """The file of the vocabulary; None takes the built-in one."""
        given = self.options.vocabulary
        return vocabulary_beside(self.source.folder) if given is None else path_of(given)

    def score(self, parts: dict[str, Records], opened: dict[str, Model], *, store: AnyPath) -> Scores:
        options, terms = self.options, self._terms()
        roles = self.tested(parts)
        seen = prepare_public(parts["public"], opened, options, sides=self._sides(opened), store=store)
        public = seen.records
        labels = labels_of(public, roles, k=options.k)
        setting = Setting(
            options=options,
            models=opened,
            public=seen,
            public_sets=object_sets(public.table["objects"], labels=labels, scores=public.table["scores"]),
            vocabulary=None if terms is None else load_vocabulary(terms),
            ks=tuple(sorted({options.k, *(k for k in options.sweep if k <= min(len(public), MAX_K))})),
            store=store,
        )
        by_role = {name: direction_of(setting, name, part) for name, part in roles.items()}
        planted = planted_among(by_role["forward"][0], opened["target"], options, store=store)
        return Scores(setting, by_role, planted)

    def results(
        self,
        parts: dict[str, Records],
        opened: dict[str, Model],
        scored: Scores,
        *,
        manifest: dict[str, Any],
        n_duplicates: int,
    ) -> Results:
        options, public, sides = self.options, scored.setting.public, self._sides(opened)
        directions = [each[0] for each in scored.by_role.values()]
        trained = [part for part in directions if part.name != "control"]
        planted, curves = scored.planted

        def told(name: str, part: Direction, control: Direction | None) -> dict[str, Any]:
            return {"searched": sides[name], **gaps_of_reference(part, control, options)}

        return Results(
            numbers={
                **summarise(options, directions, n_public=len(public.records)),
                "searched": sides,
                **self.beside(scored.by_role, told=told, alike=agreement),
                "planted": planted,
                "label_errors": label_errors(
                    directions,
                    public=scored.setting.public_sets,
                    public_ids=public.records.record_ids,
                    seed=options.seed,
                ),
            },
            samples=Batches(lambda: itertools.chain.from_iterable(each.samples() for each in directions)),
            gallery=build_gallery(
                trained,
                public=public.records,
                public_sets=scored.setting.public_sets,
                size=options.gallery,
                images=options.images,
            ),
            rejects=list(public.rejects),
            notes=notes(manifest, directions, n_duplicates, public.rejects, sides=sides),
            tables={
                "objects": leaking_objects(trained, scored.setting.public_sets.labels),
                "neighbors": Batches(
                    lambda: itertools.chain.from_iterable(each.nearest(public.records) for each in directions)
                ),
            },
            curves=curves,
        )

    def untrained(self, seed: int, parts: dict[str, Records], opened: dict[str, Model]) -> dict[str, Any]:
        reference = opened["reference"]
        seeing = has_tower(reference, "image")
        bare = {"target": self.bare(seed, "target"), "reference": self.bare(seed, "reference") if seeing else reference}
        return {**bare, "public": self.public, "sweep": (), "aucg_histogram": False}

    @staticmethod
    def null_intervals(summary: VLDejaVuSummary) -> dict[str, Number]:
        """The gaps of each design, those first whose expectation is 0 whatever the models' quality."""
        return {
            f"{design}/{over}/{gap}": scopes.gap(over, gap)
            for design, scopes in summary.designs().items()
            if design not in ("swapped", "control")
            for over in SCOPES
            for gap in MEASURES
        }


@by_keyword(VLDejaVuOptions)
def audit_vl_dejavu(options: VLDejaVuOptions) -> Audit[VLDejaVuSummary]:
    """See `VLDejaVuOptions`."""
    return run_audit(VLDejaVu(options))
