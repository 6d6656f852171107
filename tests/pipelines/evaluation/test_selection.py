"""Choosing by folds and by halving, from recipe to row."""

import json
from dataclasses import replace

import numpy as np
import pytest

from featurize.store import Store
from pipelines.api import fit
from pipelines.cross_validation.folds import selecting
from pipelines.datasets.splits import split
from pipelines.evaluation import selection
from pipelines.evaluation.compare import compare
from pipelines.evaluation.evaluate import evaluate_run, run_id
from pipelines.evaluation.experiment import Experiment, FeatureMatrix
from pipelines.evaluation.recipe import recipe_from
from pipelines.recipe import Features, Head

GRID = Head(head="knn", grid={"n_neighbors": [1, 3, 9, 15]})


@pytest.fixture
def experiment(tiny, tmp_path):
    def make(folds=None, halving=None):
        parts = split(tiny, 0.25)
        return Experiment(tiny, parts, store=Store(tmp_path), n_jobs=1, folds=folds, halving=halving)

    return make


def matrix(experiment, mirror=False):
    return FeatureMatrix(Features(extractor="pixels", mirror=mirror), experiment)


def test_folds_choose_from_train_alone_and_validation_scores_the_choice(experiment):
    chosen = evaluate_run(GRID, matrix(experiment(folds=3)))
    validation, test = chosen.rows[:2]
    parts = experiment().split
    assert (validation.n_train, validation.n_test) == (len(parts.train), len(parts.validation))
    assert test.n_train == len(parts.train) + len(parts.validation)
    assert len(chosen.choice.tried) == 4
    best = max(chosen.choice.tried, key=lambda t: t["validation"])
    assert json.loads(test.params)["n_neighbors"] == best["n_neighbors"]
    assert "mean of 3 folds of them, the choice scored on" in test.protocol
    X, y, folds, _ = selection.by_folds(Head(head="svm"), matrix(experiment()), 3)
    assert len(X) == len(parts.train)
    scores = []
    from classifiers import head

    for a, b in folds:
        scores.append(head("knn", n_neighbors=best["n_neighbors"]).fit(X[a], y[a]).score(X[b], y[b]))
    assert best["validation"] == pytest.approx(np.mean(scores))


def test_halving_tries_all_and_ends_with_few(experiment):
    found = evaluate_run(GRID, matrix(experiment(halving=2)))
    tried = found.choice.tried
    assert [t["n_neighbors"] for t in tried] == [1, 3, 9, 15]
    chosen = next(t for t in tried if t["n_neighbors"] == found.choice.params["n_neighbors"])
    assert "successive halving" in found.rows[0].protocol
    # It was fitted on all of train at last: its score is the validation row's.
    assert chosen["validation"] == pytest.approx(found.rows[0].accuracy)


def test_a_mirrored_copy_never_judges_nor_trains_against_its_picture(experiment):
    n = len(experiment().split.train)
    X, _, folds, _ = selection.by_folds(Head(head="svm"), matrix(experiment(), mirror=True), 3)
    assert len(X) == 2 * n
    for a, b in folds:
        assert (b < n).all() and not set(a % n) & set(b)
        assert len(a) == 2 * (n - len(b))


def test_folds_by_subject_where_subjects_are_known_else_by_class(tiny, tmp_path):
    train = split(tiny, 0.25).train
    for groups in (tiny.groups, None):
        experiment = Experiment(replace(tiny, groups=groups), split(tiny, 0.25), store=Store(tmp_path))
        folds = selecting(experiment.dataset, train, 3, experiment.seed)
        assert sorted(np.concatenate([b for _, b in folds])) == list(range(len(train)))
        for a, b in folds:
            assert not set(a) & set(b)
            if groups is None:
                counts = [np.bincount(tiny.labels[train[part]], minlength=7) for part in (a, b)]
                assert np.abs(counts[0] / 2 - counts[1]).max() <= 1
            else:
                assert not set(groups[train[a]]) & set(groups[train[b]])


def test_more_folds_than_there_are(experiment):
    with pytest.raises(ValueError, match=r"folds=500, and training subjects: \d+; take \d+ or fewer"):
        evaluate_run(GRID, matrix(experiment(folds=500)))
    nameless = replace(experiment(), dataset=replace(experiment().dataset, groups=None))
    with pytest.raises(ValueError, match=r"folds=500, and training samples of the smallest class: \d+; take"):
        selecting(nameless.dataset, nameless.split.train, 500, 0)


def test_the_choice_is_part_of_what_a_cell_is_called(experiment):
    names = {run_id(GRID, matrix(experiment(*how))) for how in [(), (3,), (4,), (None, 2), (3, 2)]}
    assert len(names) == 5


@pytest.mark.parametrize("bad", [{"inner_folds": 1}, {"halving": 0}, {"inner_folds": "many"}, {"fold": 3}])
def test_a_recipe_with_a_wrong_number_is_refused(bad):
    content = {"name": "x", "data": "synthetic", "extractors": ["hog"], "heads": ["svm"]}
    with pytest.raises(ValueError, match=next(iter(bad))):
        recipe_from(content | {"protocols": [{"protocol": "holdout"} | bad]})


def test_folds_that_select_nothing_are_in_no_protocol(tmp_path):
    """The rule is one for a fit and a comparison: the same protocol, and the same run."""
    data, store = "synthetic(n_per_class=4, n_identities=4)", tmp_path / "store"
    content = {"name": "n", "data": data, "extractors": ["pixels"],
               "heads": [{"head": "knn", "params": {"n_neighbors": 3}},
                         {"head": "knn", "grid": {"n_neighbors": [1, 3]}}],
               "protocols": [{"protocol": "holdout", "inner_folds": 2, "halving": 2}]}  # fmt: skip
    done = compare(recipe_from(content), tmp_path / "out", store=store, n_jobs=1)
    one, several = sorted({row.protocol for row in done.rows}, key=len)
    assert "folds" not in one and "halving" not in one
    assert "mean of 2 folds" in several and "halving" in several
    _, fitted = fit(data, "pixels", "knn", n_neighbors=3, folds=3, halving=2, store=store, n_jobs=1)
    assert fitted.rows[-1].protocol == one
    assert fitted.run in {row.run for row in done.rows if row.protocol == one}
