"""Vectors that are read in blocks: of memory-mapped files, or of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bytes of a block: what stays near the processor while it is multiplied twice.
BLOCK_BYTES = 4_000_000
#: Blocks that a fit holds at once: two threads' own, each beside its scaled copy.
_HELD = 4


class Rows:
    """Rows of matrices, read as float32 when they are asked for; stands where an (n, d) array would.

    Nothing is copied until a block is read, so that vectors may be larger than memory. ``np.asarray`` reads
    all of them.

    Parameters
    ----------
    *columns : (m, d_i) arrays
        Side by side, memory-mapped or not, of any float type.
    index : (n,) int, optional
        Which rows, in which order; all by default.

    Attributes
    ----------
    shape : (n, d)
    dtype : float32
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, *columns: NDArray[Any], index: NDArray[np.intp] | None = None) -> None:
        self._sources: tuple[tuple[NDArray[Any], ...], ...] = (columns,)
        self._index = np.arange(len(columns[0])) if index is None else np.asarray(index, np.intp)
        self._mean: NDArray[np.float32] | None = None
        self._scale: NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self._index), sum(part.shape[1] for part in self._sources[0])

    @property
    def size(self) -> int:
        """Numbers in all rows."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes that all rows would take in memory."""
        return 4 * self.size

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        """Read some rows: a slice, a mask, or numbers; with a column, or several, behind a comma."""
        if isinstance(rows, tuple):
            return self[rows[0]][:, rows[1]]
        index = self._index[rows]
        out = np.empty((len(index), self.shape[1]), np.float32)
        start = 0
        for source in self._sources:
            stop = start + len(source[0])
            here = (index >= start) & (index < stop)
            if here.all():
                _read(source, index - start, out)
            elif here.any():
                part = np.empty((int(here.sum()), out.shape[1]), np.float32)
                _read(source, index[here] - start, part)
                out[here] = part
            start = stop
        if self._mean is not None and self._scale is not None:
            out -= self._mean
            out /= self._scale
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all rows."""
        out = np.empty(self.shape, np.float32)
        for at, block in self.blocks():
            out[at] = block
        return out if dtype is None else out.astype(dtype, copy=False)

    def take(self, rows: Any) -> Rows:
        """Return some of the rows, unread."""
        return self._changed(_index=self._index[rows])

    def scaled(self, mean: NDArray[Any], scale: NDArray[Any]) -> Rows:
        """Return the rows less `mean`, divided by `scale`, when they are read."""
        return self._changed(_mean=mean.astype(np.float32), _scale=scale.astype(np.float32))

    def blocks(self, rows: int | None = None) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield ``(slice, block)``; see `blocks`."""
        for at in spans(len(self), self.shape[1], rows):
            yield at, self[at]

    def _changed(self, **attributes: Any) -> Rows:
        other = object.__new__(Rows)
        other.__dict__.update(self.__dict__ | attributes)
        return other

    @classmethod
    def stacked(cls, parts: Sequence[Any]) -> Rows:
        """Return the rows of several below each other; what is an array is taken as it is."""
        every = [part if isinstance(part, Rows) else cls(np.asarray(part)) for part in parts]
        if any(part._mean is not None for part in every):
            raise ValueError("scaled rows cannot be stacked")
        starts = np.cumsum([0, *(sum(len(s[0]) for s in part._sources) for part in every)])
        index = [part._index + start for part, start in zip(every, starts, strict=False)]
        sources = tuple(source for part in every for source in part._sources)
        return every[0]._changed(_sources=sources, _index=np.concatenate(index))


def _read(source: tuple[NDArray[Any], ...], index: NDArray[np.intp], out: NDArray[np.float32]) -> None:
    """Fill `out` with rows of matrices that stand side by side; a run of rows is read as one slice."""
    n, start = len(index), 0
    run = n > 0 and index[-1] - index[0] == n - 1 and bool((np.diff(index) == 1).all())
    rows: Any = slice(index[0], index[0] + n) if run else index
    for part in source:
        stop = start + part.shape[1]
        out[:, start:stop] = part[rows]
        start = stop


def single(X: Any) -> Any:
    """Return vectors in float32: `Rows` unread, an array contiguous."""
    return X if isinstance(X, Rows) else np.ascontiguousarray(X, np.float32)


def for_fit(estimator: Any, X: Any) -> Any:
    """Return vectors as a classifier takes them: `Rows` where it, or its first step, reads blocks."""
    steps = getattr(estimator, "steps", None)
    first = steps[0][1] if steps else estimator
    return np.asarray(X) if isinstance(X, Rows) and not getattr(first, "by_blocks", False) else X


def rows_a_block(d: int) -> int:
    """Return how many vectors of d numbers are read at a time."""
    return int(np.clip(BLOCK_BYTES // (4 * max(1, d)), 16, 65536))


def spans(n: int, d: int, rows: int | None = None) -> list[slice]:
    """Return the slices of n vectors' blocks; of none, one that is empty."""
    step = rows or rows_a_block(d)
    return [slice(start, min(start + step, n)) for start in range(0, max(n, 1), step)]


def blocks(X: NDArray[Any] | Rows, rows: int | None = None) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield ``(slice, vectors)`` of an array (views of it) or of `Rows` (read one after the other)."""
    for at in spans(len(X), X.shape[1], rows):
        yield at, X[at]


def selected(X: NDArray[Any] | Rows, rows: NDArray[np.intp]) -> Any:
    """Return some rows: of `Rows` unread, of an array a view if they follow each other, else a copy."""
    if isinstance(X, Rows):
        return X.take(rows)
    n = len(rows)
    if n and rows[-1] - rows[0] == n - 1 and bool((np.diff(rows) == 1).all()):
        return X[rows[0] : rows[0] + n]
    return X[rows]


def stacked(parts: Sequence[Any]) -> Any:
    """Return vectors below each other, unread if any of them are."""
    return Rows.stacked(parts) if any(isinstance(p, Rows) for p in parts) else np.concatenate(parts)


def least_memory(d: int) -> int:
    """Return the bytes that reading vectors of d numbers in blocks takes at least."""
    return _HELD * 4 * d * rows_a_block(d)


def check_memory(allowed: float, d: int) -> None:
    """Refuse a bound below what reading in blocks takes.

    Raises
    ------
    ValueError
        One line with the least it needs.
    """
    if (least := least_memory(d)) > allowed * 1e9:
        raise ValueError(
            f"memory {allowed * 1000:.3g}MB: reading vectors of {d:,} numbers in blocks takes at least "
            f"{np.ceil(least / 1e6):.0f}MB; give --kernel-memory {np.ceil(least / 1e6):.0f}MB or more"
        )


def is_finite(X: NDArray[Any] | Rows) -> bool:
    """Return whether every number is finite (of `Rows` block by block)."""
    if not isinstance(X, Rows):
        return bool(np.isfinite(X.sum(dtype=np.float64)))
    return all(np.isfinite(block.sum(dtype=np.float64)) for _, block in X.blocks())
