"""Places in stores that are used as `pathlib.Path` is: read, listed, and written whole or not at all.

A place is asked for afresh each time, for others may write there. What is written goes up from a file on this machine
in one request, or in parts that a store shows once the last has come; its size is then compared, and what arrived in
part goes up again. A killed upload leaves no object: parts of it that a bucket keeps are never shown, and go by the
bucket's own rule for incomplete uploads.
"""

import contextlib
import dataclasses
import errno
import functools
import io
import posixpath
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO, TypeVar

from memometer.errors import InputError
from memometer.progress import warn
from memometer.storage.addresses import bucket_of, inside_of, is_remote
from memometer.storage.reading import Stored, exact_span, open_object, told
from memometer.storage.requests import ATTEMPTS, MISSING, UnreachableError, bounded, open_store, patiently

__all__ = ["AnyPath", "StorePath", "open_whole", "path_of"]

Result = TypeVar("Result")

SPAN = 64 * 2**20
"""Bytes that one request reads at most."""


@dataclasses.dataclass(frozen=True)
class StorePath:
    """A place in a store, with those methods of `pathlib.Path` that make sense there.

    A folder is there while an object lies below it; none is made or removed.

    Attributes:
        address: ``s3://bucket/key``, without a slash at its end.

    Raises:
        InputError: it names no bucket.
    """

    address: str

    def __post_init__(self) -> None:
        bucket = bucket_of(self.address)
        if not is_remote(self.address) or not bucket.rpartition("/")[2]:
            raise InputError(f"'{self.address}' names no bucket; expected e.g. s3://BUCKET/FOLDER")
        inner = posixpath.normpath("/" + self.address[len(bucket) :])
        object.__setattr__(self, "address", f"{bucket}/{inner.lstrip('/')}".rstrip("/"))

    def __str__(self) -> str:
        return self.address

    def __lt__(self, other: "StorePath") -> bool:
        return self.address.split("/") < other.address.split("/")

    def __truediv__(self, name: str | PurePath) -> "StorePath":
        return StorePath(inside_of(f"{self.address}/.", str(name)) or str(name))

    @property
    def name(self) -> str:
        """The last part of the address; nothing for a bucket."""
        return "" if self.address == bucket_of(self.address) else self.address.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """How the name ends, from its last dot."""
        return PurePath(self.name).suffix

    @property
    def parent(self) -> "StorePath":
        """The folder that it is in; a bucket is in itself."""
        return StorePath(self.address.rpartition("/")[0]) if self.name else self

    def resolve(self) -> "StorePath":
        """Itself: an address has one form."""
        return self

    expanduser = absolute = resolve

    def stored(self) -> Stored:
        """What the store says of the object now.

        Raises:
            FileNotFoundError: there is none.
            InputError: the store refuses.
            UnreachableError: it does not answer.
        """
        said = self._info()
        if said.get("type") == "directory" or said.get("size") is None:
            raise IsADirectoryError(errno.EISDIR, "it is a folder", self.address)
        return told(said)

    def exists(self) -> bool:
        """Whether there is an object, or one below."""
        try:
            self._info()
        except MISSING:
            return False
        return True

    def is_file(self) -> bool:
        """Whether there is an object."""
        try:
            self.stored()
        except MISSING:
            return False
        return True

    def is_dir(self) -> bool:
        """Whether there is an object below."""
        try:
            return bool(self._info().get("type") == "directory")
        except MISSING:
            return False

    def iterdir(self) -> Iterator["StorePath"]:
        """The objects and folders in it, by name; none where there is nothing."""
        return iter(self._listed(lambda filesystem, inner, **how: filesystem.ls(inner, detail=False, **how)))

    def rglob(self, pattern: str) -> Iterator["StorePath"]:
        """The objects below whose name has a pattern, by address."""
        found = self._listed(lambda filesystem, inner, **how: filesystem.find(inner, **how))
        return (each for each in found if PurePath(each.name).match(pattern))

    def glob(self, pattern: str) -> Iterator["StorePath"]:
        """The objects and folders in it whose name has a pattern, by name."""
        return (each for each in self.iterdir() if PurePath(each.name).match(pattern))

    def open(self, mode: str = "rb") -> BinaryIO:
        """The object, read by spans in any order; ``"rb"`` alone."""
        if mode != "rb":
            raise ValueError(f"{self} is opened with mode {mode}; objects are written whole, by atomic_path")
        return open_object(self.stored().size, self._span)

    def read_bytes(self) -> bytes:
        """The whole object."""
        data = io.BytesIO()
        self.fetch(data)
        return data.getvalue()

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text."""
        return self.read_bytes().decode(encoding)

    def fetch(self, file: BinaryIO) -> Stored:
        """Puts the whole object into a file that is open for writing, of one version; returns which.

        Raises:
            FileNotFoundError: there is none, or it has gone meanwhile.
            InputError: the store refuses.
            UnreachableError: it does not answer, or shows another version each time.
        """
        for _ in range(ATTEMPTS):
            said = self.stored()
            file.seek(0)
            file.truncate()
            if said.size <= SPAN:
                if len(data := self._ask(functools.partial(self._whole, said.size))) == said.size:
                    file.write(data)
                    return said
                continue
            file.writelines(self._span(start, min(start + SPAN, said.size)) for start in range(0, said.size, SPAN))
            if self.stored() == said:
                return said
        raise UnreachableError(
            f"{self} could not be read whole in {ATTEMPTS} attempts: it has another size each time; see what writes "
            "there, and run the same command again"
        )

    def upload(self, source: Path) -> Stored:
        """Makes the bytes of a file the object, whole or not at all; returns what the store says of it.

        Raises:
            InputError: the store refuses, or has no such bucket.
            UnreachableError: it does not answer, or does not keep what is written.
        """
        self._check_writable()
        size = source.stat().st_size

        def put(filesystem: Any, inner: str) -> Stored:
            filesystem.put_file(str(source), inner, **bounded(filesystem, size=size))
            said = told(filesystem.info(inner, **bounded(filesystem)))
            if said.size != size:
                raise ConnectionError(f"{said.size:,} of {size:,} bytes arrived")
            return said

        with self._of_bucket():
            return self._ask(put, done="written")

    def write_bytes(self, data: bytes) -> None:
        """Makes a few bytes the object, whole or not at all.

        Raises:
            InputError: the store refuses, or has no such bucket.
            UnreachableError: it does not answer.
        """
        self._check_writable()
        with self._of_bucket():
            self._ask(
                lambda filesystem, inner: filesystem.pipe_file(inner, data, **bounded(filesystem)), done="written"
            )

    def create(self, data: bytes) -> bool:
        """Makes ``data`` the object where there is none; whether it did.

        Of all who try at once one succeeds, where the store can refuse to write over an object; if it cannot, a warning
        says so, once.

        Args:
            data: unlike what anyone else writes there, so that an answer that was lost can be told from another's.

        Raises:
            InputError: the store refuses, or has no such bucket.
            UnreachableError: it does not answer.
        """
        self._check_writable()
        with self._of_bucket():
            self._warn_of_overwriting()
            return self._create(data)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Removes the object.

        Raises:
            FileNotFoundError: there is none.
            InputError: the store refuses.
            UnreachableError: it does not answer.
        """
        self._check_writable()
        if not missing_ok:
            self.stored()
        with contextlib.suppress(*MISSING):
            self._ask(lambda filesystem, inner: filesystem.rm_file(inner, **bounded(filesystem)), done="removed")

    def check_writable(self) -> None:
        """Passes where objects can be written and removed below, which long work should know at its beginning.

        Raises:
            InputError: the store refuses, or has no such bucket.
            UnreachableError: it does not answer.
        """
        probe = self / f".memometer-{secrets.token_hex(8)}"
        probe.write_bytes(b"")
        probe.unlink(missing_ok=True)

    def _create(self, data: bytes) -> bool:
        def put(filesystem: Any, inner: str) -> bool:
            try:
                filesystem.pipe_file(inner, data, mode="create", **bounded(filesystem))
            except PermissionError:
                raise
            except Exception:  # it is there, or was written and the answer is lost, or the store fails
                try:
                    return bool(filesystem.cat_file(inner, **bounded(filesystem)) == data)
                except MISSING:
                    pass
                raise
            return True

        return self._ask(put, done="written")

    def _warn_of_overwriting(self) -> None:
        """Says once of a bucket that it writes over an object that it was asked to leave."""
        if (bucket := bucket_of(self.address)) in _tried:
            return
        probe = StorePath(f"{self.parent}/.memometer-{secrets.token_hex(8)}")
        probe._create(b"1")
        if probe._create(b"2"):
            warn(
                f"{bucket} writes over objects that it is asked to leave (If-None-Match); several shards may do the "
                "same work there, with the same results"
            )
        probe.unlink(missing_ok=True)
        _tried.add(bucket)

    def _whole(self, size: int, filesystem: Any, inner: str) -> bytes:
        """All bytes by one request; of another length where the object has been replaced meanwhile."""
        if not size:
            return b""
        one_more = size + 1  # which is there where a longer one has taken its place
        data: bytes = filesystem.cat_file(inner, start=0, end=one_more, **bounded(filesystem, size=size))
        if len(data) < size and told(filesystem.info(inner, **bounded(filesystem))).size == size:
            raise ConnectionError(f"{len(data):,} of {size:,} bytes came")
        return data

    def _span(self, start: int, stop: int) -> bytes:
        return self._telling(lambda: exact_span(self.address, start, stop, least=stop - start))

    def _info(self) -> dict[str, Any]:
        return self._ask(lambda filesystem, inner: dict(filesystem.info(inner, **bounded(filesystem))))

    def _listed(self, ask: Callable[..., list[str]]) -> list["StorePath"]:
        try:
            names = self._ask(lambda filesystem, inner: ask(filesystem, inner, **bounded(filesystem)))
        except MISSING:
            return []
        scheme = self.address.partition("://")[0]
        found = {StorePath(f"{scheme}://{name.strip('/')}") for name in names}
        return sorted(found - {self})

    def _ask(self, request: Callable[[Any, str], Result], *, done: str = "read") -> Result:
        filesystem, inner = open_store(self.address)
        return self._telling(lambda: patiently(self.address, lambda: request(filesystem, inner), done=done))

    def _telling(self, request: Callable[[], Result]) -> Result:
        """What a request gives; what the store answers instead names the object."""
        try:
            return request()
        except MISSING:
            raise FileNotFoundError(errno.ENOENT, "there is no such object", self.address) from None
        except PermissionError as error:
            raise InputError(
                f"the store refuses {self}: {error}; give the keys of an account that may read and write it, or for a "
                "public bucket that is only read FSSPEC_S3='{\"anon\": true}'"
            ) from None

    @contextlib.contextmanager
    def _of_bucket(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise InputError(
                f"{self} cannot be written: there is no bucket {bucket_of(self.address)}; make it, or check its name"
            ) from None

    def _check_writable(self) -> None:
        if self.address.startswith("hf://"):
            raise InputError(f"{self} cannot be written: hubs are read alone; name a folder, s3:// or gs://")


_tried: set[str] = set()
"""Buckets of which is known whether they write over objects."""

AnyPath = Path | StorePath
"""A place on this machine or in a store."""


def path_of(given: str | PurePath | StorePath) -> AnyPath:
    """The place that a user names.

    >>> path_of("s3://bucket/run/"), path_of("run")
    (StorePath(address='s3://bucket/run'), PosixPath('run'))
    """
    if isinstance(given, StorePath):
        return given
    address = _unfolded(str(given))
    return StorePath(address) if is_remote(address) else Path(given)


def open_whole(path: AnyPath) -> BinaryIO:
    """A file to read from its beginning to its end, and again; an object comes as a whole."""
    return path.open("rb") if isinstance(path, Path) else io.BytesIO(path.read_bytes())


def _unfolded(given: str) -> str:
    """An address that went through `pathlib.Path`, which makes one slash of two, as it was."""
    scheme, mark, rest = given.partition(":/")
    return f"{scheme}://{rest}" if mark and not rest.startswith("/") and is_remote(f"{scheme}://") else given
