"""Exact nearest neighbours by brute force: blocked products and compiled loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._base import in_threads
from classifiers._jit import jit
from classifiers._kernels import Base

#: Candidates taken beyond k before distances are computed exactly: float32 may misplace a few near the edge.
SPARE = 32
#: Below this 1 / distance is infinite.
_NO_INVERSE = 1.0 / np.finfo(np.float64).max
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


def neighbours(
    S: NDArray[Any], Q: NDArray[Any], k: int, metric: str, n_jobs: int | None = -1
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distances (float64) and rows in `S` of the k nearest of each row of `Q`, each (len(Q), k).

    Ordered by distance, equal distances by row: the first k' of k neighbours are those of a search for k'.
    Candidates are found in float32, their distances computed exactly.

    Parameters
    ----------
    S, Q : (n, d), (m, d) ndarray of one dtype
    k : int
        At most n.
    metric : {"euclidean", "minkowski", "manhattan"}
        "minkowski" is with p = 2.
    """
    distances, index = np.empty((len(Q), k)), np.empty((len(Q), k), np.int64)
    city = metric == "manhattan"
    kept = min(len(S), k + SPARE)

    def finish(rows: slice, base: NDArray[np.float32]) -> None:
        candidates = _candidates(base, kept)
        exact = np.empty(candidates.shape)
        _exact(Q[rows], S, candidates, city, exact)
        order = np.lexsort((candidates, exact), axis=1)[:, :k]
        distances[rows] = np.take_along_axis(exact, order, axis=1)
        index[rows] = np.take_along_axis(candidates, order, axis=1)

    if city:
        _search_city(S, Q, finish, n_jobs)
    else:
        for rows, block in Base(S, "distance").rows(Q):
            parts = range(rows.start, rows.stop, 128)
            in_threads(
                lambda at, b=block, r=rows: finish(  # type: ignore[misc]
                    slice(at, min(at + 128, r.stop)), b[at - r.start : at - r.start + 128]
                ),
                parts,
                n_jobs,
            )
    return distances, index


def _search_city(S: NDArray[Any], Q: NDArray[Any], finish: Any, n_jobs: int | None) -> None:
    centre = S.mean(axis=0, dtype=np.float64)
    S32, Q32 = (np.subtract(A, centre, dtype=np.float64).astype(np.float32) for A in (S, Q))

    def search(start: int) -> None:
        rows = slice(start, min(start + 128, len(Q)))
        base = np.empty((rows.stop - start, len(S)), np.float32)
        _city_block(Q32[rows], S32, base)
        finish(rows, base)

    in_threads(search, range(0, len(Q), 128), n_jobs)


def _candidates(base: NDArray[np.float32], kept: int) -> NDArray[np.int64]:
    """Return the columns of the `kept` smallest of each row; equal values go by column.

    A float32 that is not negative orders as its bits do: bits and column in one 64-bit key make every key
    different, so that the choice among equal values does not hang on the partition's inner workings.
    """
    keys = base.view(np.uint32).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(base.shape[1], dtype=np.uint64)
    if kept < base.shape[1]:
        keys = np.partition(keys, kept - 1, axis=1)[:, :kept]
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


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
