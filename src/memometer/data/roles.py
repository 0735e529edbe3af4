"""Roles and how many records each gets: the specification of a split, and the filling of its roles."""

import math
import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError

__all__ = ["NO_ROLE", "Share", "fill_roles", "parse_roles"]

Share = int | float | Literal["rest"]
"""What a role gets: a number of records, a fraction of them, or all that no other role takes."""

NO_ROLE = -1

_EXAMPLE = "expected e.g. a=3000,b=3000,public=rest or a=0.4,b=0.4,public=0.2"


def parse_roles(roles: str | Mapping[str, Share]) -> dict[str, Share]:
    """Reads and checks the roles of a split, in the order in which they are given.

    Args:
        roles: ``"a=3000,b=0.25,public=rest"``, or a mapping to ints (records), floats (fractions) and ``"rest"``.

    Raises:
        InputError: a name or share that is none, a role given twice, two rests, or fractions above 1 in all.

    >>> parse_roles("a=3000,b=0.25,public=rest")
    {'a': 3000, 'b': 0.25, 'public': 'rest'}
    """
    pairs = _parts(roles) if isinstance(roles, str) else list(roles.items())
    if not pairs:
        raise InputError(f"no roles were given; {_EXAMPLE}")
    shares = dict(pairs)
    if len(shares) < len(pairs):
        raise InputError(f"a role is given twice in '{roles}'; name every role once")
    for name, share in shares.items():
        _check(name, share)
    if sum(share == "rest" for share in shares.values()) > 1:
        raise InputError("two roles ask for the rest; at most one can have it")
    total = math.fsum(share for share in shares.values() if isinstance(share, float))
    if total > 1 + 1e-9:
        raise InputError(f"the fractions of the roles add up to {total:g}; they may be 1 at most")
    return shares


def fill_roles(
    shares: Mapping[str, Share],
    *,
    places: npt.NDArray[np.uint64],
    sizes: npt.NDArray[np.int64],
    given: Mapping[str, int],
) -> npt.NDArray[np.int64]:
    """Gives every bundle of records one role.

    A fraction is an interval of places, so a bundle's role depends on nothing but its own place. The bundles outside of
    all fractions are walked in the order of their places: each goes to the first counted role that has room for all
    of it, else to the rest.

    Args:
        shares: of `parse_roles`.
        places: (b,) uint64, where each bundle stands in the range of 64-bit hashes.
        sizes: (b,) the number of records of each bundle.
        given: role → records that have it already; they count towards its number.

    Returns:
        (b,) the index of the bundle's role in ``shares``, or `NO_ROLE`.

    Raises:
        InputError: a role asks for more records than there are.
    """
    rest = next((index for index, share in enumerate(shares.values()) if share == "rest"), NO_ROLE)
    roles = np.full(len(places), rest, np.int64)
    position = (places >> np.uint64(11)).astype(np.float64) * 2.0**-53  # [0, 1)
    start = 0.0
    for index, share in enumerate(shares.values()):
        if isinstance(share, float):
            stop = 1.0 if start + share > 1 - 1e-9 else start + share
            roles[(position >= start) & (position < stop)] = index
            start = stop
    walk = np.flatnonzero(position >= start)
    walk = walk[np.argsort(places[walk], kind="stable")]
    for index, (name, share) in enumerate(shares.items()):
        if isinstance(share, int):
            room = share - given.get(name, 0)
            taken = _fitting(sizes[walk], room=room)
            if sizes[walk[taken]].sum() < room:
                raise InputError(_shortage(name, share, room=room, left=int(sizes[walk].sum())))
            roles[walk[taken]] = index
            walk = walk[~taken]
    return roles


def _fitting(sizes: npt.NDArray[np.int64], *, room: int) -> npt.NDArray[np.bool_]:
    """(b,) whether each bundle is taken, when one after another is taken that still fits into ``room``."""
    taken = np.zeros(len(sizes), bool)
    at = 0
    while room > 0 and at < len(sizes):
        ends = np.cumsum(sizes[at : at + room])  # every bundle has a record, so no more than this can fit
        n = int(np.searchsorted(ends, room, side="right"))
        taken[at : at + n] = True
        room -= int(ends[n - 1]) if n else 0
        at += n
        smaller = np.flatnonzero(sizes[at:] <= room)
        at = at + int(smaller[0]) if len(smaller) else len(sizes)
    return taken


def _shortage(name: str, share: int, *, room: int, left: int) -> str:
    """Why a role cannot have ``share`` records, when ``room`` of them are wanting and ``left`` records are free."""
    if left >= room:
        return (
            f"role '{name}' asks for {share:,} records, which the {left:,} that are left do not add up to, for "
            "groups and duplicates share a role and some are too large; ask for a few less, or do not split by group"
        )
    if share - room + left == 0:
        return f"role '{name}' asks for {share:,} records, but the roles before it leave none; ask less of those"
    kept = f" ({share - room:,} keep the role, {left:,} are free)" if room < share else ""
    return (
        f"role '{name}' asks for {share:,} records, but beside the roles before it there are {share - room + left:,}"
        f"{kept}; ask for fewer, or import more" + ("; --reassign assigns all afresh" if kept else "")
    )


def _parts(text: str) -> list[tuple[str, Share]]:
    pairs: list[tuple[str, Share]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise InputError(f"'{part}' names no share; {_EXAMPLE}")
        try:
            pairs.append((name, "rest" if value == "rest" else float(value) if "." in value else int(value)))
        except ValueError:
            raise InputError(
                f"'{part}' asks for '{value}', which is no number of records, fraction or 'rest'"
            ) from None
    return pairs


def _check(name: str, share: object) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise InputError(f"'{name}' cannot be the name of a role; use letters, digits, - and _")
    if isinstance(share, bool) or not isinstance(share, int | float | str):
        raise InputError(f"role '{name}' asks for {share!r}; {_EXAMPLE}")
    if isinstance(share, str) and share != "rest":
        raise InputError(f"role '{name}' asks for '{share}'; {_EXAMPLE}")
    if isinstance(share, int) and share < 1:
        raise InputError(f"role '{name}' asks for {share} records; a role needs at least 1")
    if isinstance(share, float) and not 0 < share <= 1:
        raise InputError(f"role '{name}' asks for the fraction {share:g}; expected more than 0 and at most 1")
