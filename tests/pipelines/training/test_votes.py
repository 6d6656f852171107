"""Votes, weights and balanced sampling in the targets of a training."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import mueca
from pipelines.datasets.votes import weighted_samples
from pipelines.metrics.calibration import error_against
from pipelines.training.batches import Epochs, drawn_targets
from pipelines.training.recipe import is_plain, recipe
from pipelines.training.training_run import TrainingRun, mean_recall


@pytest.fixture(scope="module")
def voted(tiny):
    """Return synthetic faces with ten votes each: seven for the label and three for the next class."""
    votes = np.zeros((len(tiny), 7), np.float32)
    rows = np.arange(len(tiny))
    votes[rows, tiny.labels], votes[rows, (tiny.labels + 1) % 7] = 7, 3
    return replace(tiny, votes=votes)


def run(dataset, tmp_path, **fields):
    return TrainingRun(dataset, recipe(backbone="ucm-a", **fields).resolved(), tmp_path)


def test_labels_as_they_were(voted, tmp_path):
    job = run(voted, tmp_path)
    assert np.array_equal(job.samples(job.train, learned=True).targets, np.eye(7)[voted.labels[job.train]])
    assert "targets" not in job.plan.deciding()


def test_votes_are_learned_and_labels_judge(voted, tmp_path):
    job = run(voted, tmp_path, targets="votes")
    learned = job.samples(job.train, learned=True).targets
    assert np.allclose(learned, voted.distribution[job.train])
    assert np.allclose(np.sort(learned[0])[-2:], [0.3, 0.7])
    assert set(np.unique(job.samples(job.validation).targets)) == {0, 1}
    assert job.identity() != run(voted, tmp_path).identity()
    assert not is_plain(job.plan)


def test_teachers_and_votes_are_mixed(voted, tmp_path):
    job = run(voted, tmp_path, targets="votes")
    said = np.full((len(job.train), 7), 1 / 7, np.float32)
    mixed = job.samples(job.train, said, learned=True).targets
    assert np.allclose(mixed, (voted.distribution[job.train] + said) / 2)


def test_sets_without_votes_are_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match="synthetic has no votes, which targets=votes needs"):
        run(tiny, tmp_path, targets="votes")


@pytest.mark.parametrize("fields", [{"targets": "votes"}, {"class_weight": "balanced"}])
def test_the_hinge_takes_neither(fields):
    with pytest.raises(ValueError, match="needs loss=categorical_crossentropy, not squared_hinge"):
        recipe(backbone="ucm-a", loss="squared_hinge", **fields)


def test_drawn_targets_follow_the_shares():
    targets = np.tile(np.array([[0.7, 0.3, 0.0]], np.float32), (4000, 1))
    found = drawn_targets(targets, np.random.default_rng(0))
    assert set(np.unique(found)) == {0, 1}
    assert np.allclose(found.mean(axis=0), [0.7, 0.3, 0], atol=0.03)
    assert np.allclose(drawn_targets(2 * targets, np.random.default_rng(0)), 2 * found)


def test_they_are_drawn_anew_each_epoch(voted, tmp_path):
    job = run(voted, tmp_path, targets="drawn")
    epochs = Epochs(job.samples(job.train, learned=True), 16, drawn=True)
    one, two, again = ([t for _, t in epochs.epoch(n)] for n in (1, 2, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert set(np.unique(np.concatenate(one))) == {0, 1}


def unbalanced(dataset):
    """Return the set with four times as many samples of the first three classes as of the others."""
    kept = [i for i, label in enumerate(dataset.labels) if label < 3 or i % 4 == 0]
    return np.array(kept)


def test_class_weights_make_classes_count_alike(voted, tmp_path):
    job = run(voted, tmp_path, class_weight="balanced")
    some = unbalanced(voted)
    targets = job.samples(some, learned=True).targets
    assert np.allclose(targets.sum(axis=0), len(some) / 7)
    assert np.isclose(targets.sum(), len(some))


@pytest.mark.parametrize("mirror", [False, True])
def test_balanced_sampling_draws_each_class_as_often(voted, tmp_path, mirror):
    job = run(voted, tmp_path)
    epochs = Epochs(job.samples(unbalanced(voted)), 20, mirror=mirror, balanced=True)
    seen = Counter()
    for number in range(1, 12):
        for _, targets in epochs.epoch(number):
            seen.update(targets.argmax(axis=1).tolist())
    shares = np.array([seen[c] for c in range(7)]) / seen.total()
    assert np.allclose(shares, 1 / 7, atol=0.05)


def test_recall_and_calibration():
    labels = np.array([0, 0, 0, 2])
    assert mean_recall(labels, np.array([True, True, False, True])) == pytest.approx((2 / 3 + 1) / 2)
    scores, shares = np.array([[0.7, 0.3]] * 10), np.array([[0.6, 0.4]] * 10)
    assert error_against(scores, shares) == pytest.approx(0.1)
    assert error_against(scores, scores) == pytest.approx(0)
    assert np.isnan(error_against(2 * scores, shares))


def test_heads_learn_votes_by_weights(voted):
    rows, labels, weights = weighted_samples(voted, np.arange(20))
    assert len(rows) == 40
    assert np.allclose(np.bincount(rows, weights), 1)
    X = np.random.default_rng(0).normal(size=(140, 12))
    head = mueca.head("softmax").fit(X[rows], labels, sample_weight=weights)
    assert head.predict_proba(X[:20]).shape == (20, len(np.unique(labels)))
    plain = weighted_samples(replace(voted, votes=None))
    assert np.array_equal(plain[1], voted.labels)


@pytest.mark.slow
def test_a_training_on_votes_says_uar_and_calibration(voted, tmp_path):
    from pipelines.training.train import train

    card = train(
        voted, recipe(backbone="ucm-a", epochs=1, targets="votes", patience=0), tmp_path / "out"
    ).card
    assert set(card["uar"]) == {"test", "test-clean"}
    assert 0 <= card["calibration_error"]["test"] <= 1
