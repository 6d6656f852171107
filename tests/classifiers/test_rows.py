"""Vectors that are read in blocks: the same rows, the same heads, bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers import Rows, answers, head, scores
from classifiers._rows import blocks, check_memory, for_fit, is_finite, least_memory, selected, spans, stacked
from classifiers.search import grid_search, holdout, try_candidates
from tests.classifiers.conftest import blobs

X, Y = blobs(600, 24, 5, spread=1.5)


@pytest.fixture
def mapped(tmp_path):
    """Rows of a memory-mapped float16 and a float32 file, side by side and below each other."""
    left, right = X[:, :10].astype(np.float16), X[:, 10:]
    np.save(tmp_path / "left.npy", left)
    np.save(tmp_path / "right.npy", right)
    parts = [np.load(tmp_path / f"{n}.npy", mmap_mode="r") for n in ("left", "right")]
    return Rows(*parts), np.hstack([left.astype(np.float32), right])


@pytest.mark.parametrize("rows", [slice(3, 70), [5, 2, 2, 99], np.arange(600) % 3 == 0, slice(0, 0)])
def test_rows_are_those_of_the_array(mapped, rows):
    found, expected = mapped
    np.testing.assert_array_equal(found[rows], expected[rows])
    assert found[rows].dtype == np.float32


def test_taking_stacking_and_scaling_read_nothing(mapped, monkeypatch):
    rows, expected = mapped
    monkeypatch.setattr(Rows, "__getitem__", lambda *_: pytest.fail("read"))
    order = np.random.default_rng(0).permutation(600)
    some = stacked([rows.take(order[:50]), expected[:7], rows.take(order[50:60])])
    scaled = some.scaled(expected.mean(axis=0), expected.std(axis=0))
    monkeypatch.undo()
    both = np.concatenate([expected[order[:50]], expected[:7], expected[order[50:60]]])
    np.testing.assert_array_equal(np.asarray(some), both)
    np.testing.assert_allclose(
        np.asarray(scaled), (both - expected.mean(axis=0)) / expected.std(axis=0), atol=1e-5
    )
    with pytest.raises(ValueError, match="scaled"):
        stacked([scaled, some])


def test_blocks_cover_every_row_once(mapped):
    rows, expected = mapped
    for given in (rows, expected):
        assert [len(block) for _, block in blocks(given, 250)] == [250, 250, 100]
        np.testing.assert_array_equal(np.concatenate([b for _, b in blocks(given, 250)]), expected)
    assert spans(0, 8) == [slice(0, 0)]


def test_rows_that_follow_each_other_are_a_view():
    assert np.shares_memory(selected(X, np.arange(5, 90)), X)
    assert not np.shares_memory(selected(X, np.array([5, 7])), X)


def test_memory_below_one_block_is_refused_with_the_least():
    least = int(np.ceil(least_memory(1024) / 1e6))
    with pytest.raises(ValueError, match=f"at least {least}MB") as seen:
        check_memory(0.001, 1024)
    assert "\n" not in str(seen.value)
    check_memory(least / 1000 + 0.001, 1024)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_named(bad):
    broken = X.copy()
    broken[[400, 500], 3] = bad
    assert not is_finite(Rows(broken))
    for name in ("softmax", "knn", "svm"):
        with pytest.raises(ValueError, match=r"2 of 600 vectors hold NaN or infinity \(the first is row 400"):
            head(name).fit(Rows(broken), Y)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("softmax", {"C": 0.1}),
        ("linear-svm", {"C": 0.1}),
        ("nystroem-svm", {"n_components": 100}),
        ("nystroem-svm", {"n_components": 100, "scale": "standard"}),
        ("knn", {"metric": "manhattan"}),
        ("knn", {"scale": "standard"}),
        ("forest", {"n_estimators": 7}),
        ("svm", {}),
        ("local-svm", {"n_neighbors": 30}),
    ],
)
def test_a_head_on_rows_is_the_head_on_the_array(name, params, tmp_path):
    np.save(tmp_path / "X.npy", X)
    rows = Rows(np.load(tmp_path / "X.npy", mmap_mode="r"))
    whole, blocked = (head(name, **params).fit(given, Y) for given in (X, rows))
    labels, given, seconds = answers(blocked, rows)
    assert (labels == whole.predict(X)).mean() > 0.99
    np.testing.assert_allclose(given, scores(whole, X), atol=0.02 if name == "softmax" else 1e-3)
    np.testing.assert_array_equal(scores(blocked, rows), given)
    assert seconds > 0


def test_labels_and_rows_of_another_number():
    with pytest.raises(ValueError, match="600 vectors and 599 labels"):
        head("linear-svm").fit(Rows(X), Y[:-1])


@pytest.mark.parametrize("name", ["softmax", "linear-svm", "nystroem-svm", "knn", "forest", "svm"])
def test_candidates_on_rows_are_those_on_arrays(name):
    grid = {
        "knn": [{"n_neighbors": k} for k in (1, 9)],
        "forest": [{"n_estimators": n} for n in (3, 6)],
        "nystroem-svm": [{"C": c, "n_components": 80} for c in (0.1, 10.0)],
    }.get(name, [{"C": c} for c in (0.1, 1.0)])
    plain = try_candidates(name, grid, X[:450], Y[:450], X[450:])
    rows = Rows(X)
    blocked = try_candidates(name, grid, rows.take(np.arange(450)), Y[:450], rows.take(np.arange(450, 600)))
    for a, b in zip(plain, blocked, strict=True):
        assert (a.predicted == b.predicted).mean() >= 0.98


def test_a_search_takes_rows():
    held = np.arange(600) % 4 == 0
    found = grid_search("linear-svm", {"C": [0.01, 0.1]}, cv=holdout(held), refit=False, scoring="accuracy")
    plain = grid_search("linear-svm", {"C": [0.01, 0.1]}, cv=holdout(held), refit=False, scoring="accuracy")
    found.fit(Rows(X), Y)
    plain.fit(X, Y)
    assert found.shared_
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_a_classifier_from_outside_is_given_an_array():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    rows = Rows(X)
    for plain in (LinearSVC(), make_pipeline(StandardScaler(), LinearSVC()), head("svm")):
        assert isinstance(for_fit(plain, rows), np.ndarray)
    for blocked in (head("linear-svm"), head("svm", pca=3)):
        assert for_fit(blocked, rows) is rows
    assert for_fit(LinearSVC(), X) is X
