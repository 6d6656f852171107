"""A comparison: every run once, never twice, one failure is a row."""

import csv
import json

import numpy as np
import pytest

from pipelines.datasets.base import Dataset
from pipelines.datasets.registry import load
from pipelines.evaluation import evaluate as fit_module
from pipelines.evaluation import selection
from pipelines.evaluation.compare import compare as run
from pipelines.evaluation.recipe import recipe_from
from pipelines.evaluation.summary import summarize
from pipelines.results.predictions import load_predictions
from pipelines.results.rows import read_grid, read_rows

SMALL = {
    "name": "small",
    "data": {"name": "synthetic", "options": {"n_per_class": 20, "n_identities": 10}},
    "protocols": [{"protocol": "holdout", "validation": 0.25}],
    "extractors": ["hog", "hog+pixels"],
    "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}, "softmax"],
}


def recipe(**change):
    return recipe_from(SMALL | change)


def test_all_cells_and_their_files(tmp_path):
    found = run(recipe(), tmp_path)
    assert (found.computed, found.reused, found.failed) == (4, 0, 0)
    rows = read_rows(tmp_path / "rows.csv")
    assert len(rows) == 12
    assert [(r.extractor, r.head) for r in found.rows[::3]] == [
        ("hog", "knn"), ("hog", "softmax"), ("hog+pixels", "knn"), ("hog+pixels", "softmax"),
    ]  # fmt: skip
    assert all("synthetic" in r.dataset for r in rows)
    for row in (r for r in rows if r.split == "test"):
        kept = load_predictions(tmp_path / "predictions" / f"{row.run}.npz")
        assert np.mean(kept.predicted == kept.true) == pytest.approx(row.accuracy)
        assert kept.clean.sum() == next(
            r.n_test for r in rows if r.run == row.run and r.split == "test-clean"
        )


def test_a_network_of_other_classes_gives_vectors_alone(tmp_path, monkeypatch, caplog):
    data = load("synthetic", n_per_class=8, n_identities=4)
    six = [i for i in range(len(data)) if data.classes[data.labels[i]] != "disgust"]
    words = [data.classes[data.labels[i]] for i in six]
    fewer = Dataset.from_arrays([data.samples[i] for i in six], words, split=data.split[six])
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: fewer)
    found = run(recipe(extractors=["own-small"], heads=["knn"]), tmp_path)
    assert (found.computed, found.failed) == (1, 0)
    assert [row.head for row in found.rows if row.split == "test"] == ["knn"]
    assert "own-small scores the classes angry, disgust" in caplog.text
    assert "its own classifier is left out" in caplog.text


def test_every_candidate_is_kept(tmp_path):
    found = run(recipe(), tmp_path)
    tried = read_grid(tmp_path / "grid.csv")
    assert [c.head for c in tried] == ["knn", "knn", "softmax"] * 2
    for row in (r for r in found.rows if r.split == "validation"):
        mine = [c for c in tried if c.run == row.run]
        best = max(mine, key=lambda c: c.validation)
        assert (best.validation, json.loads(best.params)) == (row.accuracy, json.loads(row.params))
        assert all(c.fit_s > 0 for c in mine)
    run(recipe(), tmp_path)
    assert read_grid(tmp_path / "grid.csv") == tried


def test_what_a_report_says_is_kept(tmp_path):
    found = run(recipe(question="Which <b>?"), tmp_path)
    kept = json.loads((tmp_path / "recipe.json").read_text("utf-8"))
    assert kept["recipe"]["question"] == "Which <b>?"
    assert kept["runs"] == list(dict.fromkeys(r.run for r in found.rows))
    assert kept["data"]["synthetic"] is True
    assert sum(map(sum, kept["data"]["counts"].values())) == 140
    predictions = load_predictions(tmp_path / "predictions" / f"{kept['runs'][0]}.npz")
    assert sum(kept["data"]["counts"]["test"]) == len(predictions.true)
    assert len(predictions.groups) == len(predictions.true)


def test_second_run_computes_nothing(tmp_path, monkeypatch):
    first = run(recipe(), tmp_path)

    def never(*_):
        raise AssertionError("fitted again")

    monkeypatch.setattr("pipelines.evaluation.holdout.evaluate_run", never)
    monkeypatch.setattr("featurize.base.Extractor.transform", never)
    second = run(recipe(), tmp_path)
    assert (second.computed, second.reused) == (0, 4)
    assert [r.run for r in second.rows] == [r.run for r in first.rows]


def test_a_new_head_costs_only_itself(tmp_path):
    run(recipe(), tmp_path)
    found = run(recipe(heads=[*SMALL["heads"], {"head": "svm"}]), tmp_path)
    assert (found.computed, found.reused) == (2, 4)


def test_a_failed_cell_is_a_row_and_is_tried_again(tmp_path):
    heads = [{"head": "knn", "params": {"n_neighbors": 5000}}, "softmax"]
    found = run(recipe(heads=heads), tmp_path)
    assert (found.computed, found.failed) == (2, 2)
    failed = [r for r in found.rows if r.status == "error"]
    assert len(failed) == 2
    assert "5000" in failed[0].error
    assert np.isnan(failed[0].accuracy)
    assert run(recipe(heads=heads), tmp_path).failed == 2


def test_a_mended_cell_drops_its_error(tmp_path, monkeypatch):
    whole = selection.build_head

    def broken(name, **params):
        raise ValueError("out of luck")

    monkeypatch.setattr(selection, "build_head", broken)
    assert run(recipe(), tmp_path).failed == 4
    monkeypatch.setattr(selection, "build_head", whole)
    found = run(recipe(), tmp_path)
    assert found.failed == 0
    assert {r.status for r in found.rows} == {"ok"}


def test_interrupted_comparison_goes_on(tmp_path, monkeypatch):
    whole = fit_module.evaluate_run
    done = []

    def interrupted(head, matrix):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(head.head)
        return whole(head, matrix)

    monkeypatch.setattr("pipelines.evaluation.holdout.evaluate_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(recipe(), tmp_path)
    monkeypatch.undo()
    found = run(recipe(), tmp_path)
    assert (found.computed, found.reused) == (2, 2)


def test_validation_chooses_not_the_test(tmp_path):
    found = run(recipe(), tmp_path)
    records = summarize(found)
    chosen = [r for r in records if r["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["validation"] == max(r["validation"] for r in records)
    with (tmp_path / "summary.csv").open(newline="", encoding="utf-8") as file:
        assert [r["chosen"] for r in csv.DictReader(file)] == [r["chosen"] for r in records]


def test_unknown_option_of_the_data(tmp_path):
    with pytest.raises(ValueError, match="n_per_clas"):
        run(recipe(data={"name": "synthetic", "options": {"n_per_clas": 3}}), tmp_path)


def test_unknown_split(tmp_path):
    with pytest.raises(ValueError, match="no samples in a split 'private'"):
        run(recipe(protocols=[{"protocol": "holdout", "test": "private"}]), tmp_path)


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "rows.csv").write_text("mine\n")
    with pytest.raises(ValueError, match="no result rows"):
        run(recipe(), tmp_path)
    assert (tmp_path / "rows.csv").read_text() == "mine\n"
