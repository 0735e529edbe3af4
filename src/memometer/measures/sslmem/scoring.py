"""The passes of an SSLMem audit: alignment distances of records at every layer of a tower, in pieces on disk."""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from memometer.activations import TowerReader, ViewPlan, read_views
from memometer.arrays import Arrays
from memometer.audits.towers import COLUMNS, NEEDED
from memometer.data.records import Records, hash_records
from memometer.embeddings.mended import any_mended
from memometer.encoders import Tower
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.measures.sslmem.scores import alignment_distances, relative_sslmem, sslmem
from memometer.pieces import PIECE_SIZE, Span, in_pieces, packed_rejects, tell
from memometer.progress import progress_bar
from memometer.storage.paths import AnyPath

__all__ = ["LayerDistances", "TowerScores", "check_same_layers", "measure_distances", "score_tower"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class LayerDistances:
    """Alignment distances of n records under one model.

    Attributes:
        distances: (n, layers) float64; NaN where undefined.
        n_views: (n,) the views of each record; 0 where it could not be read.
        rejects: (row, reason) of the records that could not be read.
    """

    distances: Floats
    n_views: npt.NDArray[np.int64]
    rejects: tuple[tuple[int, str], ...]


@dataclasses.dataclass(frozen=True)
class TowerScores:
    """One tower's scores of the n records of one direction.

    Attributes:
        direction: ``"forward"``, or ``"backward"`` for the reference's own records with the models' roles swapped.
        tower: ``"image"`` or ``"text"``.
        records: of the direction.
        layers: names, in order; the last is the output.
        target: distances under the model trained on the records.
        reference: distances under the other model.
    """

    direction: str
    tower: Tower
    records: Records
    layers: tuple[str, ...]
    target: LayerDistances
    reference: LayerDistances

    @property
    def sslmem(self) -> Floats:
        """(n, layers) SSLMem."""
        return sslmem(target=self.target.distances, reference=self.reference.distances)

    @property
    def relative(self) -> Floats:
        """(n, layers) SSLMem'."""
        return relative_sslmem(target=self.target.distances, reference=self.reference.distances)

    @property
    def n_scored(self) -> int:
        """Records with an SSLMem at the output."""
        return int((~np.isnan(self.sslmem[:, -1])).sum())

    @property
    def rejects(self) -> dict[int, str]:
        """Row → why the record could not be read."""
        return dict(sorted({**dict(self.reference.rejects), **dict(self.target.rejects)}.items()))

    @property
    def skipped(self) -> dict[str, int]:
        """Why records have no SSLMem at the output, with counts."""
        scored = ~np.isnan(self.sslmem[:, -1])
        unread = np.zeros(len(scored), bool)
        unread[list(self.rejects)] = True
        single = ~unread & (np.minimum(self.target.n_views, self.reference.n_views) < 2)
        reasons = {
            "no readable image" if self.tower == "image" else "no caption": unread,
            "fewer than two captions" if self.tower == "text" else "fewer than two views": single,
            "an output without direction": ~scored & ~unread & ~single,
        }
        return {reason: int(which.sum()) for reason, which in reasons.items() if which.any()}


def check_same_layers(target: TowerReader, reference: TowerReader) -> None:
    """Passes where two models have the same layers.

    Raises:
        InputError: they do not; names the first layer that differs.
    """
    for place in range(max(len(target.names), len(reference.names))):
        ours, theirs = (_described(reader, place) for reader in (target, reference))
        if ours != theirs:
            raise InputError(
                f"the {target.tower} towers have other layers: layer {place + 1} is {ours} in the target and {theirs} "
                "in the reference; the two must be of one architecture, trained on different records alone"
            )


def measure_distances(
    records: Records, reader: TowerReader, plan: ViewPlan, *, store: AnyPath, label: str
) -> LayerDistances:
    """Alignment distances of every record at every layer; a second call with the same input reads them back.

    Args:
        records: n records.
        reader: one tower of one model.
        plan: the views.
        store: where pieces are kept.
        label: what the progress bar says.
    """
    key = hash_json(
        ["alignment distances", reader.key, plan.key, hash_records(records, COLUMNS[reader.tower]), PIECE_SIZE]
    )
    with progress_bar(label, total=len(records), unit="records") as advance:
        pieces = in_pieces(
            store / f"distances-{key}",
            n=len(records),
            make=_Piece(records.select(NEEDED[reader.tower]), reader, plan),
            stale=functools.partial(any_mended, records),
            label=label,
            advance=advance,
        )
    distances, n_views = (np.concatenate(pieces.column(name)) for name in ("distances", "n_views"))
    return LayerDistances(distances, n_views, pieces.rejects())


def score_tower(
    direction: str,
    records: Records,
    readers: dict[str, TowerReader],
    plan: ViewPlan,
    *,
    store: AnyPath,
) -> TowerScores:
    """Both models' distances of the records of one direction; backward swaps which model is the target.

    Args:
        direction: ``"forward"`` or ``"backward"``.
        records: of the direction.
        readers: of the models ``"target"`` and ``"reference"``, as the audit was told.
        plan: the views, the same for both.
        store: where pieces are kept.
    """
    sides = ("target", "reference") if direction == "forward" else ("reference", "target")
    tower = readers["target"].tower
    ours, theirs = (
        measure_distances(
            records, readers[model], plan, store=store, label=f"{tower} tower, {model}, {direction} records"
        )
        for model in sides
    )
    return TowerScores(direction, tower, records, readers["target"].names, ours, theirs)


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Makes the distances of some records."""

    records: Records
    reader: TowerReader
    plan: ViewPlan

    def __call__(self, span: Span) -> Arrays:
        distances = np.full((span[1] - span[0], len(self.reader.names)), np.nan)
        n_views = np.zeros(span[1] - span[0], np.int64)
        rejects: list[tuple[int, str]] = []
        for views in read_views(self.records, self.reader, self.plan, span=span):
            here = views.rows - span[0]
            for place, layer in enumerate(views.layers):
                distances[here, place] = alignment_distances(layer, views.starts)
            n_views[here] = np.diff(views.starts)
            rejects += views.rejects
            tell(views.seen)
        return {"distances": distances, "n_views": n_views, **packed_rejects(rejects)}


def _described(reader: TowerReader, place: int) -> str:
    if place >= len(reader.names):
        return "missing"
    return f"'{reader.names[place]}' ({reader.widths[place]:,} wide)"
