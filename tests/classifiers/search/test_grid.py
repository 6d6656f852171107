"""The shared search against GridSearchCV, on the same folds."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC as Reference

from classifiers import head, list_heads
from classifiers.registry import head_spec
from classifiers.search import GridSearchCV as SharedGridSearch
from classifiers.search import by_subject, grid_search, holdout, nested
from tests.classifiers.conftest import DATA, blobs

FOLDS = StratifiedKFold(3, shuffle=True, random_state=1)
GRIDS: dict[str, Any] = {
    "svm": [
        {"C": [10.0, 0.1, 1.0], "gamma": ["scale", 0.1, 0.01]},
        {"C": [0.5, 5.0], "kernel": ["linear", "poly"], "scale": ["standard"]},
        {"C": [2.0], "class_weight": ["balanced", None], "break_ties": [True]},
    ],
    "bagged-svm": {"C": [0.1, 3.0], "n_estimators": [5, 2], "max_samples": [0.5, 40]},
    "knn": {
        "n_neighbors": [1, 10, 3],
        "weights": ["uniform", "distance"],
        "metric": ["minkowski", "euclidean", "manhattan"],
        "scale": ["none", "standard"],
    },
    "local-svm": {"n_neighbors": [30, 10], "C": [1.0, 0.1]},
    "forest": {
        "n_estimators": [5, 2],
        "max_depth": [3, None],
        "min_samples_split": [2, 6],
        "min_samples_leaf": [1, 3],
        "bootstrap": [True, False],
    },
    "softmax": {"C": [1.0, 0.01, 0.1], "tol": [1e-5]},
    "linear-svm": {"C": [1.0, 0.01, 0.1], "scale": ["standard", "none"], "tol": [1e-5]},
    "nystroem-svm": {"C": [1.0, 0.1], "gamma": ["scale", 0.01], "n_components": [20, 60], "tol": [1e-5]},
}
#: Heads whose cells are the same fits, and not only fits of the same problem to the same tolerance.
IDENTICAL = {"knn", "forest"}


def scores_of(search: Any, name: str = "score") -> np.ndarray[Any, Any]:
    return np.array([search.cv_results_[f"split{s}_test_{name}"] for s in range(search.n_splits_)])


def assert_same_choice(name: str, shared: Any, plain: Any, n_test: int) -> None:
    """One test sample of a fold may fall on the other side where a solver stops within its tolerance."""
    assert shared.shared_
    assert set(shared.cv_results_) == set(plain.cv_results_)
    assert shared.cv_results_["params"] == plain.cv_results_["params"]
    apart = np.abs(scores_of(shared) - scores_of(plain))
    if name in IDENTICAL:
        assert apart.max() == 0 and shared.best_params_ == plain.best_params_
    else:
        assert apart.max() <= 1.01 / n_test and apart.mean() < 0.002
        means = plain.cv_results_["mean_test_score"]
        assert means[shared.best_index_] >= means.max() - 1.01 / n_test  # the same best cell, or a tie


@pytest.mark.parametrize("which", ["wide", "seven", "two", "duplicates", "constant"])
@pytest.mark.parametrize("name", list_heads())
def test_every_score_is_that_of_the_slow_way(name: str, which: str) -> None:
    X, y = DATA[which]
    shared = SharedGridSearch(head(name), GRIDS[name], cv=FOLDS).fit(X, y)
    plain = GridSearchCV(head(name), GRIDS[name], cv=FOLDS).fit(X, y)
    smallest = min(len(test) for _, test in FOLDS.split(X, y))
    assert_same_choice(name, shared, plain, smallest)
    assert (shared.predict(X) == plain.predict(X)).mean() > 0.9


def test_svm_against_scikit_learns_own() -> None:
    X, y = blobs(900, 20, 5, spread=2.0)
    grid = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": ["scale", 0.1, 0.01]}
    shared = SharedGridSearch(head("svm"), grid, cv=FOLDS).fit(X, y)
    plain = GridSearchCV(Reference(), grid, cv=FOLDS).fit(X, y)
    means = [s.cv_results_["mean_test_score"] for s in (shared, plain)]
    assert np.abs(means[0] - means[1]).max() <= 0.002
    assert means[1][shared.best_index_] >= means[1].max() - 0.002


@pytest.mark.parametrize("name", list_heads())
def test_any_scoring(name: str) -> None:
    X, y = DATA["tall"]
    fixed = {"probability": True} if name in ("svm", "bagged-svm") else {}
    grid = {k: v[:2] for k, v in dict(GRIDS[name][0] if name == "svm" else GRIDS[name]).items()}
    scoring = {"loss": "neg_log_loss", "auc": "roc_auc_ovr", "uar": "balanced_accuracy", "own": _first_class}
    if name in ("local-svm", "linear-svm", "nystroem-svm"):  # give scores only
        del scoring["loss"], scoring["auc"]
    first = next(iter(scoring))
    shared, plain = (
        search(head(name, **fixed), grid, cv=FOLDS, scoring=scoring, refit=first).fit(X, y)
        for search in (SharedGridSearch, GridSearchCV)
    )
    assert shared.shared_ and set(shared.cv_results_) == set(plain.cv_results_)
    for key in scoring:
        np.testing.assert_allclose(scores_of(shared, key), scores_of(plain, key), atol=0.02)
    assert shared.multimetric_ and set(shared.scorer_) == set(scoring)


def _first_class(estimator: Any, X: Any, y: Any) -> float:
    return float((estimator.predict(X) == estimator.classes_[0]).mean())


@pytest.mark.parametrize("name", ["svm", "bagged-svm"])
def test_two_classes_by_area_under_the_curve(name: str) -> None:
    X, y = DATA["two"]
    shared, plain = (
        search(head(name), {"C": [0.1, 1.0, 10.0]}, cv=FOLDS, scoring="roc_auc").fit(X, y)
        for search in (SharedGridSearch, GridSearchCV)
    )
    np.testing.assert_allclose(scores_of(shared), scores_of(plain), atol=2e-3)


def test_probabilities_cost_only_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = DATA["tall"]
    monkeypatch.setattr("classifiers.search._svm.folds_for", lambda *_: pytest.fail("calibrated unasked"))
    SharedGridSearch(head("svm"), {"C": [1.0]}, cv=FOLDS, refit=False).fit(X, y)
    SharedGridSearch(head("bagged-svm"), {"C": [1.0]}, cv=FOLDS, refit=False).fit(X, y)


@pytest.mark.parametrize("name", list_heads())
def test_words_as_labels_and_float64(name: str) -> None:
    X, y = DATA["seven"]
    words = np.array(list("gfedcba"))[y]
    grid = list(ParameterGrid(GRIDS[name]))[:3]
    grid = [{k: [v] for k, v in point.items()} for point in grid]
    shared, plain = (
        search(head(name), grid, cv=FOLDS).fit(X.astype(float), words)
        for search in (SharedGridSearch, GridSearchCV)
    )
    assert np.abs(scores_of(shared) - scores_of(plain)).max() <= 1.01 / 140
    assert set(shared.predict(X)) <= set(words)


def test_a_class_with_one_sample() -> None:
    X, y = DATA["tall"]
    y = y.copy()
    y[0] = 9
    cv = PredefinedSplit(np.arange(len(y)) % 3)
    for name in list_heads():
        grid = [{k: [v] for k, v in point.items()} for point in list(ParameterGrid(GRIDS[name]))[:3]]
        shared, plain = (
            search(head(name), grid, cv=cv, refit=False).fit(X, y)
            for search in (SharedGridSearch, GridSearchCV)
        )
        assert shared.shared_
        assert np.abs(scores_of(shared) - scores_of(plain)).max() <= 1.01 / 133


def test_ties_go_to_the_first_candidate() -> None:
    X, y = DATA["tall"]
    grid = {"n_neighbors": [3], "metric": ["minkowski", "euclidean"], "algorithm": ["ball_tree", "brute"]}
    search = SharedGridSearch(head("knn"), grid, cv=FOLDS).fit(X, y)
    assert search.best_index_ == 0 and (search.cv_results_["rank_test_score"] == 1).all()


def test_the_same_candidate_twice() -> None:
    X, y = DATA["tall"]
    search = SharedGridSearch(head("svm"), {"C": [1.0, 1.0]}, cv=FOLDS).fit(X, y)
    assert np.ptp(search.cv_results_["mean_test_score"]) == 0


def falls_back(search: Any, caplog: pytest.LogCaptureFixture, why: str, *data: Any, **params: Any) -> Any:
    with caplog.at_level(logging.INFO, logger="classifiers"):
        search.fit(*data, **params)
    assert not search.shared_ and why in caplog.text and "GridSearchCV" in caplog.text
    return search


def test_falls_back_where_no_strategy_applies(caplog: pytest.LogCaptureFixture) -> None:
    X, y = DATA["tall"]
    C = {"C": [0.1, 1.0]}
    alone = LogisticRegression()
    found = falls_back(SharedGridSearch(alone, C, cv=3), caplog, "LogisticRegression have nothing", X, y)
    plain = GridSearchCV(alone, C, cv=3).fit(X, y)
    np.testing.assert_array_equal(scores_of(found), scores_of(plain))
    falls_back(SharedGridSearch(head("svm"), C, return_train_score=True), caplog, "return_train_score", X, y)
    weights = np.ones(len(y))
    falls_back(SharedGridSearch(head("svm"), C), caplog, "sample_weight", X, y, sample_weight=weights)
    k = {"n_neighbors": [1, 350]}
    with pytest.warns(Warning, match="fits failed|non-finite"):
        falls_back(SharedGridSearch(head("knn"), k), caplog, "n_neighbors=350 is more", X, y)


def test_heads_behind_a_transformer_share_too() -> None:
    X, y = DATA["tall"]
    for name, grid in (("svm", {"svc__C": [0.1, 1.0]}), ("knn", {"knn__n_neighbors": [1, 5]})):
        pipe = make_pipeline(StandardScaler(), head(name))
        shared, plain = (s(pipe, grid, cv=FOLDS).fit(X, y) for s in (SharedGridSearch, GridSearchCV))
        assert_same_choice(name, shared, plain, 133)


def test_inside_a_pipeline_and_cloned() -> None:
    X, y = DATA["seven"]
    search = SharedGridSearch(head("svm"), {"C": [0.1, 1.0]}, cv=FOLDS, memory=1.0)
    assert clone(search).get_params()["memory"] == 1.0
    piped = make_pipeline(StandardScaler(), search).fit(X, y)
    assert piped[-1].shared_ and piped.score(X, y) > 0.8
    assert piped[-1].best_params_["C"] == piped[-1].best_estimator_.C


def test_a_value_outside_its_domain() -> None:
    X, y = DATA["tall"]
    with pytest.raises(ValueError, match="head svm: C=-1"):
        SharedGridSearch(head("svm"), {"C": [1, -1]}).fit(X, y)
    with pytest.raises(ValueError, match="did you mean 'gamma'"):
        grid_search("svm", {"gama": [1.0]})
    with pytest.raises(ValueError, match="did you mean"):
        grid_search("smv")
    with pytest.raises(ValueError, match="Invalid parameter 'gama'"):
        SharedGridSearch(head("svm"), {"gama": [1.0]}).fit(X, y)


def test_a_head_by_name_with_its_own_grid() -> None:
    X, y = DATA["tall"]
    search = grid_search("svm", fixed={"gamma": 0.1}, cv=FOLDS).fit(X, y)
    assert search.best_estimator_.gamma == 0.1
    assert len(search.cv_results_["params"]) == len(head_spec("svm").grid["C"])


def test_holdout_fits_the_best_again_on_both() -> None:
    X, y = DATA["tall"]
    mask = np.arange(len(y)) % 10 == 0
    search = grid_search("svm", cv=holdout(mask)).fit(X, y)
    alone = head("svm", **search.best_params_).fit(X[~mask], y[~mask])
    assert search.best_score_ == pytest.approx(alone.score(X[mask], y[mask]), abs=1.01 / mask.sum())
    both = head("svm", **search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), both.predict(X))
    with pytest.raises(ValueError, match="0 of 400"):
        holdout(mask & False)


def test_folds_by_subject_share_none() -> None:
    X, y = DATA["tall"]
    subjects = np.arange(len(y)) % 7
    search = grid_search("svm", cv=by_subject()).fit(X, y, groups=subjects)
    assert search.shared_ and search.n_splits_ == 7
    for train, test in by_subject(3).split(X, y, subjects):
        assert not set(subjects[train]) & set(subjects[test])


def test_nested_chooses_without_the_outer_fold() -> None:
    X, y = DATA["tall"]
    subjects = np.arange(len(y)) % 9
    search = grid_search("knn", {"n_neighbors": [1, 5, 15]}, cv=by_subject(3))
    folds = list(nested(search, X, y, by_subject(3), subjects))
    assert len(folds) == 3
    for fold in folds:
        alone = clone(search).fit(X[fold.train], y[fold.train], groups=subjects[fold.train])
        assert alone.best_params_ == fold.params
        assert fold.score == (alone.predict(X[fold.test]) == y[fold.test]).mean()


@pytest.mark.parametrize("name", list_heads())
def test_halving_keeps_the_best_and_ends_on_whole_folds(name: str) -> None:
    X, y = blobs(900, 10, 3)
    grid = dict(head_spec(name).grid)
    if name == "knn":
        grid = {"n_neighbors": [1, 3, 9, 15], "weights": ["uniform", "distance"]}
    if name == "local-svm":
        grid = {"n_neighbors": [10, 20, 30], "C": [1, 10]}
    grid |= {"n_estimators": [4, 8]} if name in ("forest", "bagged-svm") else {}
    search = SharedGridSearch(head(name), grid, cv=FOLDS, halving=2).fit(X, y)
    results = search.cv_results_
    n = len(ParameterGrid(grid))
    last = results["iter"] == results["iter"].max()
    assert (results["iter"] == 0).sum() == n and last.sum() == max(1, n >> int(results["iter"].max()))
    assert (results["n_resources"][last] == 600).all() and (np.diff(results["n_resources"]) >= 0).all()
    assert last[search.best_index_] and search.best_params_ == results["params"][search.best_index_]
    best = np.max(results["mean_test_score"][last])
    assert search.best_score_ == best
    whole = SharedGridSearch(head(name), grid, cv=FOLDS).fit(X, y)
    assert best >= whole.best_score_ - 0.03


def test_halving_without_a_strategy_is_refused() -> None:
    X, y = DATA["tall"]
    with pytest.raises(ValueError, match="halving needs a shared search"):
        SharedGridSearch(LogisticRegression(), {"C": [1.0, 2.0]}, halving=2).fit(X, y)


def test_one_matrix_serves_the_whole_grid() -> None:
    from classifiers._kernels import Work

    X, y = blobs(1500, 40, 4)
    grid = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": ["scale", 0.1, 0.01]}
    counts = []
    for search in (SharedGridSearch, GridSearchCV):
        Work.multiply_adds = 0
        search(head("svm"), grid, cv=FOLDS, refit=False).fit(X, y)
        counts.append(Work.multiply_adds)
    assert counts[0] * 12 <= counts[1]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    ks=st.lists(st.integers(1, 20), min_size=1, max_size=4, unique=True),
    metric=st.sampled_from(["euclidean", "manhattan"]),
    levels=st.integers(1, 4),
)
def test_knn_is_identical_on_data_full_of_ties(seed: int, ks: list[int], metric: str, levels: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, levels, (60, 3)).astype(np.float32)
    y = np.arange(60) % 3
    grid = {"n_neighbors": ks, "weights": ["uniform", "distance"]}
    shared, plain = (
        search(head("knn", metric=metric), grid, cv=FOLDS, refit=False).fit(X, y)
        for search in (SharedGridSearch, GridSearchCV)
    )
    np.testing.assert_array_equal(scores_of(shared), scores_of(plain))


@pytest.mark.parametrize("depth", [1, 2, 5, None])
@pytest.mark.parametrize("split", [2, 9, 20])
def test_a_forest_cut_off_is_the_forest_grown_small(depth: int | None, split: int) -> None:
    X, y = blobs(150, 4, 3, seed=split)
    grid = {"max_depth": [depth, None], "min_samples_split": [split, 2], "n_estimators": [5, 2]}
    shared, plain = (
        search(head("forest"), grid, cv=FOLDS, refit=False, scoring="neg_brier_score").fit(X, y)
        for search in (SharedGridSearch, GridSearchCV)
    )
    np.testing.assert_array_equal(scores_of(shared), scores_of(plain))
