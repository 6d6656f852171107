"""Votes and stacks of heads: better than their members, and blind to what a scale or a dull member says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from classifiers.combine import COMBINATIONS, Pool, Stack, Vote, as_scores, out_of_fold, temperature

KINDS = pytest.mark.parametrize("kind", COMBINATIONS.values(), ids=COMBINATIONS)


def members(n: int, noises: list[float], seed: int = 0) -> tuple[list[Any], Any]:
    """Scores that favour the true of five classes, under noise of each member's own."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 5)
    return [np.eye(5)[y] + noise * rng.normal(size=(n, 5)) for noise in noises], y


@KINDS
def test_together_better_than_each(kind: Any) -> None:
    known, y = members(1500, [0.6, 0.6, 0.6])
    asked, truth = members(3000, [0.6, 0.6, 0.6], seed=1)
    found = kind().fit(known, y).predict_proba(asked)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    best = max((s.argmax(1) == truth).mean() for s in asked)
    assert (found.argmax(1) == truth).mean() > best + 0.05
    np.testing.assert_array_equal(kind().fit(known, y).predict(asked), found.argmax(1))


@KINDS
def test_a_member_that_knows_nothing_does_no_harm(kind: Any) -> None:
    known, y = members(1500, [0.4, 100.0])
    asked, truth = members(3000, [0.4, 100.0], seed=1)
    found = kind().fit(known, y).predict(asked)
    assert (found == truth).mean() > (asked[0].argmax(1) == truth).mean() - 0.01
    assert Vote().fit(known, y).weights_[1] < 0.1


@settings(deadline=None, max_examples=8)
@given(st.floats(0.02, 50), st.floats(-20, 20))
def test_neither_scale_nor_offset_of_a_member_matters(scale: float, offset: float) -> None:
    known, y = members(200, [0.5, 0.7])
    moved = [known[0] * scale + offset, known[1]]
    for kind in COMBINATIONS.values():
        given, same = (kind().fit(s, y).predict_proba(s) for s in (known, moved))
        np.testing.assert_allclose(given, same, atol=0.02)


def test_the_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20000, 4)) * 2
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    y = (p.cumsum(1) > rng.random((len(p), 1))).argmax(1)
    assert temperature(z * 3, y) == pytest.approx(3, rel=0.05)


def distributions(fitted: Any, members: Any) -> Any:
    """Return (m, n, k): each member's scores as probabilities, at its own temperature."""
    return np.stack([softmax(s / t, axis=1) for s, t in zip(members, fitted.temperatures_, strict=True)])


def test_weights_are_of_most_likelihood() -> None:
    known, y = members(400, [0.5, 0.9, 0.7])
    vote = Vote().fit(known, y)
    P = distributions(vote, known)[:, np.arange(400), y]

    def loss(w: Any) -> float:
        return float(-np.log(w @ P).mean())

    assert vote.weights_.sum() == pytest.approx(1) and (vote.weights_ >= 0).all()
    for other in np.random.default_rng(0).dirichlet(np.ones(3), 300):
        assert loss(vote.weights_) <= loss(other) + 1e-6


def test_a_pool_of_one_is_that_member_at_its_temperature() -> None:
    known, y = members(4000, [0.6])
    pool = Pool().fit(known, y)
    assert pool.weights_[0] == pytest.approx(1, abs=0.02) and np.abs(pool.bias_).max() < 0.1
    np.testing.assert_allclose(pool.predict_proba(known), distributions(pool, known)[0], atol=0.02)


def test_weights_of_a_pool_are_of_most_likelihood() -> None:
    known, y = members(400, [0.5, 0.9, 0.7])
    pool = Pool().fit(known, y)
    logs = np.log(distributions(pool, known))

    def loss(w: Any, b: Any) -> float:
        said = np.exp(np.tensordot(w, logs, axes=1) + b)
        return float(-np.log((said / said.sum(1, keepdims=True))[np.arange(400), y]).sum() + b @ b / 2)

    best = loss(pool.weights_, pool.bias_)
    rng = np.random.default_rng(0)
    for _ in range(300):
        w = np.maximum(pool.weights_ + 0.1 * rng.normal(size=3), 0)
        assert best <= loss(w, pool.bias_ + 0.1 * rng.normal(size=5)) + 1e-3


def test_a_pool_hears_who_rules_a_class_out() -> None:
    """Two members favour class 0 a little, one is sure that it is not: a vote is for 0, a pool for 1."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 3000)
    vague = [np.eye(3)[np.where(rng.random(3000) < 0.5, y, rng.integers(0, 3, 3000))] for _ in range(2)]
    sure = np.where(np.eye(3)[y] + (rng.random((3000, 3)) < 0.5) > 0, 0.0, -20.0)  # what it excludes is wrong
    one = [np.array([[1.0, 0, 0]]), np.array([[1.0, 0, 0]]), np.array([[-20.0, 0, 0]])]
    pool, vote = (kind().fit([*vague, sure], y) for kind in (Pool, Vote))
    assert pool.predict_proba(one)[0, 0] < 0.01 < vote.predict_proba(one)[0, 0]


def test_a_class_that_validation_lacks_gets_nothing_from_a_stack() -> None:
    known, y = members(400, [0.5, 0.5])
    kept = y != 3
    found = Stack().fit([s[kept] for s in known], y[kept]).predict_proba(known)
    assert found.shape == (400, 5) and (found[:, 3] == 0).all()


def test_probabilities_become_logarithms_and_zero_is_no_proof() -> None:
    np.testing.assert_allclose(as_scores([[1.0, 0.0]], True), [[0, np.log(1e-4)]])
    np.testing.assert_array_equal(as_scores([[1, -2]], False), [[1.0, -2.0]])


def test_every_sample_is_answered_for_by_the_others() -> None:
    y = np.arange(40) % 2

    def said(fit: Any, held: Any) -> Any:
        assert not set(fit) & set(held)
        return np.column_stack([held, held])

    np.testing.assert_array_equal(out_of_fold(said, y, 2)[:, 0], np.arange(40))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "needs a member"),
        ([np.zeros((4, 2)), np.zeros((4, 3))], "differ in shape"),
        ([np.zeros(4)], "differ in shape"),
        ([np.full((4, 2), np.nan)], "member 0 hold NaN"),
        ([np.zeros((5, 2))], "4 labels for the scores of 5"),
    ],
)
def test_wrong_members_are_refused(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Vote().fit(given, np.arange(4) % 2)


def test_as_many_members_as_were_learned_from() -> None:
    known, y = members(50, [0.5, 0.5])
    with pytest.raises(ValueError, match="fitted on 2 members, asked of 1"):
        Vote().fit(known, y).predict_proba(known[:1])
