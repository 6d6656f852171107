"""A head's label and its numbers: asked for together, and which of them may be taken for the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from classifiers import answers, head, label_is_largest, list_heads, scores
from classifiers.registry import head_spec
from classifiers.scoring import in_order_of_labels
from tests.classifiers.conftest import DATA

QUICK: dict[str, dict[str, Any]] = {
    "forest": {"n_estimators": 2},
    "bagged-svm": {"n_estimators": 4, "max_samples": 0.6},
    "local-svm": {"n_neighbors": 20},
    "knn": {"n_neighbors": 2},
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *[(name, {}) for name in list_heads()],
    *[(n, {"probability": True}) for n in list_heads() if "probability" in head_spec(n).params.model_fields],
    ("svm", {"break_ties": True}),
    ("knn", {"weights": "distance", "n_neighbors": 6}),
]


@pytest.mark.parametrize("data", ["duplicates", "seven", "two"])
@pytest.mark.parametrize(("name", "params"), VARIANTS, ids=str)
def test_labels_and_numbers_of_one_pass(name: str, params: dict[str, Any], data: str) -> None:
    X, y = DATA[data]
    fitted = head(name, **{**QUICK.get(name, {}), **params}).fit(X, y)
    labels, found, _ = answers(fitted, X)
    np.testing.assert_array_equal(labels, fitted.predict(X))
    np.testing.assert_array_equal(found, scores(fitted, X))
    at = np.searchsorted(fitted.classes_, labels)
    if label_is_largest(fitted):
        np.testing.assert_array_equal(found[np.arange(len(X)), at], found.max(axis=1))
    np.testing.assert_array_equal(in_order_of_labels(found, at).argmax(axis=1), at)


@pytest.mark.parametrize(
    ("name", "params", "data", "ranks"),
    [
        ("svm", {}, "seven", False),
        ("svm", {}, "two", True),
        ("svm", {"break_ties": True}, "seven", True),
        ("svm", {"break_ties": True, "probability": True}, "seven", False),
        ("bagged-svm", {"probability": True}, "two", False),
        ("bagged-svm", {}, "seven", True),
        ("softmax", {}, "seven", True),
    ],
    ids=str,
)
def test_what_a_head_states_of_its_numbers(name: str, params: dict[str, Any], data: str, ranks: bool) -> None:
    fitted = head(name, **{**QUICK.get(name, {}), **params}).fit(*DATA[data])
    assert label_is_largest(fitted) is ranks


def test_a_head_that_states_nothing() -> None:
    from sklearn.dummy import DummyClassifier

    assert label_is_largest(DummyClassifier()) is False
    assert label_is_largest(head("network-softmax").fit(np.eye(3), [0, 1, 2])) is True


def test_a_networks_own_scores() -> None:
    raw = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    raw[:5] = raw[:5, :1]  # all equal: the first class
    soft = (np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)).astype(np.float32)
    for X in (raw, soft):
        fitted = head("network-softmax").fit(X, np.arange(40) % 7)
        labels, found, _ = answers(fitted, X)
        np.testing.assert_array_equal(labels, fitted.predict(X))
        np.testing.assert_array_equal(found.argmax(axis=1), labels)
        assert not labels[:5].any()


@pytest.mark.parametrize(
    ("row", "label", "expected"),
    [
        ([3.0, 1.0, 2.0], 0, [3.0, 1.0, 2.0]),  # nothing to do
        ([2.0, 2.0, 1.0], 0, [2.0, 2.0, 1.0]),  # the first of equals is the label's
        ([2.0, 2.0, 1.0], 1, [2.0, 2.0 + 2e-9, 1.0]),
        ([-9.0, -3.0, -4.0], 2, [-9.0, -3.0, -3.0 + 3e-9]),
    ],
)
def test_scores_in_order_of_labels(row: list[float], label: int, expected: list[float]) -> None:
    given: NDArray[np.float64] = np.array([row])
    found = in_order_of_labels(given, np.array([label]))
    np.testing.assert_allclose(found, [expected], rtol=1e-15)
    assert found.argmax() == label
    np.testing.assert_array_equal(given, [row])  # left as it was


def test_no_scores_in_order_of_no_labels() -> None:
    assert in_order_of_labels(np.empty((0, 4)), np.empty(0, np.intp)).shape == (0, 4)
