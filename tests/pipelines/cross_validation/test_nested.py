"""Leaving one subject out: the test subject reaches neither fitting nor choosing; leaky ways are marked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score

from classifiers.candidates import HeadCandidates, RidgeCandidates, SVMCandidates
from pipelines.cross_validation.folds import grouped
from pipelines.cross_validation.nested import choose_together, cross_validate
from pipelines.cross_validation.network_candidates import STSTNetCandidates
from pipelines.metrics.scores import uf1_uar
from pipelines.metrics.significance import subject_interval


def subjects_with_a_smell(n_subjects=14, per=8, seed=0):
    """Weak classes, and a strong mark of each subject that goes with its favourite class: leaks pay."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_subjects), per)
    favourite = np.arange(n_subjects) % 3
    y = np.where(rng.random(len(groups)) < 0.7, favourite[groups], rng.integers(0, 3, len(groups)))
    smell = rng.normal(0, 3, (n_subjects, 10))[groups]
    X = np.hstack([smell, 0.8 * np.eye(3)[y] + rng.normal(0, 0.7, (len(y), 3))])
    return X.astype(np.float32), y, np.array([f"s{g:02d}" for g in groups])


class Recorder:
    """Runs that know no answer, and write down what they are asked."""

    def __init__(self, y, quality=(0.2, 0.9, 0.5)):
        self.candidates = [{"number": i} for i in range(len(quality))]
        self.y, self.quality, self.asked, self.inner = y, quality, [], []

    def _say(self, test, cell):
        rng = np.random.default_rng([cell, len(test)])
        right = rng.random(len(test)) < self.quality[cell]
        return np.eye(3)[np.where(right, self.y[test], (self.y[test] + 1) % 3)]

    def scores(self, train, test, cell=None):
        self.asked.append((train, test, cell))
        which = range(len(self.quality)) if cell is None else [cell]
        return np.stack([self._say(test, c) for c in which])

    def held_out(self, train, folds):
        self.inner.append((train, folds))
        return [np.stack([self._say(f, c) for c in range(len(self.quality))]) for f in folds]


@pytest.mark.parametrize("protocol", ["loso", "grouped-kfold"])
def test_no_subject_is_on_both_sides_outside_or_inside(protocol):
    X, y, groups = subjects_with_a_smell()
    cells = Recorder(y)
    found = cross_validate(cells, y, groups, protocol=protocol, folds=4, inner=5, n_jobs=1)
    tested = np.concatenate([test for _, test, _ in cells.asked])
    assert sorted(tested.tolist()) == list(range(len(y)))
    assert len(cells.asked) == (14 if protocol == "loso" else 4)
    for (train, test, _), (seen, folds) in zip(cells.asked, cells.inner, strict=True):
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == len(y)
        assert np.array_equal(seen, train)  # choosing sees the training subjects and no other
        assert sorted(np.concatenate(folds).tolist()) == train.tolist()
        assert len(folds) == 5
        for a in range(5):
            others = np.concatenate([f for b, f in enumerate(folds) if b != a])
            assert not set(groups[folds[a]]) & set(groups[others])
    assert {c["number"] for c in found.chosen} == {1}
    assert found.marks == ()


def test_pooled_predictions_are_those_of_plain_loops():
    from sklearn.svm import SVC

    X, y, groups = subjects_with_a_smell(6, 9)
    K = {g: np.exp(-float(g) * ((X[:, None] - X[None]) ** 2).sum(2)) for g in ("0.01", "0.1")}
    found = cross_validate(SVMCandidates(K, y, C=(1, 10)), y, groups, inner=3)
    for s, name in enumerate(np.unique(groups)):
        test, train = np.flatnonzero(groups == name), np.flatnonzero(groups != name)
        parts = grouped(np.unique(groups, return_inverse=True)[1][train], 3, 0)
        best = (-1.0, None)
        for gamma in ("0.01", "0.1"):
            for C in (1, 10):
                said = np.empty(len(train), int)
                for part in parts:
                    rest = np.setdiff1d(np.arange(len(train)), part)
                    plain = SVC(C=C, gamma=float(gamma), break_ties=True).fit(X[train[rest]], y[train[rest]])
                    said[part] = plain.predict(X[train[part]])
                best = max(best, (uf1_uar(y[train], said), (gamma, C)), key=lambda b: b[0])
        gamma, C = best[1]
        assert (found.chosen[s]["kernel"], found.chosen[s]["C"]) == (gamma, C)
        plain = SVC(C=C, gamma=float(gamma), break_ties=True).fit(X[train], y[train])
        assert np.array_equal(found.predicted[test], plain.predict(X[test]))
        assert set(found.fold[test]) == {s}


