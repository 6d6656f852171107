"""Ensembles in a comparison: learned on validation, tested once, resumed, and refused in words."""

import json
import re

import numpy as np
import pytest

from classifiers.combine import Stack, Vote, as_scores, out_of_fold
from pipelines.evaluation.compare import compare as run
from pipelines.evaluation.recipe import recipe_from
from pipelines.results.predictions import load_predictions
from pipelines.results.rows import read_rows

SMALL = {
    "name": "small",
    "data": {"name": "synthetic", "options": {"n_per_class": 20, "n_identities": 10}},
    "protocols": [{"protocol": "holdout", "validation": 0.25}],
    "extractors": ["hog", "lbp"],
    "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}, {"head": "svm", "params": {"C": 5}}],
    "ensembles": ["vote", "stack", {"combine": "vote", "name": "svms", "heads": ["svm"]}],
}


def recipe(**change):
    return recipe_from(SMALL | change)


def test_rows_of_ensembles_follow_from_what_the_cells_said(tmp_path):
    found = run(recipe(), tmp_path)
    assert (found.computed, found.failed) == (7, 0)
    tests = [r for r in found.rows if r.split == "test"]
    assert [(r.extractor, r.head) for r in tests[4:]] == [("all", "vote"), ("all", "stack"), ("svms", "vote")]
    svms = [r for r in tests[:4] if r.head == "svm"]
    known, asked = ([load_predictions(p) for p in paths] for paths in (
        [tmp_path / "predictions" / f"{r.run}.validation.npz" for r in svms],
        [tmp_path / "predictions" / f"{r.run}.npz" for r in svms],
    ))  # fmt: skip
    vote = Vote().fit([as_scores(p.scores, p.probabilistic) for p in known], known[0].true)
    right = vote.predict([as_scores(p.scores, p.probabilistic) for p in asked]) == asked[0].true
    assert tests[6].accuracy == pytest.approx(right.mean())
    weights = json.loads(tests[6].params)
    assert list(weights) == ["hog svm", "lbp svm"] and sum(weights.values()) == pytest.approx(1, abs=1e-3)
    assert tests[6].predict_ms_per_sample > sum(r.predict_ms_per_sample for r in svms)


def test_validation_predictions_are_of_the_fit_on_train_alone(tmp_path):
    rows = run(recipe(), tmp_path).rows
    for row in (r for r in rows if r.split == "validation" and r.head in ("knn", "svm")):
        kept = load_predictions(tmp_path / "predictions" / f"{row.run}.validation.npz")
        assert np.mean(kept.predicted == kept.true) == pytest.approx(row.accuracy)


def test_the_validation_score_of_an_ensemble_is_out_of_fold(tmp_path):
    """Scored on the samples it learned from, a stack would be too good."""
    rows = run(recipe(), tmp_path).rows
    cells = [r for r in rows if r.split == "test" and r.head in ("knn", "svm")]
    known = [load_predictions(tmp_path / "predictions" / f"{r.run}.validation.npz") for r in cells]
    scores, y = [as_scores(p.scores, p.probabilistic) for p in known], known[0].true

    def held(fit, rest):
        return Stack().fit([s[fit] for s in scores], y[fit]).predict_proba([s[rest] for s in scores])

    (row,) = (r for r in rows if r.split == "validation" and r.head == "stack")
    honest = out_of_fold(held, y, len(known[0].classes)).argmax(1) == y
    in_sample = Stack().fit(scores, y).predict(scores) == y
    assert row.accuracy == pytest.approx(honest.mean())
    assert in_sample.mean() > honest.mean()


def test_nothing_is_computed_twice_and_older_results_get_what_they_lack(tmp_path):
    assert run(recipe(ensembles=[]), tmp_path).computed == 4
    for path in (tmp_path / "predictions").glob("*.validation.npz"):
        path.unlink()  # as results from before there were ensembles
    assert run(recipe(ensembles=[]), tmp_path).reused == 4
    assert run(recipe(), tmp_path).computed == 7
    again = run(recipe(), tmp_path)
    assert (again.computed, again.reused) == (0, 7)
    other = run(recipe(heads=["softmax"], ensembles=["vote", "pool", "stack"]), tmp_path)
    kinds = [r.head for r in other.rows if r.split == "test"]
    assert kinds == ["softmax"] * 2 + ["vote", "pool", "stack"]


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(p.read_bytes()[:200]), lambda p: p.unlink()])
@pytest.mark.parametrize("which", ["*.validation.npz", "*[0-9a-f].npz"])
def test_a_cell_whose_answers_are_damaged_is_computed_again(tmp_path, which, damage):
    before = run(recipe(), tmp_path)
    cells = {r.run for r in before.rows if r.extractor in ("hog", "lbp")}
    damage(next(p for p in sorted((tmp_path / "predictions").glob(which)) if p.name.split(".")[0] in cells))
    again = run(recipe(), tmp_path)
    assert (again.computed, again.reused, again.failed) == (1, 6, 0)
    assert [(r.run, r.split, r.accuracy) for r in again.rows] == [
        (r.run, r.split, r.accuracy) for r in before.rows
    ]


@pytest.mark.parametrize(
    ("ensemble", "words"),
    [
        ({"combine": "vote", "heads": ["svn"]}, "vote of all: no run has 'svn'; did you mean 'svm'?"),
        ({"combine": "stack", "extractors": ["hog+lbp"]}, "no run has 'hog+lbp'; "),
    ],
)
def test_an_ensemble_of_what_no_cell_has_is_refused_before_anything_is_computed(tmp_path, ensemble, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        run(recipe(ensembles=[ensemble]), tmp_path)
    assert not (tmp_path / "rows.csv").exists()


def test_a_head_may_be_for_some_extractors_only(tmp_path):
    heads = [{"head": "svm", "params": {"C": 5}}, {"head": "knn", "extractors": ["lbp"]}]
    found = run(recipe(heads=heads, ensembles=[]), tmp_path)
    cells = [(r.extractor, r.head) for r in found.rows if r.split == "test"]
    assert cells == [("hog", "svm"), ("lbp", "svm"), ("lbp", "knn")]
    del heads[1]["extractors"]  # the same run, not computed again
    assert run(recipe(heads=heads, ensembles=[]), tmp_path).computed == 1


def test_a_head_for_no_extractor_of_the_recipe_is_refused():
    with pytest.raises(ValueError, match="knn is for 'lpb', which is no extractor here; did you mean 'lbp'"):
        recipe(heads=[{"head": "knn", "extractors": ["lpb"]}])


def test_an_ensemble_of_one_is_an_error_row_that_says_so(tmp_path):
    found = run(recipe(extractors=["hog"]), tmp_path)
    assert found.failed == 1
    error = next(r for r in read_rows(tmp_path / "rows.csv") if r.status == "error")
    assert (error.extractor, error.head) == ("svms", "vote")
    assert error.error == "an ensemble needs two runs that went well, and has 1"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["voting"], "combine"),
        ([{"combine": "vote", "members": 3}], "ensembles.0.members: unknown"),
        ([{"combine": "vote", "heads": []}], "at least 1"),
        ([{"name": "x"}], "combine"),
    ],
)
def test_wrong_ensembles_are_refused_with_their_place(given, words):
    with pytest.raises(ValueError, match=words):
        recipe(ensembles=given)
