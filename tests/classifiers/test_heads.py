"""One body of tests over every registered head."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from classifiers import answers, head, list_heads, probabilities, scores
from classifiers.registry import checked_params, head_spec
from tests.classifiers.conftest import DATA, blobs

QUICK: dict[str, dict[str, Any]] = {
    "forest": {"n_estimators": 25},
    "bagged-svm": {"n_estimators": 5, "max_samples": 0.6},
    "local-svm": {"n_neighbors": 40},
}


def quick(name: str, **params: Any) -> Any:
    return head(name, **{**QUICK.get(name, {}), **params})


@pytest.fixture(params=list_heads())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_learns_and_gives_a_score_a_class(name: str) -> None:
    X, y = blobs(600, 24, 7, spread=0.8)
    fitted = quick(name).fit(X[:400], y[:400])
    found = scores(fitted, X[400:])
    assert found.shape == (200, 7) and found.dtype == np.float64 and np.isfinite(found).all()
    assert (fitted.predict(X[400:]) == y[400:]).mean() > 0.85
    assert (found.argmax(axis=1) == y[400:]).mean() > 0.85


def test_two_classes_have_two_columns(name: str) -> None:
    X, y = DATA["two"]
    fitted = quick(name).fit(X, y)
    found = scores(fitted, X)
    assert found.shape == (len(X), 2)
    np.testing.assert_array_equal(fitted.classes_[found.argmax(axis=1)], fitted.predict(X))


@pytest.mark.parametrize("data", ["two", "tall"])
def test_answers_are_labels_and_scores_together(name: str, data: str) -> None:
    X, y = DATA[data]
    fitted = quick(name).fit(X, y)
    labels, found, seconds = answers(fitted, X)
    np.testing.assert_array_equal(labels, fitted.predict(X))
    np.testing.assert_array_equal(found, scores(fitted, X))
    assert seconds > 0


def test_labels_may_be_words_or_any_integers(name: str) -> None:
    X, y = DATA["tall"]
    codes = quick(name).fit(X, y).predict(X)
    words = np.array(["sad", "angry", "happy"])
    order = np.argsort(words)  # a head orders classes by name: give the same order to compare
    as_words = quick(name).fit(X, words[order][y]).predict(X)
    np.testing.assert_array_equal(as_words, words[order][codes])
    np.testing.assert_array_equal(quick(name).fit(X, y * 10 - 7).predict(X), codes * 10 - 7)


def test_the_same_seed_gives_the_same_head(name: str) -> None:
    X, y = DATA["seven"]
    first, second = (quick(name).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(scores(first, X), scores(second, X))


def test_threads_change_nothing(name: str) -> None:
    if "n_jobs" not in head_spec(name).params.model_fields:
        pytest.skip("this head has no threads of its own")
    X, y = DATA["seven"]
    one, two = (quick(name, n_jobs=n).fit(X, y) for n in (1, 2))
    np.testing.assert_array_equal(scores(one, X), scores(two, X))


def test_clone_and_parameters(name: str) -> None:
    built = quick(name)
    assert clone(built).get_params() == built.get_params()
    assert set(built.get_params()) == set(head_spec(name).params.model_fields)
    assert set(head_spec(name).grid) <= set(built.get_params())


def test_a_row_is_predicted_the_same_alone(name: str) -> None:
    X, y = DATA["seven"]
    fitted = quick(name).fit(X, y)
    alone = np.concatenate([scores(fitted, X[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, scores(fitted, X)[:5], atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite(name: str, bad: float) -> None:
    X, y = DATA["tall"]
    broken = X.copy()
    broken[[3, 7], 1] = bad
    with pytest.raises(
        ValueError, match=r"2 of 400 vectors hold NaN or infinity \(the first is row 3\)"
    ) as seen:
        quick(name).fit(broken, y)
    assert "\n" not in str(seen.value)
    with pytest.raises(ValueError, match="NaN or infinity"):
        quick(name).fit(X, y).predict(broken)


def test_one_class_only(name: str) -> None:
    X, _ = DATA["tall"]
    with pytest.raises(ValueError, match="all 400 samples are of one class") as seen:
        quick(name).fit(X, np.full(400, "happy"))
    assert "\n" not in str(seen.value)


def test_wrong_parameters_are_one_line(name: str) -> None:
    with pytest.raises(ValueError, match="no parameter 'n_neihgbors'") as seen:
        head(name, n_neihgbors=3)
    assert "\n" not in str(seen.value)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("svm", {"C": 0}),
        ("svm", {"C": -1}),
        ("svm", {"C": float("nan")}),
        ("svm", {"gamma": "large"}),
        ("svm", {"gamma": 0}),
        ("softmax", {"C": 0}),
        ("softmax", {"max_iter": 0}),
        ("knn", {"n_neighbors": 0}),
        ("knn", {"metric": "cosine"}),
        ("forest", {"n_estimators": 0}),
        ("forest", {"max_features": 1.5}),
        ("forest", {"min_samples_split": 1}),
        ("bagged-svm", {"max_samples": 0.0}),
        ("bagged-svm", {"max_samples": 1.01}),
    ],
)
def test_values_outside_their_domain(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"head {name}: {next(iter(params))}=") as seen:
        head(name, **params)
    assert "\n" not in str(seen.value)


@given(C=st.floats(1e-6, 1e6), gamma=st.one_of(st.sampled_from(["scale", "auto"]), st.floats(1e-9, 1e3)))
def test_valid_values_survive_checking(C: float, gamma: float | str) -> None:
    checked = checked_params("svm", {"C": C, "gamma": gamma})
    assert checked["C"] == C and checked["gamma"] == gamma
    assert checked_params("svm", checked) == checked


@given(st.integers(-5, 5))
def test_the_number_of_neighbours(k: int) -> None:
    if k >= 1:
        assert checked_params("knn", {"n_neighbors": k})["n_neighbors"] == k
    else:
        with pytest.raises(ValueError, match="n_neighbors"):
            checked_params("knn", {"n_neighbors": k})


def test_more_neighbours_than_vectors() -> None:
    X, y = DATA["two"]
    with pytest.raises(ValueError, match="n_neighbors=161 is more than the 160 training vectors"):
        head("knn", n_neighbors=161).fit(X, y)
    assert head("knn", n_neighbors=160).fit(X, y).predict_proba(X).shape == (160, 2)


def test_more_samples_in_a_bag_than_vectors() -> None:
    X, y = DATA["two"]
    with pytest.raises(ValueError, match="max_samples=161 is more than the 160"):
        head("bagged-svm", max_samples=161).fit(X, y)


@pytest.mark.parametrize("name", ["svm", "bagged-svm"])
def test_probabilities_only_when_asked(name: str) -> None:
    X, y = DATA["seven"]
    plain = quick(name).fit(X, y)
    assert not hasattr(plain, "predict_proba") and not hasattr(plain, "sigmoids_")
    with pytest.raises(ValueError, match="probability=True"):
        probabilities(plain, X)
    asked = quick(name, probability=True).fit(X, y)
    found = probabilities(asked, X)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(asked.predict(X), plain.predict(X))


@pytest.mark.parametrize("name", ["svm", "bagged-svm"])
def test_probabilities_need_two_samples_of_each_class(name: str) -> None:
    X, y = DATA["two"]
    y = y.copy()
    y[0] = 2
    with pytest.raises(ValueError, match="two samples of each class"):
        quick(name, probability=True).fit(X, y)


@pytest.mark.parametrize("name", ["svm", "bagged-svm"])
@pytest.mark.parametrize("which", ["two", "seven"])
def test_probabilities_are_better_than_the_class_shares(name: str, which: str) -> None:
    from sklearn.metrics import log_loss

    X, y = DATA[which]
    held_out = cross_val_predict(quick(name, probability=True), X, y, cv=3, method="predict_proba")
    shares = np.bincount(y) / len(y)
    assert log_loss(y, held_out) < 0.8 * log_loss(y, np.tile(shares, (len(y), 1)))


def test_pairwise_scores_are_refused_as_class_scores() -> None:
    X, y = DATA["seven"]
    fitted = head("svm", decision_function_shape="ovo").fit(X, y)
    assert fitted.decision_function(X).shape == (len(X), 21)
    with pytest.raises(ValueError, match="decision_function_shape"):
        scores(fitted, X)


def test_a_fit_cut_short_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    X, y = DATA["wide"]
    with caplog.at_level(logging.WARNING, logger="classifiers"):
        head("softmax", max_iter=1).fit(X, y)
        head("svm", max_iter=1).fit(X, y)
    assert [r.message.split(":")[0] for r in caplog.records][:2] == ["softmax", "svm"]


@pytest.mark.parametrize("params", [{}, {"kernel": "poly", "coef0": 1.0}, {"class_weight": "balanced"}])
def test_a_pair_beyond_the_memory_is_solved_from_cached_rows(
    params: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    X, y = DATA["seven"]
    with caplog.at_level(logging.INFO, logger="classifiers"):
        rows, whole = head("svm", cache_size=0.01, **params).fit(X, y), head("svm", **params).fit(X, y)
    assert "solved from cached rows" in caplog.text and "\n" not in caplog.records[0].getMessage()
    apart = np.abs(scores(rows, X) - scores(whole, X))
    assert (apart > 0.02).mean() < 0.005  # a vote of a vector on the border may fall the other way


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16))
def test_pairs_without_the_whole_matrix_give_the_same_machines(seed: int) -> None:
    X, y = blobs(120, 5, 3, seed=seed)
    whole, parts = head("svm").fit(X, y), head("svm", cache_size=0.05).fit(X, y)
    np.testing.assert_allclose(scores(whole, X), scores(parts, X), atol=2e-2)


def test_a_kernel_that_overflows() -> None:
    X, y = DATA["two"]
    with pytest.raises(ValueError, match="poly kernel of these vectors overflows; scale them"):
        head("svm", kernel="poly", degree=9, gamma=1.0).fit(X * 1e6, y)


def test_importing_the_heads_is_cheap() -> None:
    code = (
        "import sys, classifiers; [classifiers.registry.head_spec(n) for n in classifiers.list_heads()]; "
        "print([m for m in ('sklearn', 'numba', 'scipy', 'skops') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
