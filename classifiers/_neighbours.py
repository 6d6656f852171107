"""Exact nearest neighbours by brute force: blocked products and compiled loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._base import in_threads
from classifiers._jit import jit
from classifiers._kernels import Base
from classifiers._rows import Rows, blocks, spans

#: Candidates taken beyond k before distances are computed exactly: float32 may misplace a few near the edge.
SPARE = 32
#: Below this 1 / distance is infinite.
_NO_INVERSE = 1.0 / np.finfo(np.float64).max
#: Rows of `Q` whose candidates are kept at a time, of `S` that are read at a time; products of so many rows
#: of `Q`, which threads share by so many.
_ASKED, _STORED, _ROWS, _PART = 65_536, 8192, 1024, 128
#: Rows whose votes one thread counts at a time.
_VOTERS = 2048


@jit
def _city_block(Q, S, out):
    """Sum of absolute differences of each row of Q and S, float32."""
    for start in range(0, S.shape[0], 32):
        stop = min(S.shape[0], start + 32)
        for q in range(Q.shape[0]):
            a = Q[q]
            for s in range(start, stop):
                b = S[s]
                total = np.float32(0)
                for f in range(a.size):
                    total += abs(a[f] - b[f])
                out[q, s] = total


@jit
def _exact(Q, S, index, city, out):
    """Distances of each row of Q to its candidates in float64; duplicates get exactly 0."""
    for q in range(Q.shape[0]):
        for c in range(index.shape[1]):
            b, total = S[index[q, c]], 0.0
            if city:
                for f in range(b.size):
                    total += abs(float(Q[q, f]) - float(b[f]))
                out[q, c] = total
            else:
                for f in range(b.size):
                    diff = float(Q[q, f]) - float(b[f])
                    total += diff * diff
                out[q, c] = np.sqrt(total)


@jit
def _keep(base, first, nearest, index):
    """Put what is nearer than the farthest kept into each row's heap; equal distances go by column.

    `nearest` and `index` (q, kept) are heaps whose root is the farthest, of equal ones the largest column.
    """
    kept = nearest.shape[1]
    for q in range(base.shape[0]):
        near, at = nearest[q], index[q]
        for c in range(base.shape[1]):
            value, column = base[q, c], first + c
            if value > near[0] or (value == near[0] and column > at[0]):
                continue
            hole = 0
            while True:
                child = 2 * hole + 1
                if child >= kept:
                    break
                if child + 1 < kept and (
                    near[child + 1] > near[child]
                    or (near[child + 1] == near[child] and at[child + 1] > at[child])
                ):
                    child += 1
                if near[child] < value or (near[child] == value and at[child] < column):
                    break
                near[hole], at[hole] = near[child], at[child]
                hole = child
            near[hole], at[hole] = value, column


def neighbours(
    S: NDArray[Any] | Rows, Q: NDArray[Any] | Rows, k: int, metric: str, n_jobs: int | None = -1
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distances (float64) and rows in `S` of the k nearest of each row of `Q`, each (len(Q), k).

    Ordered by distance, equal distances by row: the first k' of k neighbours are those of a search for k'.
    Candidates are found in float32, their distances computed exactly. Both are read in blocks.

    Parameters
    ----------
    S, Q : (n, d), (m, d) arrays of one dtype, or Rows
    k : int
        At most n.
    metric : {"euclidean", "minkowski", "manhattan"}
        "minkowski" is with p = 2.
    """
    distances, index = np.empty((len(Q), k)), np.empty((len(Q), k), np.int64)
    kept, city = min(len(S), k + SPARE), metric == "manhattan"
    centre = sum(block.sum(axis=0, dtype=np.float64) for _, block in blocks(S)) / len(S)
    for at in spans(len(Q), Q.shape[1], _ASKED):
        asked = np.ascontiguousarray(Q[at])
        found = _candidates(S, asked, centre, kept, city, n_jobs)

        def finish(start: int, asked: Any = asked, found: Any = found, first: int = at.start) -> None:
            part = slice(start, start + _PART)
            rows = slice(first + start, first + min(start + _PART, len(asked)))
            distances[rows], index[rows] = _nearest(S, asked[part], found[part], k, city)

        in_threads(finish, range(0, len(asked), _PART), n_jobs)
    return distances, index


