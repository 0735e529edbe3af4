"""The options that every run has: models, records, where it runs. Importing them is cheap."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias, cast

from pydantic import Field, model_validator

from memometer.errors import InputError, ShardDone
from memometer.options import Flag, Options, Several
from memometer.storage.paths import AnyPath, path_of

__all__ = [
    "PLACE",
    "SHARED",
    "EngineOptions",
    "Model",
    "Models",
    "Place",
    "RunOptions",
    "Source",
    "folder_of",
    "model_names",
    "place_of",
    "several",
    "spec_of",
    "specs_of",
]


SHARED = ("engine", "shard", "merge")
"""Options that say who makes the pieces of a run."""

PLACE = ("out", "store", "cache", "cache_size", "workers", "device", "overwrite", *SHARED)
"""Options that say where a run is computed, and change no number."""


def spec_of(model: object) -> str:
    """What names a model to a user."""
    if isinstance(model, str):
        return model
    return str(getattr(model, "spec", None) or getattr(model, "identity", "a model without a name"))


def specs_of(models: Iterable[object]) -> list[str]:
    """What names each model."""
    return [spec_of(model) for model in models]


def several(models: "Models") -> tuple["Model", ...]:
    """One model or several, of options that are checked, in which they are several."""
    return cast("tuple[Model, ...]", models)


def model_names(target: "Model", references: "Models") -> dict[str, "Model"]:
    """The target, the reference and further ones by name: ``reference 2``, and so on."""
    first, *further = several(references)
    return {"target": target, "reference": first, **{f"reference {n}": each for n, each in enumerate(further, start=2)}}


def folder_of(source: object) -> str:
    """What names the records' folder in ``config.toml``."""
    folder = getattr(source, "folder", source)
    return str(path_of(folder) if isinstance(folder, PurePath) else folder)


def place_of(place: object) -> str | None:
    """A path, as it was given."""
    return None if place is None else str(path_of(place) if isinstance(place, PurePath) else place)


if TYPE_CHECKING:
    from memometer.data.records import Records
    from memometer.embeddings import AnyEncoder

    Model: TypeAlias = str | AnyEncoder
    Models: TypeAlias = Model | Sequence[Model]
    Source: TypeAlias = str | Path | Records
    Place: TypeAlias = str | Path | None
else:  # models and records are checked where they are opened, and their types cost seconds to import
    Model = Annotated[Any, Flag(kind=str, written=spec_of)]
    Models = Annotated[Any, Several, Flag(kind=list[str], written=specs_of)]
    Source = Annotated[Any, Flag(kind=Path, written=folder_of)]
    Place = Annotated[Any, Flag(kind=Path | None, written=place_of)]


