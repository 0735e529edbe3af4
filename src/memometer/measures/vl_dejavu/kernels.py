"""The hot loops over label sets, compiled by numba; `scores` explains and checks what they do."""

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled
from memometer.objects.sets import ObjectSets
from memometer.threads import keeping_threads

__all__ = ["Csr", "count_top", "count_union", "csr"]

# More chunks than threads, so that threads finish together; the number changes no result.
CHUNKS = 64
OWN, NAMED = 1, 2
Array = npt.NDArray[Any]


class Csr(NamedTuple):
    """Object sets as numba takes them: the labels of image i are ``ids[ptr[i] : ptr[i + 1]]``."""

    ptr: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]


def csr(sets: ObjectSets) -> Csr:
    """The two arrays of ``sets``."""
    return Csr(sets.indptr, sets.indices)


@keeping_threads
@compiled(parallel=True)
def count_union(  # noqa: C901, PLR0917 (one hot loop; numba has no keyword-only arguments)
    own: Csr,
    named: Csr,
    public: Csr,
    neighbors: Array,
    ks: Array,
    found_at: int,
    n_labels: int,
    counts: Array,
    n_unmentioned: Array,
    found: Array,
    unmentioned: Array,
    sink: Array,
) -> None:
    """Fills ``counts`` (4, len(ks), n): predicted, hits, and both among the labels that the caption does not name.

    The neighbours' labels lie all over memory, so waiting for them is most of the cost. They are therefore touched in
    loops of independent loads first, of which the processor keeps many under way, and then read from its cache by a
    loop without branches, which it would mispredict.
    """
    n = len(own.ptr) - 1
    size = (n + CHUNKS - 1) // CHUNKS
    last = len(public.ids) - 1
    for chunk in numba.prange(CHUNKS):
        # A tag counts for the record whose mark it holds above its bits OWN and NAMED: no clearing in between.
        tags = np.full(n_labels, -1, np.int32)
        seen = np.full(n_labels, -1, np.int32)
        starts = np.empty(ks[-1], np.int64)
        stops = np.empty(ks[-1], np.int64)
        touched = 0
        first = chunk * size
        for record in range(first, min(n, first + size)):
            mark = np.int32(record - first)
            for place in range(named.ptr[record], named.ptr[record + 1]):
                tags[named.ids[place]] = mark << 2 | NAMED
            for place in range(own.ptr[record], own.ptr[record + 1]):
                label = own.ids[place]
                is_named = tags[label] == mark << 2 | NAMED
                tags[label] = mark << 2 | OWN | (NAMED if is_named else 0)
                if not is_named:
                    unmentioned[place] = True
                    n_unmentioned[record] += 1
            for nearest in range(ks[-1]):
                image = neighbors[record, nearest]
                starts[nearest] = public.ptr[image]
                stops[nearest] = public.ptr[image + 1]
            for nearest in range(ks[-1]):
                touched += (
                    public.ids[min(starts[nearest], last)] + public.ids[max(stops[nearest] - 1, 0)] if last >= 0 else 0
                )
            predicted = 0
            hits = 0
            predicted_unmentioned = 0
            hits_unmentioned = 0
            step = 0
            for nearest in range(ks[-1]):
                for place in range(starts[nearest], stops[nearest]):
                    label = np.uint32(public.ids[place])  # unsigned: numba then checks for no negative index
                    new = int(seen[label] != mark)
                    tag = tags[label]
                    current = int(tag >> 2 == mark)
                    hit = new & current & tag
                    unnamed = 1 - (current & tag >> 1)
                    seen[label] = mark
                    predicted += new
                    hits += hit
                    predicted_unmentioned += new & unnamed
                    hits_unmentioned += hit & unnamed
                if nearest + 1 == ks[step]:
                    counts[0, step, record] = predicted
                    counts[1, step, record] = hits
                    counts[2, step, record] = predicted_unmentioned
                    counts[3, step, record] = hits_unmentioned
                    if step == found_at:
                        for place in range(own.ptr[record], own.ptr[record + 1]):
                            found[place] = seen[own.ids[place]] == mark
                    step += 1
        sink[chunk] = touched  # a result that nobody reads, so that the compiler keeps the loads


@keeping_threads
@compiled(parallel=True)
def count_top(  # noqa: C901, PLR0912, PLR0917 (as above)
    own: Csr,
    named: Csr,
    public: Csr,
    scores: Array,
    neighbors: Array,
    n_labels: int,
    labels: Array,
    counts: Array,
) -> None:
    """Fills ``labels`` (n, top), best first, and ``counts`` (3, n): correct, predicted, own."""
    n = len(own.ptr) - 1
    size = (n + CHUNKS - 1) // CHUNKS
    top = labels.shape[1]
    for chunk in numba.prange(CHUNKS):
        named_mark = np.full(n_labels, -1, np.int64)
        votes = np.zeros(n_labels, np.int64)
        summed = np.zeros(n_labels, np.float64)
        touched = np.empty(n_labels, np.int64)
        for record in range(chunk * size, min(n, (chunk + 1) * size)):
            for place in range(named.ptr[record], named.ptr[record + 1]):
                named_mark[named.ids[place]] = record
            n_touched = 0
            for nearest in range(neighbors.shape[1]):
                image = neighbors[record, nearest]
                for place in range(public.ptr[image], public.ptr[image + 1]):
                    label = public.ids[place]
                    if named_mark[label] == record:
                        continue
                    if votes[label] == 0:
                        touched[n_touched] = label
                        n_touched += 1
                    votes[label] += 1
                    summed[label] += scores[place]
            n_top = min(top, n_touched)
            counts[1, record] = n_top
            for rank in range(n_top):
                best = rank
                for other in range(rank + 1, n_touched):
                    a = touched[other]
                    b = touched[best]
                    if votes[a] > votes[b] or (
                        votes[a] == votes[b] and (summed[a] > summed[b] or (summed[a] == summed[b] and a < b))
                    ):
                        best = other
                touched[rank], touched[best] = touched[best], touched[rank]
                labels[record, rank] = touched[rank]
            for place in range(own.ptr[record], own.ptr[record + 1]):
                if named_mark[own.ids[place]] == record:
                    continue
                counts[2, record] += 1
                for rank in range(n_top):
                    counts[0, record] += labels[record, rank] == own.ids[place]
            for index in range(n_touched):
                votes[touched[index]] = 0
                summed[touched[index]] = 0.0
