"""One plain sentence: what was found, and how sure it is."""

import dataclasses

__all__ = ["Verdict"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an audit says.

    Attributes:
        kind: ``"found"``, ``"one-way"``, ``"not-shown"``, ``"negative"``, ``"better"``, ``"measured"`` or
            ``"undefined"``; tells the colour beside it.
        title: the finding in a few words.
        sentence: the finding with its number and interval.
        cautions: what a reader must know before believing it; may be empty.
    """

    kind: str
    title: str
    sentence: str
    cautions: tuple[str, ...] = ()