def test_the_leaky_ways_flatter_and_are_marked():
    X, y, groups = subjects_with_a_smell()
    cells = HeadCandidates("knn", [{"n_neighbors": k} for k in (1, 3, 5, 9)], X, y)
    honest = cross_validate(cells, y, groups, inner=4)
    leaky = cross_validate(cells, y, groups, protocol="random-leaky", inner=4)
    chosen = cross_validate(cells, y, groups, select_on_test=True)
    assert honest.marks == ()
    assert leaky.marks == ("random-leaky",)
    assert chosen.marks == ("select-on-test",)
    assert "leaky" in leaky.words
    assert "flattering" in chosen.words
    assert np.mean(leaky.predicted == y) > np.mean(honest.predicted == y) + 0.05
    assert np.mean(chosen.predicted == y) > np.mean(honest.predicted == y)


def test_copies_are_trained_on_and_averaged():
    X, y, groups = subjects_with_a_smell(6, 6)
    plain = HeadCandidates("softmax", [{}], X, y)
    doubled = HeadCandidates("softmax", [{}], X, y, copies=X)
    train, test = np.arange(30), np.arange(30, 36)
    a, b = plain.scores(train, test)[0], doubled.scores(train, test)[0]
    assert a.shape == b.shape == (6, 3)
    assert not np.array_equal(a, b)


def test_a_subject_with_one_clip_and_a_class_absent_from_a_fold():
    X, y, groups = subjects_with_a_smell(5, 6)
    groups[0] = "alone"
    y[:] = 0
    y[10:20] = 1
    only = np.flatnonzero(groups == groups[-1])
    y[only] = 2  # the third class belongs to one subject
    K = {"k": np.exp(-0.05 * ((X[:, None] - X[None]) ** 2).sum(2))}
    ridge = RidgeCandidates(K, y, (0.1, 1.0), {"even": (1.0, 1.0, 1.0)})
    maps = np.random.default_rng(0).integers(0, 256, (len(y), 28, 28, 3), dtype=np.uint8)
    network = STSTNetCandidates(maps, y, (1, 2), learning_rate=1e-3)
    heads = (
        HeadCandidates("softmax", [], X, y),
        HeadCandidates("knn", [{"n_neighbors": k} for k in (1, 3)], X, y),
    )
    for cells in (SVMCandidates(K, y, C=(1, 10)), *heads, ridge, network):
        found = cross_validate(cells, y, groups, inner=3, shared=cells in (heads[1], network))
        if cells is network:  # its scores begin at random: it may say a class it has not seen
            continue
        assert not (found.predicted[only] == 2).any()
        assert found.fold[0] == found.fold.max() or (found.fold == found.fold[0]).sum() == 1


@pytest.mark.parametrize("protocol", ["loso", "random-leaky"])
def test_shared_inner_folds_never_see_what_they_choose_for(protocol):
    """Every fit is noted; a fold's candidate depends on no fit that saw the fold, and on no score of it."""
    X, y, groups = subjects_with_a_smell(9, 6)
    cells = Recorder(y)
    found = cross_validate(cells, y, groups, protocol=protocol, inner=4, shared=True, n_jobs=1)
    fits, tests = cells.asked[:6], cells.asked[6:]  # six pairs of four groups, then the folds
    assert all(cell is None for _, _, cell in fits)
    assert len(tests) == (9 if protocol == "loso" else 10)
    for train, held, _ in fits:
        assert sorted([*train, *held]) == list(range(len(y)))
        if protocol == "loso":
            assert not set(groups[train]) & set(groups[held])
    for _, test, cell in tests:
        assert (
            sum(bool(np.isin(test, held).all()) for _, held, _ in fits) == 3
        )  # the three pairs of its group
        assert cell == 1
    assert "fits that left out two of 4 groups" in found.words


def test_a_shared_choice_is_that_of_plain_loops():
    X, y, groups = subjects_with_a_smell(8, 6)
    cells = HeadCandidates("knn", [{"n_neighbors": k} for k in (1, 3, 5, 9)], X, y)
    subjects = np.unique(groups, return_inverse=True)[1]
    outer = [np.flatnonzero(subjects == s) for s in range(8)]
    dealt = grouped(subjects, 4, 0)
    for fold, (best, score) in enumerate(choose_together(cells, y, outer, 4, 0)):
        own = next(g for g in range(4) if np.isin(outer[fold], dealt[g]).all())
        quality = []
        for c in range(4):
            said = np.full(len(y), -1)
            for g in set(range(4)) - {own}:
                train = np.setdiff1d(np.arange(len(y)), [*dealt[g], *dealt[own]])
                said[dealt[g]] = cells.scores(train, dealt[g], c)[0].argmax(axis=1)
            rest = np.flatnonzero(said >= 0)
            assert not set(rest) & set(outer[fold])
            quality.append(uf1_uar(y[rest], said[rest]))
        assert (best, score) == (int(np.argmax(quality)), max(quality))


