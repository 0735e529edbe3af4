"""Addresses of objects in stores: ``s3://bucket/key``, ``gs://bucket/key``, ``hf://datasets/OWNER/NAME/path``."""

import posixpath
import re
from pathlib import Path

__all__ = ["EXTRAS", "bucket_of", "inside_of", "is_remote", "parts_of", "within_folder"]

EXTRAS = {"s3": "memometer[s3]", "gs": "memometer[gs]", "hf": "memometer[hf]"}
"""What is installed for each kind of address; addresses of other kinds are never read."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)


def is_remote(path: str) -> bool:
    """Whether a path is an address of one of the kinds that are read.

    >>> is_remote("s3://bucket/0.tar"), is_remote("/data/0.tar"), is_remote("http://host.org/0.tar")
    (True, False, False)
    """
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme in EXTRAS


def parts_of(address: str) -> tuple[str, str]:
    """The kind of store, and the address within it; no kind where it is no address.

    >>> parts_of("s3://bucket/0.tar")
    ('s3', 'bucket/0.tar')
    """
    match = _ADDRESS.fullmatch(address)
    return (match[1], match[2]) if match else ("", address)


def bucket_of(address: str) -> str:
    """The address of the bucket, or of the data set on a hub, that an address leads into.

    >>> bucket_of("s3://bucket/set/0.tar")
    's3://bucket'
    """
    return "/".join(address.split("/")[: 5 if address.startswith("hf://") else 3])


def inside_of(table: str, name: str) -> str | None:
    """The address that a name has in a table that lies in a store; None where it leads out of the table's bucket.

    >>> inside_of("s3://b/sets/t.csv", "images/1.jpg"), inside_of("s3://b/t.csv", "s3://other/1.jpg")
    ('s3://b/sets/images/1.jpg', None)
    """
    bucket = bucket_of(table)
    if "://" not in name:
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(table)[len(bucket) :] or "/", name))
        return f"{bucket}/{inner.lstrip('/')}"
    return name if name.startswith(f"{bucket}/") and ".." not in name.split("/") else None


def within_folder(folder: str, *names: str) -> str:
    """The path of a file below a folder, here or in a store.

    >>> within_folder("s3://b/set/", "", "1.jpg"), within_folder("/data", "a", "1.jpg")
    ('s3://b/set/1.jpg', '/data/a/1.jpg')
    """
    if is_remote(folder):
        return "/".join([folder.rstrip("/"), *(name for name in names if name)])
    return str(Path(folder, *names))
