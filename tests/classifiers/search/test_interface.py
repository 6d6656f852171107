"""The rest of GridSearchCV's interface: attributes, failing candidates, bad input, corners of halving."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

import classifiers.search._work as work_module
from classifiers import head, list_heads
from classifiers.search import GridSearchCV as SharedGridSearch
from classifiers.search import nested, try_candidates
from classifiers.search._strategies import SHARED
from tests.classifiers.conftest import DATA
from tests.classifiers.search.test_grid import FOLDS, falls_back, scores_of

K: dict[str, Any] = {"n_neighbors": [1, 5, 30]}


def both(name: str, grid: Any, data: str = "tall", **options: Any) -> tuple[Any, Any]:
    X, y = DATA[data]
    shared, plain = (s(head(name), grid, **options).fit(X, y) for s in (SharedGridSearch, GridSearchCV))
    assert shared.shared_
    return shared, plain


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("svm", {"C": np.logspace(-1, 1, 3), "gamma": np.array([0.1, 0.2], np.float32)}),
        ("knn", {"n_neighbors": np.arange(1, 8, 3)}),
        ("forest", {"n_estimators": np.array([3, 5]), "bootstrap": np.array([True, False])}),
        ("softmax", [{"C": (0.1, 1.0)}, {"C": [2.0], "scale": ["none"]}]),
        ("knn", {}),
    ],
    ids=str,
)
def test_any_form_of_grid(name: str, grid: Any) -> None:
    shared, plain = both(name, grid, cv=FOLDS)
    assert np.abs(scores_of(shared) - scores_of(plain)).max() <= 1.01 / 133
    assert shared.cv_results_.keys() == plain.cv_results_.keys()
    for name in (k for k in plain.cv_results_ if k.startswith("param")):
        np.testing.assert_array_equal(shared.cv_results_[name], plain.cv_results_[name])


@pytest.mark.parametrize("options", [{}, {"cv": 3}, {"refit": False}, {"scoring": "f1_macro"}], ids=str)
def test_the_attributes_are_those_of_the_slow_way(options: dict[str, Any]) -> None:
    shared, plain = both("knn", K, **options)
    ours, theirs = ({n for n in vars(s) if n.endswith("_")} for s in (shared, plain))
    assert ours - {"shared_"} == theirs
    for name in ("best_index_", "best_params_", "best_score_", "n_splits_", "multimetric_"):
        assert getattr(shared, name) == getattr(plain, name)
    assert {k: type(v) for k, v in shared.cv_results_.items()} == {
        k: type(v) for k, v in plain.cv_results_.items()
    }
    assert (shared.cv_results_["mean_fit_time"] > 0).all()


def test_what_is_fitted_answers_for_the_best() -> None:
    shared, plain = both("knn", K, "seven", cv=FOLDS)
    X, y = DATA["seven"]
    np.testing.assert_array_equal(shared.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(shared.classes_, plain.classes_)
    assert shared.n_features_in_ == plain.n_features_in_ == X.shape[1]
    assert shared.score(X, y) == plain.score(X, y) and shared.refit_time_ > 0
    assert not hasattr(shared, "decision_function")


def test_before_a_fit_and_without_refit() -> None:
    X, y = DATA["tall"]
    search = SharedGridSearch(head("knn"), K, cv=FOLDS, refit=False)
    with pytest.raises(NotFittedError):
        SharedGridSearch(head("knn"), K).predict(X)
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        search.fit(X, y).predict(X)


def test_refit_by_a_function_and_several_scores() -> None:
    def last(results: dict[str, Any]) -> int:
        return len(results["params"]) - 1

    shared, plain = both("knn", K, cv=FOLDS, refit=last, scoring=["accuracy", "f1_macro"])
    assert shared.best_index_ == plain.best_index_ == 2 and shared.best_params_ == {"n_neighbors": 30}
    assert hasattr(shared, "best_score_") == hasattr(plain, "best_score_")
    assert shared.best_estimator_.n_neighbors == 30
    np.testing.assert_array_equal(scores_of(shared, "f1_macro"), scores_of(plain, "f1_macro"))
    with pytest.raises(ValueError, match="refit"):
        both("knn", K, cv=FOLDS, scoring=["accuracy", "f1_macro"])


def test_a_scorer_that_fails_is_an_error_score() -> None:
    def only_few(estimator: Any, X: Any, y: Any) -> float:
        if len(np.unique(estimator.predict(X))) < 3:
            raise ValueError("no")
        return 1.0

    grid = {"n_neighbors": [1, 250]}
    with pytest.warns(UserWarning, match="Scoring failed|non-finite"):
        shared, plain = both("knn", grid, cv=FOLDS, scoring=only_few, error_score=-7.0)
    np.testing.assert_array_equal(scores_of(shared), scores_of(plain))
    assert -7.0 in scores_of(shared)


@pytest.mark.parametrize(
    ("name", "grid", "why"),
    [
        ("forest", {"max_features": [2, 99]}, "max_features=99 is more than the 4 features"),
        ("svm", {"kernel": ["poly"], "degree": [1, 300], "gamma": [0.1]}, "overflows"),
    ],
)
def test_a_candidate_that_cannot_be_fitted_does_not_end_the_search(
    name: str, grid: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    X, y = DATA["tall"]
    small = {"n_estimators": 3} if name == "forest" else {}
    with pytest.warns(Warning, match="fits failed|non-finite"):
        found = falls_back(SharedGridSearch(head(name, **small), grid, cv=FOLDS), caplog, why, X, y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).tolist() == [True, False]
    with pytest.raises(ValueError, match=why):
        SharedGridSearch(head(name, **small), grid, cv=FOLDS, error_score="raise").fit(X, y)


@pytest.mark.parametrize("bad", [0, 1, -2, 2.5, "3"])
def test_halving_by_what_is_no_factor(bad: Any) -> None:
    X, y = DATA["tall"]
    with pytest.raises(ValueError, match="halving=.*whole number from 2"):
        SharedGridSearch(head("knn"), K, halving=bad).fit(X, y)


def test_halving_by_several_scores_needs_to_know_which() -> None:
    X, y = DATA["tall"]
    scoring = ["accuracy", "f1_macro"]
    found = SharedGridSearch(head("knn"), K, scoring=scoring, refit="f1_macro", halving=3).fit(X, y)
    assert found.cv_results_["iter"].tolist() == [0, 0, 0, 1]
    with pytest.raises(ValueError, match="name the one that candidates are ranked by"):
        SharedGridSearch(head("knn"), K, scoring=scoring, refit=False, halving=3).fit(X, y)


def bad_input() -> dict[str, tuple[Any, Any]]:
    X, y = DATA["tall"]
    holed = X.copy()
    holed[3, 1] = np.nan
    return {
        "NaN": (holed, y),
        "one class": (X, np.zeros(len(y))),
        "labels too few": (X, y[:-1]),
        "vectors of words": (X.astype(str), y),
        "one number a sample": (X[:, 0], y),
        "labels are numbers on a scale": (X, y + 0.5),
        "nothing": (X[:0], y[:0]),
    }


@pytest.mark.parametrize("what", bad_input())
def test_bad_input_is_refused_as_the_slow_way_does(what: str) -> None:
    X, y = bad_input()[what]
    if what == "vectors of words":
        X = np.char.add(X, "x")
    for search in (SharedGridSearch, GridSearchCV):
        with pytest.raises((ValueError, IndexError)):
            search(head("knn"), K, cv=3, error_score="raise").fit(X, y)


def test_the_log_says_what_is_shared_and_how_long(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = DATA["tall"]
    monkeypatch.setattr(work_module, "SAID_EVERY", 0.0)
    with caplog.at_level(logging.INFO, logger="classifiers"):
        SharedGridSearch(head("knn"), K, cv=FOLDS, refit=False).fit(X, y)
    assert "knn: 3 candidates on 3 folds share one neighbour search" in caplog.text
    assert "1 of 9 cells in" in caplog.text and "s left" in caplog.text and "9 of 9" not in caplog.text
    assert set(list_heads()) < set(SHARED)


def test_candidates_report_as_they_are_done() -> None:
    X, y = DATA["two"]
    for points in ([{"C": 1.0}, {"C": 2.0}, {"C": 3.0}], [{"C": 1.0}]):
        done: list[int] = []
        try_candidates("softmax", points, X, y, X[:5], advance=done.append)
        assert sum(done) == len(points)


def test_a_search_is_an_estimator_to_scikit_learn() -> None:
    X, y = DATA["tall"]
    search = SharedGridSearch(head("knn"), K, cv=FOLDS)
    by_hand = [fold.score for fold in nested(search, X, y, FOLDS)]
    np.testing.assert_array_equal(cross_val_score(search, X, y, cv=FOLDS), by_hand)
    outer = GridSearchCV(make_pipeline(Normalizer(), search), {"gridsearchcv__scoring": ["f1_macro"]})
    assert outer.fit(X, y).best_estimator_[-1].shared_
