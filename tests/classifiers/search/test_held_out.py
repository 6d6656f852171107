"""Candidates tried on one held-out set, against fitting each."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from sklearn.model_selection import ParameterGrid

from classifiers import head, list_heads, scores
from classifiers.search import try_candidates
from tests.classifiers.conftest import DATA
from tests.classifiers.search.test_grid import GRIDS


@pytest.mark.parametrize("name", list_heads())
@pytest.mark.parametrize("which", ["two", "seven"])
def test_answers_are_those_of_each_fitted_alone(name: str, which: str) -> None:
    X, y = DATA[which]
    words = np.array(list("gfedcba"))[y]
    points = list(ParameterGrid(GRIDS[name]))[:6]
    tried = try_candidates(name, points, X[:100], words[:100], X[100:])
    assert [t.params for t in tried] == points
    for one in tried:
        alone = head(name, **one.params).fit(X[:100], words[:100])
        assert (one.predicted == alone.predict(X[100:])).mean() >= 0.98
        assert one.probabilistic == hasattr(alone, "predict_proba")
        apart = np.abs(one.scores - scores(alone, X[100:]))
        assert (apart > 0.01).mean() < 0.005  # a vote of a vector on the border may fall the other way


def test_one_candidate_is_simply_fitted(caplog: pytest.LogCaptureFixture) -> None:
    X, y = DATA["two"]
    with caplog.at_level(logging.INFO, logger="classifiers"):
        (one,) = try_candidates("svm", [{"C": 2}], X[:100], y[:100], X[100:])
    np.testing.assert_array_equal(one.predicted, head("svm", C=2).fit(X[:100], y[:100]).predict(X[100:]))
    assert "one by one" in caplog.text


def test_wrong_candidates_and_vectors_are_refused() -> None:
    X, y = DATA["two"]
    with pytest.raises(ValueError, match="C=0"):
        try_candidates("svm", [{"C": 1}, {"C": 0}], X, y, X)
    with pytest.raises(ValueError, match="NaN or infinity"):
        try_candidates("svm", [{"C": 1}, {"C": 2}], X * np.float32(np.inf), y, X)
    with pytest.raises(ValueError, match="more than the 160"):
        try_candidates("knn", [{"n_neighbors": 1}, {"n_neighbors": 500}], X, y, X)
