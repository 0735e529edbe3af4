"""What audits that search a public set share: the set, and a target with one reference or several."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from memometer.audits.inputs import open_records
from memometer.audits.measure import Measure, Opened, Scored
from memometer.audits.options import SearchOptions
from memometer.data.records import Records
from memometer.neighbors import products_used
from memometer.runs.manifest import describe_model
from memometer.runs.options import Model, model_names, specs_of

__all__ = ["SearchMeasure"]

Searching = TypeVar("Searching", bound=SearchOptions)
Direction = TypeVar("Direction")


class SearchMeasure(Measure[Searching, Opened, Scored]):
    """The parts are ``forward``, ``backward`` and ``control``, where they were asked for, and ``public``."""

    @functools.cached_property
    def public(self) -> Records:
        """The public set, of all roles."""
        return open_records(self.options.public)

    def parts(self) -> dict[str, Records]:
        """The records of each role, and the public set."""
        return {**self.roles(), "public": self.public.with_role(self.options.public_role)}

    @staticmethod
    def tested(parts: dict[str, Records]) -> dict[str, Records]:
        """The parts without the public set."""
        return {name: part for name, part in parts.items() if name != "public"}

    @property
    def asked(self) -> dict[str, Model]:
        """The models by name: ``target``, ``reference``, ``reference 2`` and so on."""
        return model_names(self.options.target, self.options.reference)

    @property
    def specs(self) -> dict[str, str]:
        """What the user named them by."""
        return dict(zip(self.asked, specs_of(self.asked.values()), strict=True))

    def beside(
        self,
        by_role: Mapping[str, tuple[Direction, ...]],
        *,
        told: Callable[[str, Direction, Direction | None], dict[str, Any]],
        alike: Callable[[Direction, Direction], dict[str, Any]],
    ) -> dict[str, Any]:
        """What several references say of the same records: ``references`` and ``agreement`` of ``summary.json``.

        Args:
            by_role: the target against each reference.
            told: a reference's name, its scores, and those of the control → what is said of it.
            alike: the scores of two references → how alike they are.
        """
        specs = self.specs
        names = [name for name in specs if name != "target"]
        if len(names) == 1:
            return {"references": [], "agreement": []}
        forward = dict(zip(names, by_role["forward"], strict=True))
        control = dict(zip(names, by_role.get("control", ()), strict=False))
        return {
            "references": [
                {"reference": specs[name], **told(name, part, control.get(name))} for name, part in forward.items()
            ],
            "agreement": [
                {"references": [specs[one], specs[other]], **alike(forward[one], forward[other])}
                for one, other in itertools.combinations(names, 2)
            ],
        }

    def made(self) -> dict[str, Any]:
        """By which products the neighbours were found: it decides the time, never the answer."""
        used = products_used()
        return {"search": used} if used else {}

    def described_models(self, models: dict[str, Any]) -> dict[str, Any]:
        """What ``manifest.json`` says of them; of one that is None, which is fitted on records, its name."""
        target, reference, *further = (
            {"spec": spec} if models[name] is None else describe_model(models[name], spec)
            for name, spec in self.specs.items()
        )
        return {"target": target, "reference": reference, "further_references": further}
