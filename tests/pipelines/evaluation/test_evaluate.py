"""One run, end to end: the protocol is kept, the rows are right."""

import dataclasses
import json
import threading

import numpy as np
import pytest

import classifiers.search as search_module
from featurize.registry import parse
from featurize.store import Store
from pipelines.datasets.base import sample_digest
from pipelines.datasets.splits import split
from pipelines.evaluation import evaluate
from pipelines.evaluation import selection as fit_module
from pipelines.evaluation.evaluate import evaluate_run, memory_bytes, run_id
from pipelines.evaluation.experiment import Experiment, FeatureMatrix
from pipelines.recipe import Features, Head


@pytest.fixture
def experiment(tiny, tmp_path):
    return Experiment(tiny, split(tiny, 0.25), store=Store(tmp_path), n_jobs=1)


def spy(monkeypatch):
    """Remember the size of every fit."""
    sizes = []
    whole = fit_module._timed_fit

    def seen(head, params, train, memory):
        sizes.append((len(train.X), params.get("C")))
        return whole(head, params, train, memory)

    shared = search_module.try_candidates

    def tried(name, candidates, X, *rest):
        sizes.extend((len(X), params.get("C")) for params in candidates)
        return shared(name, candidates, X, *rest)

    for module in (evaluate, fit_module):  # both call it
        monkeypatch.setattr(module, "_timed_fit", seen)
    monkeypatch.setattr(search_module, "try_candidates", tried)
    return sizes


def test_choose_then_refit_then_test(experiment, monkeypatch):
    sizes = spy(monkeypatch)
    outcome = evaluate_run(
        Head(head="svm", grid={"C": [0.001, 10]}), FeatureMatrix(Features(extractor="hog"), experiment)
    )
    n_train, n_val = len(experiment.split.train), len(experiment.split.validation)
    assert sizes == [(n_train, 0.001), (n_train, 10), (n_train + n_val, 10)]
    assert outcome.choice.params["C"] == 10
    assert [r.split for r in outcome.rows] == ["validation", "test", "test-clean"]
    validation, test, _ = outcome.rows
    assert (validation.n_train, validation.n_test) == (n_train, n_val)
    assert (test.n_train, test.n_test) == (n_train + n_val, len(experiment.split.test))
    assert json.loads(test.params)["C"] == 10
    np.testing.assert_array_equal(outcome.predictions.ids, experiment.dataset.ids[experiment.split.test])
    accuracy = np.mean(outcome.predictions.predicted == outcome.predictions.true)
    assert test.accuracy == pytest.approx(accuracy)
    assert test.accuracy > 0.4  # seven classes: chance is 0.14


def test_test_samples_are_predicted_once(experiment, monkeypatch):
    read = []
    whole = fit_module._predict
    for module in (evaluate, fit_module):  # both call it
        monkeypatch.setattr(module, "_predict", lambda e, m, i: (read.append(len(i)), whole(e, m, i))[1])
    evaluate_run(
        Head(head="svm", grid={"C": [1, 10, 100]}), FeatureMatrix(Features(extractor="hog"), experiment)
    )
    assert read == [len(experiment.split.test)]


def test_without_refit(tiny, tmp_path, monkeypatch):
    sizes = spy(monkeypatch)
    experiment = Experiment(tiny, split(tiny, 0.25, refit=False), refit=False, store=Store(tmp_path))
    outcome = evaluate_run(Head(head="svm"), FeatureMatrix(Features(extractor="hog"), experiment))
    assert len(sizes) == 1
    assert outcome.rows[1].n_train == len(experiment.split.train)
    assert "without fitting again" in outcome.rows[1].protocol


def test_mirrored_copies_are_of_training_samples_only(experiment, monkeypatch):
    sizes = spy(monkeypatch)
    matrix = FeatureMatrix(Features(extractor="pixels", mirror=True), experiment)
    evaluate_run(Head(head="knn", params={"n_neighbors": 1}), matrix)
    n_train, n_val = len(experiment.split.train), len(experiment.split.validation)
    assert [n for n, _ in sizes] == [2 * n_train, 2 * (n_train + n_val)]
    X, y = matrix.training(experiment.split.train)
    np.testing.assert_array_equal(y[:n_train], y[n_train:])
    side = np.sqrt(X.shape[1]).astype(int)
    first = X[0].reshape(side, side)
    np.testing.assert_allclose(X[n_train].reshape(side, side), first[:, ::-1], atol=1e-6)