def test_nothing_is_fitted_to_choose_where_there_is_one_candidate():
    _, y, groups = subjects_with_a_smell(5, 6)
    cells = Recorder(y, quality=(0.7,))
    for shared in (False, True):
        found = cross_validate(cells, y, groups, shared=shared, n_jobs=1)
        assert np.isnan(found.inner).all()
        assert "nothing to choose" in found.words
    assert len(cells.asked) == 10
    assert not cells.inner


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"inner": 1}, "1 folds; give at least two"),
        ({"protocol": "loo"}, "unknown protocol 'loo'; use one of loso"),
        ({"groups": None}, "does not name them"),
        (
            {"groups": np.repeat(["a", "b"], 24)},
            "the data: loso needs three folds, .*: three subjects",
        ),
        ({"y": np.zeros(48, int)}, "one class; a classifier needs two"),
        (
            {"y": np.arange(48) % 24, "groups": None, "protocol": "kfold"},
            "three samples or more of each class",
        ),
        ({"y": np.arange(48), "groups": None, "protocol": "kfold"}, "three samples or more"),
        ({"protocol": "grouped-kfold", "folds": 2}, "give --folds 3 or more"),
    ],
)
def test_what_cannot_be_validated_is_refused(change, why):
    _, y, groups = subjects_with_a_smell(6, 8)
    arguments = {"y": y, "groups": groups} | change
    with pytest.raises(ValueError, match=why):
        cross_validate(Recorder(y), **arguments)


def test_a_head_with_a_wrong_parameter_is_refused_before_anything_is_fitted():
    X, y, _ = subjects_with_a_smell(3, 3)
    with pytest.raises(ValueError, match="head svm"):
        HeadCandidates("svm", [{"C": -1}], X, y)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(1, 12), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_dealing_keeps_subjects_whole_and_folds_even(subjects, k, seed):
    subjects = np.array(subjects)
    folds = grouped(subjects, k, seed)
    assert sorted(np.concatenate(folds).tolist()) == list(range(len(subjects)))
    assert all(len(f) for f in folds)
    assert len(folds) == min(k, len(set(subjects.tolist())))
    owners = [set(subjects[f].tolist()) for f in folds]
    assert sum(len(o) for o in owners) == len(set(subjects.tolist()))
    largest = np.bincount(subjects).max()
    assert max(map(len, folds)) - min(map(len, folds)) <= largest
    again = grouped(subjects, k, seed)
    assert all(np.array_equal(a, b) for a, b in zip(folds, again, strict=True))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_score_is_the_mean_of_uf1_and_uar(rows):
    y, said = np.array(rows).T
    present = np.unique(y)
    uf1 = f1_score(y, said, labels=present, average="macro", zero_division=0)
    uar = recall_score(y, said, labels=present, average="macro", zero_division=0)
    assert uf1_uar(y, said) == pytest.approx((uf1 + uar) / 2)


def test_interval_by_subject_is_that_of_drawing_subjects():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(20), 6)
    y = rng.integers(0, 3, 120)
    said = np.where(rng.random(120) < 0.6 + 0.3 * (groups % 2), y, (y + 1) % 3)
    drawn = []
    for _ in range(600):
        rows = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(0, 20, 20)])
        drawn.append(
            (
                f1_score(y[rows], said[rows], average="macro"),
                recall_score(y[rows], said[rows], average="macro"),
            )
        )
    found = subject_interval(y, said, groups)
    for name, values in zip(("uf1", "uar"), np.array(drawn).T, strict=True):
        assert found[name] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.02)
    assert subject_interval(y, said, groups) == found


def test_interval_is_wider_for_subjects_than_for_clips():
    groups = np.repeat(np.arange(12), 10)
    y = np.arange(120) % 3
    said = np.where(groups % 2 == 0, y, (y + 1) % 3)  # half the subjects are read perfectly, half never
    by_subject = subject_interval(y, said, groups)["uar"]
    by_clip = subject_interval(y, said, np.arange(120))["uar"]
    assert by_subject[1] - by_subject[0] > 1.5 * (by_clip[1] - by_clip[0])
