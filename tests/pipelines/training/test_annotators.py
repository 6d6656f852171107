"""Annotators: what votes on the same samples say of the labels, and how targets are made of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.datasets.base import Dataset
from pipelines.datasets.published.ferplus_targets import COLUMNS, labelled
from pipelines.datasets.synthetic.faces import load
from pipelines.training import training_run as module
from pipelines.training.annotators import annotators, label_probabilities
from pipelines.training.recipe import recipe
from pipelines.training.train import train
from pipelines.training.training_run import TrainingRun
from pipelines.utils.progress import SILENT
from tests.pipelines.training.conftest import plan


@pytest.fixture(scope="module")
def many():
    return load(n_per_class=40, n_identities=6)


@pytest.fixture(scope="module")
def voted(many) -> Dataset:
    """The same samples in another order: seven of ten vote for the label, three for the next class."""
    votes = np.zeros((len(many), len(many.classes)), np.float32)
    votes[np.arange(len(many)), many.labels] = 7
    votes[np.arange(len(many)), (many.labels + 1) % len(many.classes)] = 3
    order = np.random.default_rng(0).permutation(len(many))
    columns = {name: getattr(many, name)[order] for name in ("ids", "labels", "split", "digests")}
    return replace(many, name="voted", votes=votes[order], **columns)


def test_votes_are_found_by_the_content_of_the_sample_and_followed(many, voted):
    said = label_probabilities(voted, many, many.where("train"))
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert (said.argmax(axis=1) == many.labels[many.where("train")]).all()


def test_votes_for_other_classes_are_translated(many, voted):
    """Who always votes for the next class says as much as who votes for the label."""
    shifted = replace(voted, votes=np.roll(voted.votes, 1, axis=1))
    said = label_probabilities(shifted, many, many.where("train"))
    assert (said.argmax(axis=1) == many.labels[many.where("train")]).all()


def test_a_sample_does_not_teach_its_own_label(many, voted):
    train_at = many.where("train")
    before = label_probabilities(voted, many, train_at)
    labels = many.labels.copy()
    labels[train_at[0]] = (labels[train_at[0]] + 3) % len(many.classes)
    after = label_probabilities(voted, replace(many, labels=labels), train_at)
    assert before[0].argmax() == after[0].argmax() == many.labels[train_at[0]]


def test_no_label_but_those_of_the_training_samples_is_looked_at(many, voted):
    train_at = many.where("train")
    other = many.labels.copy()
    other[many.where("test")] = 0
    np.testing.assert_array_equal(
        label_probabilities(voted, replace(many, labels=other), train_at),
        label_probabilities(voted, many, train_at),
    )


def test_a_sample_without_votes_keeps_its_label(many, voted):
    train_at = many.where("train")
    digests = np.where(voted.digests == many.digests[train_at[0]], "f" * 64, voted.digests)
    said = label_probabilities(replace(voted, digests=digests), many, train_at)
    assert said[0].tolist() == np.eye(len(many.classes))[many.labels[train_at[0]]].tolist()
    assert said[1].max() < 1


def test_votes_on_other_samples_are_refused(many, voted):
    elsewhere = replace(voted, digests=np.array([f"{i:064x}" for i in range(len(voted))]))
    with pytest.raises(ValueError, match="none of its samples is among the training samples"):
        label_probabilities(elsewhere, many, many.where("train"))


def test_a_class_with_too_few_votes_is_named_in_one_line(many, voted):
    rare = many.where("train")[many.labels[many.where("train")] == 2][3:]
    lost = np.where(np.isin(voted.digests, many.digests[rare]), "f" * 64, voted.digests)
    with pytest.raises(ValueError, match="a class has 3 samples with votes; 5 are needed"):
        label_probabilities(replace(voted, digests=lost), many, many.where("train"))


def test_a_set_without_votes_or_without_a_name_is_refused():
    with pytest.raises(ValueError, match="votes_from=synthetic: that set has no votes"):
        annotators("synthetic")
    with pytest.raises(ValueError, match="votes_from"):
        recipe(backbone="ucm-a", votes_from="")


def test_targets_are_shared_out_between_labels_and_votes(many, voted, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "annotators", lambda name: voted)
    job = TrainingRun(many, plan(votes_from="voted", distill_weight=0.75), tmp_path)
    learned = job.samples(job.train, job.soft_targets(SILENT), learned=True).targets
    said = label_probabilities(voted, many, job.train)
    np.testing.assert_allclose(learned, 0.25 * job.samples(job.train).targets + 0.75 * said, atol=1e-6)


def test_other_votes_are_another_training_and_none_is_that_of_before(many, voted, tmp_path, monkeypatch):
    plans = [plan().resolved(), plan(votes_from="voted").resolved()]
    monkeypatch.setattr(module, "annotators", lambda name: voted)
    found = {TrainingRun(many, p, tmp_path).identity() for p in plans}
    monkeypatch.setattr(module, "annotators", lambda name: replace(voted, votes=voted.votes + 1))
    found.add(TrainingRun(many, plans[1], tmp_path).identity())
    assert len(found) == 3
    assert "votes_from" not in plans[0].deciding()


def test_the_card_names_the_votes(many, voted, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "annotators", lambda name: voted)
    card = train(many, plan(votes_from="voted"), tmp_path).card
    assert card["votes"] == voted.fingerprint
    assert card["recipe"]["votes_from"] == "voted"


def test_all_votes_of_ferplus_count_and_a_face_with_one_stays():
    votes = np.zeros((3, len(COLUMNS)))
    votes[0, [COLUMNS.index("sad"), COLUMNS.index("unknown")]] = 1, 9
    votes[1, COLUMNS.index("NF")] = 10
    votes[2, COLUMNS.index("contempt")] = 10
    kept, counted = labelled(votes, "all", 8)
    assert kept.tolist() == [True, False, True]
    assert counted[0].sum() == 1
    assert labelled(votes, "all", 7)[0].tolist() == [True, False, False]