def test_clips_and_motion_maps_are_mirrored_as_what_they_are(experiment):
    rng = np.random.default_rng(0)
    shapes = {"clip": (9, 32, 40), "flow": (28, 28, 3)}
    for kind, extractor in (("clip", "hog-top(frames=6, side=32)"), ("flow", "flow-pixels")):
        samples = [
            rng.integers(0, 256, shapes[kind]).astype(np.uint8) for _ in range(len(experiment.dataset))
        ]
        digests = np.array([sample_digest(s) for s in samples])
        data = dataclasses.replace(experiment.dataset, kind=kind, samples=samples, digests=digests)
        matrix = FeatureMatrix(
            Features(extractor=extractor, mirror=True), dataclasses.replace(experiment, dataset=data)
        )
        some = experiment.split.train[:3]
        X, y = matrix.training(some)
        assert np.array_equal(y[:3], y[3:])
        turned = [samples[i][:, :, ::-1] if kind == "clip" else samples[i][:, ::-1].copy() for i in some]
        if kind == "flow":
            for one in turned:
                one[..., 0] = 255 - one[..., 0]
        np.testing.assert_allclose(X[3:], parse(extractor)[0].transform(turned), atol=1e-6)


def test_clean_split_is_a_part_of_the_test(experiment):
    outcome = evaluate_run(Head(head="knn"), FeatureMatrix(Features(extractor="pixels"), experiment))
    _, test, clean = outcome.rows
    assert clean.n_test == outcome.predictions.clean.sum() <= test.n_test


@pytest.mark.parametrize("head", ["softmax", "svm", "forest", "knn", "bagged-svm"])
def test_every_head_makes_rows(experiment, head):
    small = {"forest": {"n_estimators": 20}, "bagged-svm": {"n_estimators": 2}}.get(head, {})
    outcome = evaluate_run(
        Head(head=head, params=small), FeatureMatrix(Features(extractor="hog"), experiment)
    )
    test = outcome.rows[1]
    assert test.accuracy > 0.25
    assert test.fit_s > 0
    assert test.model_bytes > 1000
    assert outcome.predictions.scores.shape == (len(experiment.split.test), 7)
    assert 0.5 < test.auc_ovr <= 1
    assert np.isfinite(test.log_loss) == outcome.predictions.probabilistic


def test_seed_reaches_heads_that_draw(experiment):
    def forest(seed):
        seeded = Experiment(experiment.dataset, experiment.split, seed=seed, store=experiment.store)
        head = Head(head="forest", params={"n_estimators": 10})
        return evaluate_run(head, FeatureMatrix(Features(extractor="hog"), seeded)).predictions.scores

    np.testing.assert_array_equal(forest(0), forest(0))
    assert (forest(0) != forest(1)).any()


def test_cell_id_depends_on_all_that_decides(experiment):
    def name(features=None, head=None, on=experiment):
        return run_id(
            Head(**(head or {"head": "svm"})),
            FeatureMatrix(Features(**(features or {"extractor": "hog"})), on),
        )

    other = Experiment(experiment.dataset, split(experiment.dataset, 0.25, seed=9), store=experiment.store)
    names = [
        name(),
        name(features={"extractor": "pixels"}),
        name(features={"extractor": "hog", "mirror": True}),
        name(features={"extractor": "hog", "equalize": "hist"}),
        name(head={"head": "knn"}),
        name(head={"head": "svm", "params": {"C": 3}}),
        name(on=other),
    ]
    assert len(set(names)) == len(names)
    assert name() == name()


def test_memory_is_counted():
    assert memory_bytes(np.zeros(10**6)) == pytest.approx(8e6, rel=0.01)


def test_the_size_of_what_cannot_be_pickled():
    holds = [np.zeros(10**6), lambda x: x]
    assert memory_bytes(holds) == pytest.approx(8e6, rel=0.01)
    assert memory_bytes([np.zeros(10**6), threading.Lock()]) >= 0
