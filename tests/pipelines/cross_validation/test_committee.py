"""The committee of ridge regressions on motion maps."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers.candidates import MeanCandidate, RidgeCandidates
from featurize.clips.maps import altered
from pipelines.cross_validation.committee import (
    PLACES,
    REGIONS,
    RIDGES,
    VIEWS,
    WEIGHTINGS,
    committee,
    design_kernels,
    members,
    subset,
)
from pipelines.cross_validation.nested import cross_validate

N = 30
Y, SUBJECTS = np.arange(N) % 3, np.array([f"s{i // 6}" for i in range(N)])
SETS = np.where(np.arange(N) < 18, "one", "two")


@pytest.fixture(scope="module")
def maps():
    """Maps whose class is the direction in which a patch moves."""
    rng = np.random.default_rng(0)
    maps = rng.normal(128, 10, (N, 28, 28, 3))
    for i, label in enumerate(Y):
        row = 6 + rng.integers(0, 4)
        maps[i, row : row + 8, 10:18, 1] += (-70, 0, 70)[label]
        maps[i, row : row + 8, 10:14, 0] += (0, 60, 0)[label]
        maps[i, row : row + 8, 14:18, 0] -= (0, 60, 0)[label]
    return np.clip(maps, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def kernels(maps):
    return design_kernels(maps, SUBJECTS, SETS)


def test_every_design_has_a_kernel(kernels):
    assert set(kernels) == set(subset(PLACES, REGIONS, VIEWS))
    assert len({design.title for design in kernels}) == len(kernels) == 24
    for design, K in kernels.items():
        assert K.shape == (N, N), design
        assert np.allclose(K, K.T), design
        # Every extractor, and each of the two widths, adds a kernel whose diagonal has a mean of 1.
        assert np.mean(np.diag(K)) == pytest.approx(2 * len(design.views)), design


def test_designs_differ(kernels):
    whole, parts = (kernels[d] for d in subset(("as cropped",), REGIONS, ((0,),)))
    cropped, placed = (kernels[d] for d in subset(PLACES[::2], (1,), ((0,),)))
    assert not np.allclose(whole, parts)
    assert not np.allclose(cropped, placed)


def test_a_smaller_committee_is_a_part_of_it():
    assert len(subset(PLACES[:1], REGIONS, VIEWS[:2])) == 4


def test_the_committee_is_the_mean_of_its_members(kernels):
    test = np.flatnonzero(SUBJECTS == "s1")
    train = np.setdiff1d(np.arange(N), test)
    every = members(kernels, Y)
    mean = MeanCandidate(every)
    assert len(every.candidates) == 24 * len(RIDGES) * len(WEIGHTINGS)
    assert len(mean.candidates) == 1
    assert mean.candidates[0]["mean of"] == every.candidates
    scores = mean.scores(train, test)
    assert scores.shape == (1, 6, 3)
    assert scores[0] == pytest.approx(every.scores(train, test).mean(axis=0))
    (held,) = mean.held_out(train, [train[:5]])
    assert held == pytest.approx(mean.scores(train[5:], train[:5]))


def test_it_learns_and_is_the_same_under_every_assignment(kernels):
    mean = MeanCandidate(members(kernels, Y))
    first, second = (cross_validate(mean, Y, SUBJECTS, seed=seed) for seed in (0, 1))
    assert np.array_equal(first.scores, second.scores)
    assert "nothing to choose" in first.words
    assert np.mean(first.predicted == Y) > 0.6
    assert np.isnan(first.inner).all()


def test_labels_of_the_test_subject_decide_nothing(kernels):
    test = np.flatnonzero(SUBJECTS == "s2")
    train = np.setdiff1d(np.arange(N), test)
    other = Y.copy()
    other[test] = (other[test] + 1) % 3
    plain, changed = (members(kernels, y).scores(train, test) for y in (Y, other))
    assert changed == pytest.approx(plain, abs=1e-8)


def test_a_mirrored_test_map_gets_the_same_scores(maps, kernels):
    train, test = np.arange(24), np.arange(24, N)
    mirrored = np.concatenate([maps[:24], altered(maps[24:], mirror=True)])
    plain = MeanCandidate(members(kernels, Y)).scores(train, test)
    assert np.abs(plain - committee(mirrored, Y, SUBJECTS, SETS).scores(train, test)).max() < 0.1


def test_the_mean_of_one_member_is_that_member():
    K = np.eye(6) + 0.1
    one = RidgeCandidates({"k": K}, np.arange(6) % 3, (0.5,), {"plain": (1.0, 1.0, 1.0)})
    train, test = np.arange(3), np.arange(3, 6)
    assert np.array_equal(MeanCandidate(one).scores(train, test), one.scores(train, test))
