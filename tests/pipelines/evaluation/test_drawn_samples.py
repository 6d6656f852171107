"""Heads fitted on votes and on balanced samples; a holdout that splits a subject is marked."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

import mueca
from classifiers import head as build_head
from featurize.store import Store
from pipelines.cross_validation.systems import HeadSystem, Resources
from pipelines.datasets.synthetic.faces import load as draw
from pipelines.datasets.votes import balanced_order, learned
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import recipe_from
from pipelines.evaluation.summary import SUMMARY, summarize
from pipelines.metrics.calibration import error_against
from pipelines.recipe import Features, Head
from pipelines.results.rows import read_rows


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def voted():
    """Return synthetic faces with votes 7 to 3 for their label and the next one."""
    data = draw(n_per_class=8, n_identities=6, seed=2)
    votes = np.zeros((len(data), 7), np.float32)
    rows = np.arange(len(data))
    votes[rows, data.labels], votes[rows, (data.labels + 1) % 7] = 7, 3
    return replace(data, votes=votes)


def fitted(voted, store, head="softmax", **options):
    return mueca.fit(voted, "hog", head, store=store, n_jobs=1, **options)


def test_a_head_on_votes_is_the_weighted_head(voted, store):
    """What comes out is the head fitted by hand, a face twice with .7 and .3."""
    _, outcome = fitted(voted, store, C=0.1, targets="votes", refit=False)
    X = np.asarray(outcome.embedding.X)
    names = voted.ids.tolist()
    tested = [names.index(i) for i in outcome.predictions.ids.tolist()]
    held = {r.split: r for r in outcome.rows}["validation"].n_test
    train = [i for i in range(len(names)) if voted.split[i] == "train"]
    shown = [names.index(i) for i in outcome.choice.validation.ids.tolist()]
    kept = np.array([i for i in train if i not in shown])
    assert held == len(shown)
    rows, labels, weights = mueca.weighted_samples(voted, kept)
    assert sorted(set(np.round(weights, 2))) == [0.3, 0.7]
    by_hand = build_head("softmax", C=0.1).fit(X[rows], labels, sample_weight=weights)
    assert np.allclose(by_hand.predict_proba(X[tested]), outcome.predictions.scores, atol=1e-5)
    plain = build_head("softmax", C=0.1).fit(X[kept], voted.labels[kept])
    assert not np.allclose(plain.predict_proba(X[tested]), outcome.predictions.scores, atol=1e-2)


def test_scores_are_against_the_majority_and_calibration_against_the_votes(voted, store):
    model, outcome = fitted(voted, store, C=[0.01, 0.1], targets="votes")
    rows = {row.split: row for row in outcome.rows}
    p = outcome.predictions
    assert rows["test"].accuracy == pytest.approx((p.predicted == p.true).mean())
    at = [voted.ids.tolist().index(i) for i in p.ids.tolist()]
    assert rows["test"].ece_votes == pytest.approx(error_against(p.scores, voted.distribution[at]))
    assert json.loads(rows["test"].params)["targets"] == "votes"
    assert "targets" not in model.card["head"]["params"]
    assert model.card["training_samples"] == {"targets": "votes"}
    assert model.card["calibration_error"]["test"] == pytest.approx(rows["test"].ece_votes, abs=1e-5)
    assert len(outcome.choice.tried) == 2
    _, labels_only = fitted(voted, store, C=[0.01, 0.1])
    assert labels_only.rows[0].run != outcome.rows[0].run
    assert 0 < labels_only.rows[1].ece_votes != rows["test"].ece_votes


@pytest.mark.parametrize(
    ("head", "params"),
    [("svm", {"C": [1, 10]}), ("forest", {"n_estimators": [10, 20]}), ("bagged-svm", {"C": [1, 10]})],
)
def test_every_head_with_weights_takes_votes_by_folds_too(head, params, voted, store):
    _, outcome = fitted(voted, store, head, targets="votes", folds=2, **params)
    assert len(outcome.choice.tried) == 2
    assert outcome.rows[1].n_test > 0
    assert np.isnan(outcome.rows[1].ece_votes) == (not outcome.predictions.probabilistic)


def test_mirrored_copies_have_the_votes_of_their_faces(voted, store):
    _, outcome = fitted(voted, store, C=0.1, targets="votes", mirror=True)
    assert outcome.rows[1].accuracy > 0


def test_votes_that_cannot_be(voted, store):
    with pytest.raises(
        ValueError, match="head knn takes no sample weights, which votes are; take bagged-svm"
    ):
        fitted(voted, store, "knn", targets="votes")
    with pytest.raises(ValueError, match="synthetic has no votes"):
        fitted(replace(voted, votes=None), store, targets="votes")
    with pytest.raises(ValueError, match="balanced_sampling draws by labels"):
        Head(head="svm", targets="votes", balanced_sampling=True)
    with pytest.raises(ValueError, match="targets"):
        fitted(voted, store, targets="vote")


def test_balanced_samples_show_each_class_as_often():
    labels = np.array([0] * 7 + [1] * 3 + [2] * 2)
    order = balanced_order(labels, seed=3)
    assert np.bincount(labels[order]).tolist() == [7, 7, 7]
    times = np.bincount(order, minlength=12)
    assert times[:7].tolist() == [1] * 7
    assert times[7:10].min() >= 2
    assert sorted(times[10:].tolist()) == [3, 4]
    assert np.array_equal(order, balanced_order(labels, seed=3))


def test_a_head_on_balanced_samples(voted, store):
    few = np.flatnonzero((voted.labels != 0) | (np.arange(len(voted)) % 3 == 0))
    part = replace(
        voted, ids=voted.ids[few], labels=voted.labels[few], split=voted.split[few], votes=None,
        digests=voted.digests[few], groups=voted.groups[few], samples=[voted.samples[i] for i in few],
    )  # fmt: skip
    train = np.flatnonzero(part.split == "train")
    found = learned(part, train, balanced=True)
    assert len(set(np.bincount(part.labels[found.rows]).tolist())) == 1
    assert found.weights is None
    _, outcome = fitted(part, store, "knn", n_neighbors=[1, 3], balanced_sampling=True, folds=2)
    assert json.loads(outcome.rows[0].params)["balanced_sampling"] is True
    _, again = fitted(part, store, "knn", n_neighbors=[1, 3])
    assert again.rows[0].run != outcome.rows[0].run


def test_a_comparison_and_folds_learn_votes(voted, store, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: voted)
    heads = [
        {"head": "softmax", "params": {"C": 0.1}, "targets": "votes"},
        {"head": "softmax", "params": {"C": 0.1}},
    ]
    protocols = ["holdout", {"protocol": "grouped-kfold", "folds": 3, "inner_folds": 2}]
    plan = recipe_from(
        {"name": "x", "data": "v", "extractors": ["hog"], "heads": heads, "protocols": protocols}
    )
    found = compare(plan, tmp_path / "out", store=store, n_jobs=1)
    assert (found.computed, found.failed) == (4, 0)
    votes, labels = summarize(found)
    assert 0 < votes["ece_votes"] != labels["ece_votes"] > 0
    assert {"uar", "ece_votes", "test_distinct"} <= set(SUMMARY)
    header = (tmp_path / "out" / "summary.csv").read_text("utf-8").splitlines()[0]
    assert header == ",".join(SUMMARY)
    systems = [row.system for row in found.pooled]
    assert systems == ["hog + softmax [targets votes]", "hog + softmax"]
    assert found.pooled[0].uf1 != found.pooled[1].uf1
    again = read_rows(tmp_path / "out" / "rows.csv")
    assert [row.ece_votes for row in again if row.split == "test"][0] == pytest.approx(votes["ece_votes"])


def test_what_draws_for_folds_can_be_sent_without_the_images(voted, store, tmp_path):
    plan = Head(head="softmax", params={"C": 0.1}, targets="votes")
    system = HeadSystem(Features(extractor="hog"), plan)
    candidates = system.candidates(Resources(voted, tmp_path, store, 1))
    sent = pickle.loads(pickle.dumps(candidates))
    train, test = np.arange(0, 40), np.arange(40, 56)
    assert np.array_equal(sent.scores(train, test), candidates.scores(train, test))
    assert voted.samples[0].tobytes() not in pickle.dumps(candidates._drawn)
    with pytest.raises(ValueError, match="synthetic has no votes"):
        system.candidates(Resources(replace(voted, votes=None), tmp_path, store, 1))


def test_a_holdout_of_samples_splits_subjects_and_is_marked(store, caplog):
    data = draw(n_per_class=8, n_identities=6, seed=2)
    _, outcome = fitted(data, store, C=0.1, hold_out="sample", test=0.25)
    assert {row.marks for row in outcome.rows} == {"leaky"}
    assert "are in two of train, validation and test; every figure is marked leaky" in caplog.text
    assert "and subject" not in outcome.rows[0].protocol
    caplog.clear()
    _, whole = fitted(data, store, C=0.1, test=0.25)
    assert {row.marks for row in whole.rows} == {""}
    assert "leaky" not in caplog.text
    nobody = replace(data, groups=None)
    _, unknown = fitted(nobody, store, C=0.1, hold_out="sample", test=0.25)
    assert {row.marks for row in unknown.rows} == {""}


def test_a_set_whose_own_splits_share_a_subject_is_marked(store, caplog):
    data = draw(n_per_class=8, n_identities=6, seed=2)
    shared = replace(data, groups=np.array([f"s{i % 5}" for i in range(len(data))]))
    _, outcome = fitted(shared, store, C=0.1)
    assert {row.marks for row in outcome.rows} == {"leaky"}
    assert caplog.text.count("every figure is marked leaky") == 1


def test_options_have_the_same_words_for_heads_and_networks(run_cli, tmp_path):
    common = ("--data", "synthetic(n_per_class=4, n_identities=4)", "--protocol", "grouped-kfold", "--folds",
              "3", "--inner-folds", "2", "--backbone", "hog", "--head", "svm")  # fmt: skip
    runs = []
    for words in (
        ("--class-weight", "balanced"),
        ("--class_weight", "balanced"),
        ("--balanced-sampling",),
        (),
    ):
        done = run_cli("cross-validate", *common, *words, "--out", tmp_path / "out")
        assert done.code == 0, done.err
        runs.append(done.out.count("1 taken from"))
    assert runs == [0, 1, 0, 0]  # the first two are one run; the others are not
    fit = ("fit", "--data", "synthetic(n_per_class=4, n_identities=4)", "--backbone", "hog", "--head", "svm")
    for words in (("--class-weight", "balanced"), ("--class_weight", "balanced"), ("--balanced-sampling",)):
        assert run_cli(*fit, *words).code == 0
