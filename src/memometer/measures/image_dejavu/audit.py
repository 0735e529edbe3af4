"""The image-only déjà vu audit with two models or one: from crops to a run folder (METHODS, Sections 3 and 4)."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from memometer.audits.guards import check_disjoint, warn_of_labels
from memometer.audits.inputs import Model, open_records
from memometer.audits.measure import Results
from memometer.audits.planted import find_planted, planted_kinds
from memometer.audits.result import Audit
from memometer.audits.running import run_audit
from memometer.audits.searching import SearchMeasure
from memometer.choices import Features
from memometer.data.records import Records
from memometer.embeddings import StoredVectors, load_encoder
from memometer.encoders import ImageEncoder, has_tower
from memometer.errors import InputError
from memometer.measures.image_dejavu.direction import ImageDirection
from memometer.measures.image_dejavu.gallery import shown_items
from memometer.measures.image_dejavu.options import MIN_SIDE, ImageDejaVuOptions, is_fitted_spec
from memometer.measures.image_dejavu.records import labels_of, with_label
from memometer.measures.image_dejavu.run import ImageRun, ImageScores
from memometer.measures.image_dejavu.schema import ImageDejaVuSummary
from memometer.measures.image_dejavu.summary import compare_references, notes, summarise
from memometer.measures.image_dejavu.vectors import ImageSearch
from memometer.options import by_keyword
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.manifest import describe_records
from memometer.runs.options import spec_of
from memometer.runs.schema import Number

__all__ = ["MIN_SIDE", "ImageDejaVu", "audit_image_dejavu"]


@dataclasses.dataclass(frozen=True)
class Models:
    """The models of one audit, by name: ``target``, ``reference``, ``reference 2`` and so on.

    Attributes:
        opened: the models; None for a reference that is fitted on records.
        specs: what the user named them by.
    """

    opened: dict[str, ImageEncoder | None]
    specs: dict[str, str]


class ImageDejaVu(SearchMeasure[ImageDejaVuOptions, Models, ImageScores]):
    """Whether a crop without the foreground gives the foreground's class away."""

    @functools.cached_property
    def source(self) -> Records:
        return with_label(open_records(self.options.records), self.options.label)

    @functools.cached_property
    def public(self) -> Records:
        """The public images, of all roles."""
        return with_label(open_records(self.options.public), self.options.label)

    @functools.cached_property
    def fit(self) -> Records | None:
        """The records that references are fitted on."""
        return None if self.options.fit_role is None else self.source.with_role(self.options.fit_role)

    def check(self, parts: dict[str, Records]) -> list[str]:
        super().check(parts)
        doubts = warn_of_labels([labels_of(part) for part in parts.values()], what="labels")
        if self.fit is not None:
            check_disjoint({**self.tested(parts), "fit": self.fit})
        return doubts

    def open(self, parts: dict[str, Records]) -> tuple[Models, dict[str, Any]]:
        options, fit = self.options, self.fit
        models = {
            name: _opened(name, each, device=options.device, features=options.features)
            for name, each in self.asked.items()
        }
        return Models(models, self.specs), {
            **self.described_models(models),
            **self.described(parts, with_boxes=True),
            "fit_records": None if fit is None else describe_records(fit, options.fit_role, with_boxes=True),
            "public": describe_records(parts["public"], options.public_role, with_boxes=True),
        }

    def score(self, parts: dict[str, Records], opened: Models, *, store: Path) -> ImageScores:
        options = self.options
        search = ImageSearch(
            k=options.k,
            metric=options.metric,
            store=store,
            workers=options.workers,
            batch_size=options.batch_size,
            device=options.device,
        )
        run = ImageRun(search=search, models=opened.opened, specs=opened.specs, options=options)
        return run.score(self.tested(parts), parts["public"], self.fit)

    def results(
        self,
        parts: dict[str, Records],
        opened: Models,
        scored: ImageScores,
        *,
        manifest: dict[str, Any],
        n_duplicates: int,
    ) -> Results:
        options = self.options
        directions = [each[0] for each in scored.by_role.values()]
        resampling = {"seed": options.seed, "replicates": options.replicates}
        planted, curves = _planted(directions[0])
        numbers = summarise(options.config(), directions, n_public=len(scored.public), **resampling)
        return Results(
            numbers={
                **numbers,
                **compare_references(scored.by_role, specs=opened.specs, **resampling),
                "planted": planted,
            },
            samples=pa.concat_tables([direction.samples() for direction in directions]),
            gallery=shown_items(
                [part for part in directions if part.name != "control"],
                public=scored.public,
                public_labels=scored.public_names,
                size=options.gallery,
                images=options.images,
            ),
            rejects=pa.Table.from_pylist(scored.rejects, schema=REJECTS_SCHEMA),
            notes=notes(
                manifest, directions, test=numbers["test"], n_duplicates=n_duplicates, n_rejects=len(scored.rejects)
            ),
            curves=curves,
        )

    def untrained(self, seed: int, parts: dict[str, Records], opened: Models) -> dict[str, Any]:
        fitted = opened.opened["reference"] is None
        return {
            "target": self.bare(seed, "target"),
            "reference": opened.specs["reference"] if fitted else self.bare(seed, "reference"),
            "public": self.public,
            "label": "given",  # these records have it
            "seed": self.options.seed if fitted else seed,
        }

    def null_intervals(self, summary: ImageDejaVuSummary) -> dict[str, Number]:
        """The scores of each design, those first whose expectation is 0 whatever the models' quality."""
        designs = {"balanced": summary.balanced, "controlled": summary.controlled, "one-way": summary.scores}
        return {
            f"{design}/{name}": number
            for design, scores in designs.items()
            if scores
            for name, number in scores.items()
        }


@by_keyword(ImageDejaVuOptions)
def audit_image_dejavu(options: ImageDejaVuOptions) -> Audit[ImageDejaVuSummary]:
    """See `ImageDejaVuOptions`."""
    return run_audit(ImageDejaVu(options))


def _opened(name: str, asked: str | Model, *, device: str, features: Features) -> ImageEncoder | None:
    """The model; None for a reference that is to be fitted."""
    if is_fitted_spec(asked):
        return None
    model = load_encoder(asked, device=device, features=features) if isinstance(asked, str) else asked
    if isinstance(model, StoredVectors) or not has_tower(model, "image"):
        what = "vectors of whole images" if isinstance(model, StoredVectors) else "no image tower"
        raise InputError(
            f"the {name} '{spec_of(asked)}' has {what}, but this measure embeds crops; give a model: ssl:…, timm:…, "
            "torchvision:… or open_clip:…"
        )
    return cast("ImageEncoder", model)


def _planted(direction: ImageDirection) -> tuple[list[dict[str, Any]] | None, pa.Table | None]:
    records = direction.cropped.records
    kinds = planted_kinds(records.folder, records.record_ids)
    if kinds.null_count == len(kinds):
        return None, None
    return find_planted(
        kinds,
        {"memorization": direction.ranking, "target's confidence": direction.target.confidence},
        groups=direction.groups,
    )
