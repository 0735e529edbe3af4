"""How a run shows itself in a notebook."""

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from memometer.runs import Run

__all__ = ["Shown"]


class Shown:
    """Part of every kind of run; what draws is loaded when it is asked for."""

    @property
    def charts(self) -> dict[str, Any]:
        """The report's charts by name, as altair charts, which show themselves in a notebook."""
        from memometer.catalogue import page_of

        run = cast("Run", self)
        return {figure.draw.__name__: figure.draw(run) for figure in page_of(run.summary.measure).figures_of(run)}

    def _repr_html_(self) -> str:
        from memometer.report.page import html_fragment

        return html_fragment(cast("Run", self))