class EngineOptions(Options):
    """Who makes the pieces of what takes long. It changes no byte of them."""

    if TYPE_CHECKING:
        workers: int
        device: str

    engine: Literal["here", "processes", "ray"] | None = Field(
        default=None,
        description="Who computes what is kept in pieces: here, this process; processes, --workers of them, by default "
        "one per core or GPU; ray, the cluster of RAY_ADDRESS, or one on this machine. It changes no number.",
    )
    shard: str | None = Field(
        default=None,
        description="This run is one of several, I/N from 1/N to N/N, which make the pieces of one store together; "
        "then --merge writes the result.",
    )
    merge: Annotated[bool, Flag(names=("--merge",))] = Field(
        default=False, description="Compute no pieces: write the result of the shards, or say which pieces are missing."
    )

    @model_validator(mode="after")
    def _check_shard(self) -> Self:
        if self.shard is not None:
            from memometer.engines.shards import shard_of

            try:
                shard_of(self.shard)
            except InputError as error:
                raise ValueError(f"--shard {error}") from error
        if self.shard is not None and self.merge:
            raise ValueError("--shard makes pieces and --merge reads them; run all shards, then --merge alone")
        return self

    @contextlib.contextmanager
    def at_work(self, store: AnyPath | None) -> Iterator[None]:
        """Within it pieces are made by the engine that is asked for; by that of the context where none is.

        Args:
            store: that shards share.

        Raises:
            InputError: there is no such engine here.
        """
        if self.engine is None and not self.sharing:
            yield
            return
        from memometer.engines import using
        from memometer.engines.asked import engine_asked

        engine = engine_asked(
            self.engine, workers=self.workers, device=self.device, shard=self.shard, merge=self.merge, store=store
        )
        with contextlib.nullcontext() if engine is None else using(engine):
            yield

    @property
    def sharing(self) -> bool:
        """Whether this is one of several shards, or writes what they made."""
        return self.shard is not None or self.merge

    def agree(self, store: str | AnyPath | None, *, numbers: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Sees to it that all shards of a store are asked the same; whoever shares with none need not.

        Args:
            store: that they share.
            numbers: options that decide numbers, by name.
            inputs: what is known of records and models, by name.

        Raises:
            InputError, JobError: as `memometer.engines.agreement.agree`.
        """
        if self.sharing and store is not None:
            from memometer.engines.agreement import agree

            agree(path_of(store), options=numbers, inputs=inputs, new=not self.merge)

    def end_shard(self, store: str | AnyPath | None) -> None:
        """Ends a shard, once all pieces are there; nothing else.

        Raises:
            ShardDone: this is a shard, which writes no result.
        """
        if self.shard is not None:
            from memometer.engines.agreement import all_there

            raise ShardDone(all_there(store))


class RunOptions(EngineOptions):
    """What every run is asked beside its own options."""

    out: Place = Field(default=None, description="The run folder to write. Default: none, the result stays in memory.")
    store: Place = Field(
        default=None,
        description="Where embeddings and sums are kept for the next run, a folder or s3://BUCKET/FOLDER; by default "
        "OUT/stages.",
    )
    cache: Place = Field(
        default=None,
        description="Where copies of objects in buckets are kept on this machine; by default MEMOMETER_CACHE, else "
        "~/.cache/memometer.",
    )
    cache_size: str | None = Field(
        default=None,
        description="How large that may become, e.g. 500GB; by default MEMOMETER_CACHE_SIZE, else 20GB. What was used "
        "longest ago goes.",
    )
    seed: int = Field(default=0, ge=0, description="Of all that is drawn: views, groups, the bootstrap.")
    workers: int = Field(
        default=0,
        ge=0,
        description="Processes that decode images; 0 decodes in this process. It changes no number.",
    )
    device: str = Field(default="cpu", description="cpu or cuda.")
    batch_size: int = Field(default=64, ge=1, description="Images, or views of them, per forward pass.")
    replicates: int = Field(default=1000, ge=2, description="Bootstrap replicates behind each interval.")
    overwrite: bool = Field(default=False, description="Replace what OUT holds of other options.")

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        if self.store is None and self.sharing:
            raise ValueError("shards share their pieces in a store; pass --store FOLDER, the same one to all of them")
        return self

    @contextlib.contextmanager
    def under_way(self) -> Iterator[Path | None]:
        """The run folder while this process alone writes it, None for none; with the cache and the engine asked for.

        Raises:
            BusyError: another process writes it.
            InputError: the cache or the engine cannot be had.
        """
        from memometer.locking import writing
        from memometer.storage.cache import cache_at

        out = None if self.out is None or self.shard is not None else Path(self.out)
        store = None if self.store is None else path_of(self.store)
        with cache_at(self.cache, self.cache_size), writing(out), self.at_work(store):
            yield out

    @property
    def resampling(self) -> dict[str, Any]:
        """What the intervals of `memometer.statistics` are drawn by."""
        return {"seed": self.seed, "replicates": self.replicates}

    @property
    def decoding(self) -> dict[str, Any]:
        """How images are read, which changes no number."""
        return {"workers": self.workers, "batch_size": self.batch_size}

    @classmethod
    def ordered(cls) -> list[str]:
        """All options, the run's own first."""
        shared = [*(name for name in RunOptions.model_fields if name not in SHARED), *SHARED]
        return [*(name for name in cls.model_fields if name not in shared), *shared]
