"""Names that share a prompt: as many as fit, none of them cut off."""

from collections.abc import Callable, Sequence

from memometer.errors import InputError

__all__ = ["grouped"]


def grouped(
    names: Sequence[str], *, length: Callable[[Sequence[str]], int], most: int, spec: str
) -> list[tuple[int, ...]]:
    """The places of names that share a prompt, in their order; a library would cut a longer one off without a word.

    Args:
        names: (v,) the vocabulary.
        length: the tokens of the prompt of some names, with all that stands around them; more names are no fewer.
        most: tokens that a prompt may have.
        spec: of the annotator, for the error.

    Raises:
        InputError: one name alone is too long.

    >>> grouped(["a", "bb", "c"], length=lambda some: sum(map(len, some)), most=3, spec="it")
    [(0, 1), (2,)]
    """
    groups: list[tuple[int, ...]] = []
    start = 0
    while start < len(names):
        if length(names[start : start + 1]) > most:
            raise InputError(
                f"the name '{names[start][:80]}' is longer than a prompt of {spec} may be, {most:,} tokens; shorten it"
            )
        fits, too_many = 1, 2
        while start + too_many <= len(names) and length(names[start : start + too_many]) <= most:
            fits, too_many = too_many, 2 * too_many
        too_many = min(too_many, len(names) - start + 1)
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if length(names[start : start + middle]) <= most:
                fits = middle
            else:
                too_many = middle
        groups.append(tuple(range(start, start + fits)))
        start += fits
    return groups