def _candidates(
    S: NDArray[Any] | Rows,
    Q: NDArray[Any],
    centre: NDArray[np.float64],
    kept: int,
    city: bool,
    n_jobs: int | None,
) -> NDArray[np.int64]:
    """Return the rows of `S` that are nearest in float32, (len(Q), kept), in no order."""
    nearest = np.full((len(Q), kept), np.inf, np.float32)
    index = np.full((len(Q), kept), np.iinfo(np.int64).max)
    for at, block in blocks(S, _STORED):
        base = Base(block, "distance", centre)
        for rows in spans(len(Q), Q.shape[1], _ROWS):
            apart = None if city else next(base.rows(Q[rows]))[1]

            def keep(
                start: int, base: Base = base, apart: Any = apart, rows: slice = rows, first: int = at.start
            ) -> None:
                part = slice(start, min(start + _PART, rows.stop))
                here = None if apart is None else apart[part.start - rows.start : part.stop - rows.start]
                if here is None:
                    here = np.empty((part.stop - part.start, len(base.S)), np.float32)
                    _city_block(base._prepared(Q[part]), base.S, here)
                _keep(here, first, nearest[part], index[part])

            in_threads(keep, range(rows.start, rows.stop, _PART), n_jobs)
    return index


def _nearest(
    S: NDArray[Any] | Rows, Q: NDArray[Any], candidates: NDArray[np.int64], k: int, city: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the exact distances and the rows of the k nearest among candidates."""
    exact = np.empty(candidates.shape)
    if isinstance(S, Rows):
        rows, at = np.unique(candidates, return_inverse=True)
        _exact(Q, S[rows], at.reshape(candidates.shape), city, exact)
    else:
        _exact(Q, S, candidates, city, exact)
    order = np.lexsort((candidates, exact), axis=1)[:, :k]
    return np.take_along_axis(exact, order, axis=1), np.take_along_axis(candidates, order, axis=1)


@jit
def _count(distances, codes, sizes, by_distance, out):
    """Write to `out` (n_sizes, n, n_classes) the shares of each size; sizes ascend, rows are read once."""
    for q in range(distances.shape[0]):
        votes = np.zeros(out.shape[2])
        # Ordered by distance: if any neighbour is at 0 the first is, and then only such ones count.
        same, at = distances[q, 0] < _NO_INVERSE, 0
        for c in range(sizes[-1]):
            vote = 1.0
            if by_distance and same:
                vote = 1.0 if distances[q, c] < _NO_INVERSE else 0.0
            elif by_distance:
                vote = 1.0 / distances[q, c]
            votes[codes[q, c]] += vote
            if c + 1 == sizes[at]:
                total = votes.sum()
                for j in range(votes.size):
                    out[at, q, j] = votes[j] / total
                at += 1


def shares(
    distances: NDArray[np.float64],
    codes: NDArray[np.int64],
    sizes: Sequence[int],
    n_classes: int,
    weights: str,
    n_jobs: int | None = -1,
) -> NDArray[np.float64]:
    """Return (n_sizes, n, n_classes): the weight of each class among the first neighbours; rows sum to 1.

    One pass over the neighbours gives every size: the votes of k are those of fewer and some more.

    Parameters
    ----------
    distances : (n, k)
        In ascending order.
    codes : (n, k) int
        Classes of the neighbours.
    sizes : sequence of int
        Ascending, from 1 to k: how many neighbours vote.
    weights : {"uniform", "distance"}
        All alike, or 1 / distance; where a distance is 0, only such neighbours count (as in scikit-learn).
    """
    out = np.empty((len(sizes), len(codes), n_classes))
    asked = np.asarray(sizes, np.int64)

    def count(start: int) -> None:
        rows = slice(start, start + _VOTERS)
        _count(distances[rows], codes[rows], asked, weights == "distance", out[:, rows])

    in_threads(count, range(0, len(codes), _VOTERS), n_jobs)
    return out
