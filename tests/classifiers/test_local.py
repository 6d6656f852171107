"""The local machine against scikit-learn's on the same neighbours, and what few neighbours do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from classifiers import answers, head, scores
from classifiers._neighbours import neighbours
from tests.classifiers.conftest import blobs


def by_hand(X: Any, y: Any, q: Any, k: int, **params: Any) -> np.ndarray[Any, Any]:
    """Decisions of one machine a class on the k nearest; -inf for a class that is not among them."""
    near = NearestNeighbors(n_neighbors=k).fit(X).kneighbors(q[None], return_distance=False)[0]
    found = np.full(7, -np.inf)
    for c in np.unique(y[near]):
        found[c] = SVC(tol=1e-6, **params).fit(X[near], y[near] == c).decision_function(q[None])[0]
    return found


@pytest.mark.parametrize("params", [{"kernel": "linear", "C": 0.5}, {"kernel": "rbf", "C": 5, "gamma": 0.02}])
def test_each_decision_is_that_of_a_machine_on_the_neighbours(params: dict[str, Any]) -> None:
    X, y = blobs(630, 12, 7, spread=2.0)  # scikit-learn takes a third of a second for each that is asked
    found = scores(head("local-svm", n_neighbors=60, tol=1e-6, **params).fit(X[:600], y[:600]), X[600:])
    for q, mine in zip(X[600:], found, strict=True):
        theirs = by_hand(X[:600], y[:600], q, 60, **params)
        there = np.isfinite(theirs)
        np.testing.assert_allclose(mine[there], theirs[there], atol=2e-3)
        assert (mine[~there] <= min(-1, mine[there].min() - 1) + 1e-9).all()


def test_more_neighbours_than_vectors_is_one_machine_of_all() -> None:
    X, y = blobs(140, 6, 2, spread=2.0)
    local = head("local-svm", n_neighbors=500, kernel="linear").fit(X[:100], y[:100])
    whole = SVC(kernel="linear").fit(X[:100], y[:100])
    assert local.decision_function(X[100:]).shape == (40,)
    np.testing.assert_allclose(local.decision_function(X[100:]), whole.decision_function(X[100:]), atol=5e-3)


def test_neighbours_of_one_class_need_no_machine() -> None:
    X = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0) * 100
    local = head("local-svm", n_neighbors=5).fit(X, np.repeat([4, 5, 6], 10))
    np.testing.assert_array_equal(local.decision_function(X[:1]), [[1, -1, -1]])
    np.testing.assert_array_equal(local.predict(X), np.repeat([4, 5, 6], 10))


def test_labels_and_scores_take_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs(60, 6, 3)
    local = head("local-svm", n_neighbors=10).fit(X, y)
    passes = []
    search = neighbours
    monkeypatch.setattr("classifiers._local.neighbours", lambda *given: passes.append(1) or search(*given))
    answers(local, X)
    assert len(passes) == 1


@pytest.mark.parametrize("params", [{"n_neighbors": 1}, {"C": 0}, {"kernel": "poly"}, {"n_neighbours": 5}])
def test_wrong_parameters_are_named(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"local-svm: .*{next(iter(params))}"):
        head("local-svm", **params)
