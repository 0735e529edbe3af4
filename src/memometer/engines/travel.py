"""How work travels to another process: what is heavy is loaded there once, and tables go as Arrow.

The work of a job is pickled, from one process of memometer to another and never by way of a file. A model in it goes by
its key alone; each process is sent once what the key stands for: how it was loaded, where that is known, or the model.
"""

import contextlib
import dataclasses
import functools
import io
import os
import pickle
import secrets
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from memometer.errors import JobError
from memometer.files import atomic_path, hash_bytes
from memometer.storage.cache import with_copy
from memometer.storage.paths import AnyPath, StorePath

__all__ = ["Parcel", "Shelf", "loaded_by", "packed"]

MODELS = ("encode_images", "encode_texts", "annotate")
"""Methods by which models are known that are loaded once in each process."""

LARGE = 1 << 24
"""Bytes of a table above which all processes map one file of it."""

_sources: dict[int, tuple[weakref.ref[Any], Callable[[], Any]]] = {}


def loaded_by(model: Any, load: Callable[[], Any]) -> None:
    """Notes that ``load()`` gives the same model, which spares other processes to be sent its weights."""
    with contextlib.suppress(TypeError):  # of a class without weak references
        _sources[id(model)] = weakref.ref(model), load


@dataclasses.dataclass(frozen=True)
class Parcel:
    """Work on its way.

    Attributes:
        work: pickled, with keys in place of models.
        models: key → how to get it, pickled.
    """

    work: bytes
    models: Mapping[str, bytes]


@contextlib.contextmanager
def packed(work: Any, *, folder: AnyPath) -> Iterator[Parcel]:
    """The parcel of some work.

    Args:
        work: picklable but for the models and tables in it.
        folder: where large tables are for the time; all processes see it.

    Raises:
        TypeError, AttributeError, pickle.PicklingError: something in it cannot be pickled.
    """
    tables: list[AnyPath] = []
    models: dict[str, bytes] = {}
    try:
        yield Parcel(_Packer.pack(work, folder, tables, models), models)
    finally:
        for path in tables:
            path.unlink(missing_ok=True)


class Shelf:
    """The models that were loaded in this process, for all that is unpacked in it."""

    def __init__(self) -> None:
        self._there: dict[str, Any] = {}

    def unpack(self, parcel: Parcel) -> Any:
        """The work of a parcel.

        Raises:
            JobError: a model that is loaded here is another than the one that was meant, or its code is not here.
        """
        try:
            return self._unpacked(parcel)
        except (AttributeError, ImportError) as error:
            raise JobError(
                f"what pieces are made by cannot be found on {os.uname().nodename} ({error}); put your own code into a "
                "module that all processes can import, not into the script that is run"
            ) from error

    def _unpacked(self, parcel: Parcel) -> Any:
        for key, data in parcel.models.items():
            if key not in self._there:
                model = pickle.loads(data)  # noqa: S301 (from memometer's own process)
                model = model() if isinstance(model, functools.partial) else model
                if _key(model) != key:
                    raise JobError(
                        f"{getattr(model, 'spec', 'a model')} is another here than where the command runs: its files "
                        "or memometer's version differ; give all machines the same"
                    )
                self._there[key] = model
        unpickler = pickle.Unpickler(io.BytesIO(parcel.work))  # noqa: S301 (from memometer's own process)
        unpickler.persistent_load = self._there.__getitem__  # type: ignore[method-assign]
        return unpickler.load()


class _Packer(pickle.Pickler):
    """Pickles work; models become keys, and tables Arrow."""

    def __init__(self, file: io.BytesIO, folder: AnyPath, tables: list[AnyPath], models: dict[str, bytes]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._folder, self._tables, self._models = folder, tables, models

    @classmethod
    def pack(cls, work: Any, folder: AnyPath, tables: list[AnyPath], models: dict[str, bytes]) -> bytes:
        file = io.BytesIO()
        cls(file, folder, tables, models).dump(work)
        return file.getvalue()

    def persistent_id(self, thing: Any) -> str | None:
        if not any(callable(getattr(type(thing), name, None)) for name in MODELS) and not _own(thing):
            return None
        key = _key(thing)
        if key not in self._models:
            reference, load = _sources.get(id(thing), (None, None))
            known = load if reference is not None and reference() is thing else thing
            self._models[key] = pickle.dumps(known, protocol=pickle.HIGHEST_PROTOCOL)
        return key

    def reducer_override(self, thing: Any) -> Any:
        if not isinstance(thing, pa.Table):
            return NotImplemented
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, thing.schema) as writer:
            writer.write_table(thing)
        data = sink.getvalue()
        if data.size <= LARGE:
            return _read_table, (data.to_pybytes(),)
        path = self._folder / f".table-{secrets.token_hex(8)}.arrow"
        self._tables.append(path)
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
        return _map_table, (path,)


def _own(thing: Any) -> bool:
    """Whether it stands before a model of a user's own code, whose methods it hands on."""
    return id(thing) in _sources and _sources[id(thing)][0]() is thing


def _key(model: Any) -> str:
    """Its class by name, since the module of a user's script is called otherwise elsewhere, and what is in it."""
    return hash_bytes(f"{type(model).__qualname__} {model.identity}".encode())


def _read_table(data: bytes) -> pa.Table:
    return pa.ipc.open_file(pa.py_buffer(data)).read_all()


def _map_table(path: AnyPath) -> pa.Table:
    if isinstance(path, StorePath):
        return with_copy(path, _map_table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
