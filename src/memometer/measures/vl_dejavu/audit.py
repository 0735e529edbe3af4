"""The VL-Déjà-Vu audit with two models or one: from records and models to a run folder (METHODS, Sections 1 and 2)."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from memometer.audits.guards import warn_of_labels
from memometer.audits.inputs import Model, open_model
from memometer.audits.measure import Results
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
from memometer.measures.vl_dejavu.searching import PublicSet, Searched, fitted, prepare_public, searched_side
from memometer.measures.vl_dejavu.summary import compare_references, leaking_objects, notes, summarise
from memometer.objects.sets import object_sets
from memometer.objects.vocabulary import load_vocabulary
from memometer.options import by_keyword
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.manifest import describe_records, reads_images
from memometer.runs.schema import Number

__all__ = ["DEFAULT_SWEEP", "VLDejaVu", "audit_vl_dejavu"]


@dataclasses.dataclass(frozen=True)
class Models:
    """The models of one audit, by name: ``target``, ``reference``, ``reference 2`` and so on.

    Attributes:
        opened: the models.
        specs: what the user named them by.
        sides: what each one searches.
    """

    opened: dict[str, Model]
    specs: dict[str, str]
    sides: dict[str, Searched]


@dataclasses.dataclass(frozen=True)
class Scores:
    """What the models gave.

    Attributes:
        setting: what all roles share, with the public set.
        labels: all there are.
        by_role: the target against each reference.
        planted: how well planted records are found, and the curves; None where none are.
    """

    setting: Setting
    labels: pa.Array
    by_role: dict[str, tuple[Direction, ...]]
    planted: tuple[list[dict[str, Any]] | None, pa.Table | None]

    @property
    def public(self) -> PublicSet:
        """The public set as the models see it."""
        return self.setting.public


class VLDejaVu(SearchMeasure[VLDejaVuOptions, Models, Scores]):
    """Whether a caption reveals its training image's unmentioned objects."""

    says_no_null: ClassVar[bool] = False

    def check(self, parts: dict[str, Records]) -> list[str]:
        super().check(parts)
        return warn_of_labels([part.table["objects"] for part in parts.values()], what="objects")

    def open(self, parts: dict[str, Records]) -> tuple[Models, dict[str, Any]]:
        options, public, specs = self.options, parts["public"], self.specs
        models = {
            name: fitted(open_model(each, device=options.device), public, caption=options.public_caption)
            for name, each in self.asked.items()
        }
        sides = {
            name: searched_side(model, asked=options.search, name=name, spec=specs[name])
            for name, model in models.items()
        }
        if options.reference_role is not None and not has_tower(models["reference"], "image"):
            raise InputError(
                f"the reference '{specs['reference']}' has no image tower, so it was trained on no record and the "
                "roles cannot be swapped: give --control-role, records that the target never saw, in place of "
                "--reference-role"
            )
        looking = reads_images(model for name, model in models.items() if sides[name] == "images")
        terms = self._terms()
        return Models(models, specs, sides), {
            **self.described_models(models),
            **self.described(parts, images=looking),
            "public": describe_records(public, options.public_role, images=looking),
            "vocabulary": None if terms is None or not terms.is_file() else hash_file(terms),
        }

    def _terms(self) -> Path | None:
        """The file of the vocabulary; None takes the built-in one."""
        given = self.options.vocabulary
        return vocabulary_beside(self.source.folder) if given is None else Path(given)

    def score(self, parts: dict[str, Records], opened: Models, *, store: Path) -> Scores:
        options, terms = self.options, self._terms()
        roles = self.tested(parts)
        words = None if terms is None else load_vocabulary(terms)
        seen = prepare_public(
            parts["public"],
            opened.opened,
            sides=opened.sides,
            caption=options.public_caption,
            store=store,
            workers=options.workers,
            batch_size=options.batch_size,
            device=options.device,
        )
        public = seen.records
        labels = labels_of(public, roles, k=options.k)
        setting = Setting(
            models=opened.opened,
            public=seen,
            public_sets=object_sets(public.table["objects"], labels=labels, scores=public.table["scores"]),
            vocabulary=words,
            k=options.k,
            ks=tuple(sorted({options.k, *(k for k in options.sweep if k <= min(len(public), MAX_K))})),
            caption=options.caption,
        )
        by_role = {name: direction_of(setting, name, part) for name, part in roles.items()}
        planted = planted_among(
            by_role["forward"][0],
            opened.opened["target"],
            store=store,
            workers=options.workers,
            batch_size=options.batch_size,
        )
        return Scores(setting, labels, by_role, planted)

    def results(
        self, parts: dict[str, Records], opened: Models, scored: Scores, *, manifest: dict[str, Any], n_duplicates: int
    ) -> Results:
        options, public = self.options, scored.public
        directions = [each[0] for each in scored.by_role.values()]
        trained = [part for part in directions if part.name != "control"]
        resampling = {"seed": options.seed, "replicates": options.replicates}
        planted, curves = scored.planted
        return Results(
            numbers={
                **summarise(
                    self.options.config(),
                    directions,
                    n_public=len(public.records),
                    histogram=options.aucg_histogram,
                    **resampling,
                ),
                "searched": opened.sides,
                **compare_references(scored.by_role, specs=opened.specs, sides=opened.sides, **resampling),
                "planted": planted,
            },
            samples=pa.concat_tables([direction.samples() for direction in directions]),
            gallery=build_gallery(
                trained,
                public=public.records,
                public_sets=scored.setting.public_sets,
                size=options.gallery,
                images=options.images,
            ),
            rejects=pa.Table.from_pylist(list(public.rejects), schema=REJECTS_SCHEMA),
            notes=notes(manifest, directions, n_duplicates, public.rejects, sides=opened.sides),
            tables={"objects": leaking_objects(trained, scored.labels)},
            curves=curves,
        )

    def untrained(self, seed: int, parts: dict[str, Records], opened: Models) -> dict[str, Any]:
        reference = opened.opened["reference"]
        seeing = has_tower(reference, "image")
        bare = {"target": self.bare(seed, "target"), "reference": self.bare(seed, "reference") if seeing else reference}
        return {**bare, "public": self.public, "sweep": (), "aucg_histogram": False}

    def null_intervals(self, summary: VLDejaVuSummary) -> dict[str, Number]:
        """The gaps of each design, those first whose expectation is 0 whatever the models' quality."""
        designs = {"balanced": summary.balanced, "controlled": summary.controlled, "one-way": summary.gaps}
        return {
            f"{design}/{over}/{gap}": number
            for design, scopes in designs.items()
            if scopes
            for over, gaps in scopes.items()
            for gap, number in gaps.items()
        }


@by_keyword(VLDejaVuOptions)
def audit_vl_dejavu(options: VLDejaVuOptions) -> Audit[VLDejaVuSummary]:
    """See `VLDejaVuOptions`."""
    return run_audit(VLDejaVu(options))
