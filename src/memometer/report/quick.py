"""altair without what it does for whoever edits charts: copies of everything at each step, and checks of each piece.

A report draws the charts of this package alone, which tests draw with all checks. Without this it takes twice as long.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from memometer.report.lazy import alt

__all__ = ["quick_charts"]


@contextlib.contextmanager
def quick_charts() -> Iterator[None]:
    """Within, charts that are made of others share their data, marks and encodings, and nothing is validated."""
    from altair.utils.schemapi import debug_mode

    shared = (alt.InlineData, alt.MarkDef, alt.FacetedEncoding, alt.Encoding)
    for each in shared:
        each.__deepcopy__ = _itself
    try:
        with debug_mode(arg=False):
            yield
    finally:
        for each in shared:
            del each.__deepcopy__


def _itself(self: Any, _memo: object = None) -> Any:
    return self
