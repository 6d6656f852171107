"""Searches under a bound on memory: the same answers from smaller pieces."""

from __future__ import annotations

import logging
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import head
from classifiers.memory import bounded, gigabytes
from classifiers.search import GridSearchCV as SharedGridSearch
from classifiers.search import try_candidates
from tests.classifiers.conftest import DATA, blobs
from tests.classifiers.search.test_grid import FOLDS, GRIDS, scores_of

#: "seven" asks for 0.7 MB in one matrix and 0.15 MB for its largest pair.
FORMS = {"pair by pair": "0.3MB", "cached rows": "10kB"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["svm", "bagged-svm"])
def test_every_form_gives_the_same_scores(name: str, form: str, caplog: pytest.LogCaptureFixture) -> None:
    X, y = DATA["seven"]
    whole = SharedGridSearch(head(name), GRIDS[name], cv=FOLDS).fit(X, y)
    with caplog.at_level(logging.INFO, logger="classifiers"):
        small = SharedGridSearch(head(name), GRIDS[name], cv=FOLDS, memory=FORMS[form]).fit(X, y)
    assert small.shared_ and form in caplog.text and f"{gigabytes(FORMS[form]):.3g}" in caplog.text
    assert np.abs(scores_of(small) - scores_of(whole)).max() <= 1.01 / 140
    assert (small.predict(X) == whole.predict(X)).mean() > 0.95
    assert small.best_estimator_.cache_size == pytest.approx(gigabytes(FORMS[form]) * 1000)


def test_probabilities_without_the_matrix() -> None:
    X, y = DATA["seven"]
    grid = {"C": [0.1, 1.0], "probability": [True]}
    whole, small = (
        SharedGridSearch(head("svm"), grid, cv=FOLDS, scoring="neg_log_loss", memory=memory).fit(X, y)
        for memory in (1, "0.3MB")
    )
    np.testing.assert_allclose(scores_of(small), scores_of(whole), atol=5e-3)


def test_candidates_on_held_out_vectors_keep_to_it(caplog: pytest.LogCaptureFixture) -> None:
    X, y = DATA["seven"]
    points = [{"C": 1.0}, {"C": 10.0}]
    with caplog.at_level(logging.INFO, logger="classifiers"):
        small = try_candidates("svm", points, X[:300], y[:300], X[300:], memory="0.2MB")
    whole = try_candidates("svm", points, X[:300], y[:300], X[300:])
    assert "pair by pair" in caplog.text
    for a, b in zip(small, whole, strict=True):
        assert (a.predicted == b.predicted).mean() > 0.98


def test_the_peak_is_bounded() -> None:
    """The kernel of 1,500 vectors takes 9 MB, and with a pair's part beside it more; 4 MB must do."""
    X, y = blobs(1500, 8, 5)
    grid = {"C": [1.0, 10.0], "n_jobs": [1]}
    peaks = {}
    for memory in ("100MB", "4MB"):
        search = SharedGridSearch(head("svm", n_jobs=1), grid, cv=FOLDS, refit=False, memory=memory)
        tracemalloc.start()
        search.fit(X, y)
        peaks[memory] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    assert peaks["100MB"] > 9 > 2 * 4 > peaks["4MB"]


@pytest.mark.parametrize(
    ("written", "gb"),
    [("4GB", 4), (" 500 mb ", 0.5), ("2GiB", 2.147483648), ("1e3MB", 1), (".5TB", 500), ("7b", 7e-9), (3, 3)],
)
def test_memory_as_written(written: Any, gb: float) -> None:
    assert gigabytes(written) == pytest.approx(gb)


@pytest.mark.parametrize(
    "bad", ["4", "", "GB", "-1GB", "four GB", "0GB", "1e999GB", "4 gigs", 0, -1, math.nan]
)
def test_memory_that_cannot_be_read(bad: Any) -> None:
    X, y = DATA["two"]
    with pytest.raises(ValueError, match="memory .*such as 4GB") as seen:
        SharedGridSearch(head("svm"), {"C": [1.0]}, memory=bad).fit(X, y)
    assert "\n" not in str(seen.value)


@given(st.floats(1e-3, 1e6), st.sampled_from(["MB", "GB", "MiB", "gib"]))
def test_a_number_survives_being_written(number: float, unit: str) -> None:
    assert gigabytes(f"{number!r}{unit}") == pytest.approx(number * gigabytes(f"1{unit}"))


def test_a_head_without_kernels_is_left_alone() -> None:
    assert bounded(knn := head("knn"), "1MB") is knn
    assert bounded(head("svm"), "1MB").cache_size == 1
    assert bounded(svm := head("svm", cache_size=5), "1GB") is svm
