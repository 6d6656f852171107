"""The heads for any number of vectors, against what they stand for; principal components; costs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from classifiers import Rows, _linear, _nystroem, _projection, head, load, save
from classifiers._linear import Problem, fit_path, logistic
from classifiers.costs import as_bytes, as_time, cost_of
from classifiers.projection import Projection
from classifiers.registry import checked_params
from classifiers.search import grid_search, try_candidates
from tests.classifiers.conftest import DATA, blobs

X, Y = blobs(900, 30, 5, spread=2.5)


@pytest.mark.parametrize("C", [0.001, 0.1, 10.0])
@pytest.mark.parametrize("which", ["seven", "two", "wide"])
def test_linear_svm_is_that_of_scikit_learn(which, C):
    vectors, labels = (a.astype(float) if a.dtype.kind == "f" else a for a in DATA[which])
    ours = head("linear-svm", C=C, scale="none", tol=1e-8).fit(vectors, labels)
    theirs = LinearSVC(C=C, tol=1e-9, max_iter=100_000).fit(vectors, labels)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-3)
    assert (ours.predict(vectors) == theirs.predict(vectors)).mean() > 0.995


def test_class_weights_and_the_scaler_are_those_of_scikit_learn():
    ours = head("linear-svm", C=0.1, class_weight="balanced", tol=1e-6).fit(X, Y)
    scaler = StandardScaler().fit(X)
    theirs = LinearSVC(C=0.1, class_weight="balanced", tol=1e-8, max_iter=50_000)
    theirs.fit(scaler.transform(X.astype(float)), Y)
    assert (ours.predict(X) == theirs.predict(scaler.transform(X))).mean() > 0.995


def test_many_dimensions_take_the_diagonal(monkeypatch):
    whole = head("linear-svm", C=0.01, tol=1e-5).fit(X, Y)
    monkeypatch.setattr(_linear, "WHOLE", 8)
    diagonal = head("linear-svm", C=0.01, tol=1e-5).fit(X, Y)
    np.testing.assert_allclose(diagonal.coef_, whole.coef_, atol=1e-3)


@pytest.mark.parametrize("which", ["seven", "two"])
def test_softmax_by_blocks_is_that_of_scikit_learn(which):
    vectors, labels = DATA[which]
    codes = np.unique(labels, return_inverse=True)[1]
    # In float32 the slope is soon lost in rounding, and processors stop at different places.
    exact = vectors.astype(float)
    problem = Problem(exact, codes, np.ones(len(codes)), codes.max() + 1, logistic, 0.15)
    (coef, intercept, _), *_ = fit_path(problem, [0.3], 500, 1e-6, "softmax")
    theirs = LogisticRegression(C=0.3, tol=1e-8, max_iter=5000).fit(exact, labels)
    shown = np.atleast_2d(theirs.decision_function(vectors[:50]))
    ours = vectors[:50] @ coef.T + intercept
    ours = ours[:, 0] if ours.shape[1] == 1 else ours - ours.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, shown if ours.ndim == 2 else shown[0], atol=5e-3)


def test_what_does_not_converge_is_said(caplog):
    head("linear-svm", C=10, max_iter=2).fit(X, Y)
    assert "linear-svm: not converged after 2 iterations (C=10); raise max_iter" in caplog.text


def test_nystroem_fits_what_the_map_with_a_linear_svm_fits():
    """With every vector a landmark it is the RBF kernel itself, under a squared hinge loss."""
    some, labels = X[:200], Y[:200]
    ours = head("nystroem-svm", C=1, gamma=0.02, n_components=200, tol=1e-6).fit(some, labels)
    full = Nystroem(gamma=0.02, n_components=200).fit(some)
    theirs = LinearSVC(C=1, tol=1e-8, max_iter=50_000).fit(full.transform(some), labels)
    asked = X[200:400]
    np.testing.assert_allclose(
        ours.decision_function(asked), theirs.decision_function(full.transform(asked)), atol=0.02
    )


def test_nystroem_comes_near_the_exact_svm():
    train, test = slice(0, 700), slice(700, 900)
    exact = SVC(C=10).fit(X[train], Y[train]).score(X[test], Y[test])
    near = head("nystroem-svm", C=1, n_components=300).fit(X[train], Y[train])
    assert near.landmarks_.shape == (300, 30)
    assert near.score(X[test], Y[test]) > exact - 0.04


def test_vectors_beside_a_query_bring_it_nearer_to_the_exact_svm():
    """Near copies of training vectors, which few landmarks cannot tell from each other."""
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(800, 40)).astype(np.float32)
    labels = rng.integers(0, 5, 800)
    asked = seen + rng.normal(0, 0.15, seen.shape).astype(np.float32)
    exact = SVC(C=10).fit(seen, labels).score(asked, labels)
    alone, beside = (
        head("nystroem-svm", C=1, n_components=100, n_neighbors=k).fit(seen, labels) for k in (0, 5)
    )
    assert not hasattr(alone, "vectors_") and beside.own_.shape == (800, 5)
    assert alone.score(asked, labels) < exact - 0.2
    assert beside.score(asked, labels) > exact - 0.02


def test_of_itself_a_vector_knows_what_the_solver_left_to_it():
    """At a training vector the score is that of the fit with what is left of its kernel on the diagonal."""
    fitted = head("nystroem-svm", C=1, n_components=60, n_neighbors=1, tol=1e-6).fit(X, Y)
    codes = np.unique(Y, return_inverse=True)[1]
    signs = np.where(codes[:, None] == np.arange(len(fitted.classes_)), 1, -1)
    short = np.maximum(0, 1 - signs * fitted.decision_function(X))
    np.testing.assert_allclose(fitted.own_, 2 * signs * short, atol=0.02)  # C = 1, squared hinge


def test_a_model_from_before_there_were_neighbours(tmp_path):
    alone = head("nystroem-svm", n_components=60, n_neighbors=0).fit(X, Y)
    vars(alone).pop("n_neighbors")  # as such a file has it
    save(alone, tmp_path / "old.skops")
    read = load(tmp_path / "old.skops")
    np.testing.assert_array_equal(read.decision_function(X), alone.decision_function(X))
    assert read.get_params()["n_neighbors"] == 0


def test_what_is_saved_holds_no_factor(tmp_path):
    fitted = head("nystroem-svm", n_components=60).fit(X, Y)
    expected = fitted.decision_function(X)
    save(fitted, tmp_path / "head.skops")
    read = load(tmp_path / "head.skops")
    assert "_rest" in vars(fitted) and "_rest" not in vars(read)
    np.testing.assert_array_equal(read.decision_function(X), expected)


def test_landmarks_are_shared_by_the_grid_and_hold_every_class(monkeypatch):
    drawn = []
    whole = _nystroem.NystroemSVM._drawn
    monkeypatch.setattr(_nystroem.NystroemSVM, "_drawn", lambda *a: drawn.append(whole(*a)) or drawn[-1])
    grid = [{"C": c, "gamma": g, "n_components": 25} for c in (0.1, 1.0) for g in (0.01, 0.1)]
    try_candidates("nystroem-svm", grid, X[:600], Y[:600], X[600:])
    assert len(drawn) == 2  # one kernel for each gamma, a path over C
    np.testing.assert_array_equal(*drawn)
    assert set(Y[:600][drawn[0]]) == set(Y)


def test_a_kernel_beyond_the_cache_lies_in_a_file(monkeypatch):
    params = {"C": 1.0, "n_components": 50}
    inside = head("nystroem-svm", **params).fit(X, Y)
    monkeypatch.setattr(_nystroem, "least_memory", lambda _m: 0)
    mapped = []
    monkeypatch.setattr(_nystroem, "Rows", lambda given: mapped.append(given) or Rows(given))
    outside = head("nystroem-svm", cache_size=0.1, **params).fit(X, Y)  # 0.18 MB
    assert mapped[0].shape == (900, 50)
    assert (outside.predict(X) == inside.predict(X)).all()


def test_a_cache_below_the_landmarks_names_the_least():
    with pytest.raises(ValueError, match=r"300 landmarks take at least \d+MB and 1MB are allowed") as seen:
        head("nystroem-svm", n_components=300, cache_size=1).fit(X, Y)
    assert "\n" not in str(seen.value)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("linear-svm", {"C": 0}),
        ("linear-svm", {"tol": 0}),
        ("nystroem-svm", {"gamma": "large"}),
        ("nystroem-svm", {"n_components": 0}),
        ("nystroem-svm", {"n_neighbors": -1}),
        ("svm", {"pca": 0}),
        ("svm", {"pca": True}),
        ("svm", {"pca": "many"}),
    ],
)
def test_values_outside_their_domain(name, params):
    with pytest.raises(ValueError, match=f"head {name}: {next(iter(params))}="):
        head(name, **params)


# Principal components --------------------------------------------------------------------------------------
@pytest.mark.parametrize("wide", [False, True])
def test_components_are_those_of_scikit_learn(monkeypatch, wide):
    if wide:
        monkeypatch.setattr(_projection, "WHOLE", 8)
    theirs = PCA(6, svd_solver="full").fit(X)
    ours = Projection(6).fit(Rows(X))
    alike = np.abs((ours.components_ * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(alike, 1, atol=5e-3)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, atol=1e-3)
    np.testing.assert_allclose(
        np.abs(ours.transform(X)), np.abs(theirs.transform(X)), atol=0.3 if wide else 1e-3
    )


def test_components_stand_before_any_head(tmp_path):
    fitted = head("local-svm", pca=8, n_neighbors=50).fit(X, Y)
    assert isinstance(fitted, Pipeline)
    assert fitted.named_steps["local-svm"].n_features_in_ == 8
    save(fitted, tmp_path / "head.skops")
    np.testing.assert_array_equal(load(tmp_path / "head.skops").predict(X), fitted.predict(X))
    tried = try_candidates("svm", [{"pca": 8, "C": 1.0}, {"pca": 8, "C": 5.0}], X[:700], Y[:700], X[700:])
    alone = head("svm", pca=8, C=5.0).fit(X[:700], Y[:700])
    np.testing.assert_array_equal(tried[1].predicted, alone.predict(X[700:]))


def test_a_grid_behind_components_is_shared():
    search = grid_search("svm", {"C": [1.0, 10.0]}, fixed={"pca": 8}, cv=3).fit(X, Y)
    assert search.shared_
    assert set(search.best_params_) == {"svm__C"}


def test_more_components_than_dimensions():
    with pytest.raises(ValueError, match="pca: 512 components of 900 vectors of 30; take 30 or fewer"):
        head("svm", pca=512).fit(X, Y)


def test_scores_have_no_components():
    with pytest.raises(ValueError, match="head network-softmax: no parameter 'pca'"):
        checked_params("network-softmax", {"pca": 3})


# Costs -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["softmax", "linear-svm", "nystroem-svm", "svm", "bagged-svm", "local-svm",
                                  "knn", "forest"])  # fmt: skip
def test_more_rows_cost_more(name):
    small, large = (cost_of(name, [{}], n, 512, 7, n // 10, "8GB") for n in (5_000, 50_000))
    assert 0 < small.seconds < large.seconds
    assert 0 < small.bytes < large.bytes
    assert f"{name}: 5,000 rows of 512, 1 candidate: about" in str(small)


def test_a_kernel_beyond_memory_names_the_heads_to_take_and_their_times():
    cost = cost_of("svm", [{"C": 1.0}, {"C": 10.0}], 288_000, 1024, 7, 5_000, "8GB")
    assert cost.too_large
    assert [other.head for other in cost.instead] == ["nystroem-svm", "linear-svm"]
    assert "--head nystroem-svm about" in cost.advice and "--head linear-svm about" in cost.advice
    assert "nothing was changed" in cost.advice and "\n" not in cost.advice
    assert cost.seconds > max(other.seconds for other in cost.instead)
    assert cost_of("svm", [{}], 5_000, 1024, 7, 500, "8GB").advice == ""


def test_components_make_a_kernel_of_fewer_numbers():
    plain, reduced = (cost_of("local-svm", [p], 28_709, 16_897, 7, 3_589) for p in ({}, {"pca": 512}))
    assert reduced.bytes < plain.bytes


def test_sizes_and_times_in_words():
    assert [as_bytes(n) for n in (5, 2e6, 3.25e9)] == ["1 MB", "2 MB", "3.25 GB"]
    assert [as_time(s) for s in (0.2, 5, 120, 7200, 4e5)] == ["under 1 s", "5 s", "2 min", "2 h", "5 days"]


def test_a_head_from_outside_is_not_known():
    from classifiers.registry import register_head

    register_head("outside-for-costs", lambda **_: LinearSVC())
    assert "is not known" in str(cost_of("outside-for-costs", [{}], 100, 10, 2))
