"""Heads as candidates of a nested protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.cells import Indices, Scores


class HeadCells:
    """Any registered head with any candidates, fitted afresh for each fold; see `classifiers.cells.Cells`.

    Parameters
    ----------
    head : str
        One of `classifiers.list_heads()`.
    candidates : sequence of dict
        Parameters by their scikit-learn names.
    X : (n, d) float32
    y : (n,) int
    copies : (n, d) float32, optional
        Altered copies (mirrored ones, say): training samples' copies are trained on too, and a test sample's
        scores are the mean of its own and its copy's.
    memory : str, float or None
        What the kernels of one fold may take, as in `classifiers.search.SharedGridSearch`.

    Raises
    ------
    ValueError
        If a parameter is wrong; before anything is fitted.
    """

    def __init__(
        self,
        head: str,
        candidates: Sequence[dict[str, Any]],
        X: NDArray[np.float32],
        y: NDArray[np.intp],
        copies: NDArray[np.float32] | None = None,
        memory: float | str | None = None,
    ) -> None:
        from classifiers.registry import checked_params

        self.head, self.candidates = head, list(candidates) or [{}]
        for one in self.candidates:
            checked_params(head, one)
        self._parts = [X] if copies is None else [X, copies]
        self._memory = memory
        self._y, self._n_classes = np.asarray(y), int(np.max(y)) + 1

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """See `classifiers.cells.Cells.scores`; a class that `train` lacks scores below all others."""
        from classifiers.search import try_candidates

        which = self.candidates if cell is None else [self.candidates[cell]]
        y = np.tile(self._y[train], len(self._parts))
        present = np.unique(y)
        found = np.full((len(which), len(test), self._n_classes), -np.inf)
        if len(present) < 2:
            found[..., present] = 0.0
            return found
        fitted, asked = (np.concatenate([X[rows] for X in self._parts]) for rows in (train, test))
        for c, tried in enumerate(try_candidates(self.head, which, fitted, y, asked, self._memory)):
            parts = tried.scores.reshape(len(self._parts), len(test), -1)
            found[c][:, present] = parts.mean(axis=0)
        return found

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """See `classifiers.cells.Cells.held_out`."""
        return [self.scores(np.setdiff1d(train, fold), fold) for fold in folds]
