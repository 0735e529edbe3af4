"""The image-only déjà vu audit with two models or one: from crops to a run folder (METHODS, Sections 3 and 4)."""

import functools
from typing import Any, cast

import pyarrow as pa

from memometer.audits.guards import check_disjoint, tidied_labels, warn_of_labels
from memometer.audits.inputs import Model, open_records
from memometer.audits.measure import Results
from memometer.audits.planted import planted_in
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
from memometer.measures.image_dejavu.summary import agreement, notes, scores_of_reference, summarise
from memometer.options import by_keyword
from memometer.runs.manifest import describe_records
from memometer.runs.options import spec_of
from memometer.runs.schema import Number
from memometer.storage.paths import AnyPath

__all__ = ["MIN_SIDE", "ImageDejaVu", "audit_image_dejavu"]


Models = dict[str, ImageEncoder | None]
"""By name: ``target``, ``reference``, ``reference 2`` and so on; None for a reference that is fitted on records."""


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
        return [*doubts, *tidied_labels(parts.values())]

    def open(self, parts: dict[str, Records]) -> tuple[Models, dict[str, Any]]:
        options, fit = self.options, self.fit
        models = {
            name: _opened(name, each, device=options.device, features=options.features)
            for name, each in self.asked.items()
        }
        return models, {
            **self.described_models(models),
            **self.described(parts, with_boxes=True),
            "fit_records": None if fit is None else describe_records(fit, options.fit_role, with_boxes=True),
            "public": describe_records(parts["public"], options.public_role, with_boxes=True),
        }

    def score(self, parts: dict[str, Records], opened: Models, *, store: AnyPath) -> ImageScores:
        run = ImageRun(models=opened, specs=self.specs, options=self.options, store=store)
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
        numbers = summarise(options, directions, n_public=len(scored.public))
        first = directions[0]
        planted, curves = planted_in(
            first.cropped.records,
            lambda: {"memorization": first.ranking, "target's confidence": first.target.confidence},
        )

        def told(name: str, part: ImageDirection, control: ImageDirection | None) -> dict[str, Any]:
            return scores_of_reference(self.specs[name], part, control, options)

        return Results(
            numbers={**numbers, **self.beside(scored.by_role, told=told, alike=agreement), "planted": planted},
            samples=pa.concat_tables([direction.samples() for direction in directions]),
            gallery=shown_items(
                [part for part in directions if part.name != "control"],
                public=scored.public,
                public_labels=scored.public_names,
                size=options.gallery,
                images=options.images,
            ),
            rejects=scored.rejects,
            notes=notes(
                manifest, directions, test=numbers["test"], n_duplicates=n_duplicates, n_rejects=len(scored.rejects)
            ),
            curves=curves,
        )

    def untrained(self, seed: int, parts: dict[str, Records], opened: Models) -> dict[str, Any]:
        fitted = opened["reference"] is None
        return {
            "target": self.bare(seed, "target"),
            "reference": self.specs["reference"] if fitted else self.bare(seed, "reference"),
            "public": self.public,
            "label": "given",  # these records have it
            "seed": self.options.seed if fitted else seed,
        }

    @staticmethod
    def null_intervals(summary: ImageDejaVuSummary) -> dict[str, Number]:
        """The scores of each design, those first whose expectation is 0 whatever the models' quality."""
        return {
            f"{design}/{name}": number
            for design, scores in summary.designs().items()
            if design not in ("swapped", "control")
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
