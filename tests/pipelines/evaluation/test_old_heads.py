"""The head `network-softmax` was called `own`: what has the old name goes on, and shows the new one."""

from __future__ import annotations

import json
import logging
import shutil

import numpy as np
import pytest

import mueca
from classifiers import registry
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import recipe_from
from pipelines.models.folders import write_manifest
from pipelines.models.model import load_model
from pipelines.recipe import Head
from pipelines.reporting.report import write_report
from pipelines.results.load import load_results
from pipelines.results.rows import read_grid, read_rows

NEW, SAID = "network-softmax", "head own is now network-softmax; the old name works for one version"
DATA = "synthetic(n_per_class=12)"
SCORES = "own-small(layer='scores', precision='f32')"


@pytest.fixture(autouse=True)
def unsaid():
    registry.say_renamed.cache_clear()


def recipe(name):
    return {
        "name": "old",
        "data": {"name": "synthetic", "options": {"n_per_class": 12, "n_identities": 8}},
        "protocols": [{"protocol": "holdout", "validation": 0.25}, {"protocol": "grouped-kfold", "folds": 3}],
        "extractors": ["huamanga(precision='f32')", SCORES],
        "heads": [{"head": name, "extractors": [SCORES]}, {"head": "knn"}],
        "ensembles": [
            {"combine": "vote", "name": "networks", "heads": [name]},
            {"combine": "pool", "name": "both", "heads": [name, "knn"]},
        ],
    }


def test_the_old_name_is_the_new_head_with_one_warning(caplog):
    with caplog.at_level(logging.WARNING):
        old = [mueca.head("own"), mueca.head("own")]
        assert registry.checked_params("own", {}) == {}
        with pytest.raises(ValueError, match="head network-softmax: no parameter 'pca'"):
            mueca.head("own", pca=3)
    assert caplog.messages == [SAID]
    assert {type(one) for one in old} == {type(mueca.head(NEW))}
    with pytest.raises(ValueError, match="'own' belongs to mueca"):
        mueca.register_head("own", lambda: None)


def test_the_new_name_says_nothing(caplog):
    mueca.head(NEW)
    recipe_from(recipe(NEW))
    assert not caplog.messages


def test_recipes_of_both_names_are_one(caplog):
    old = recipe_from(recipe("own"))
    assert caplog.messages == [SAID]
    assert old == recipe_from(recipe(NEW))
    assert [h.head for h in old.heads] == [NEW, "knn"]
    assert [e.heads for e in old.ensembles] == [[NEW], [NEW, "knn"]]


def test_what_identifies_a_run_stays():
    usual = {"params": {}, "grid": {}}
    assert Head(head=NEW).identity() == Head(head="own").identity() == {"head": "own", **usual}
    assert Head(head="knn").identity() == {"head": "knn", **usual}


def test_the_old_name_on_the_command_line(run_cli, tmp_path):
    def fitted(name):
        code, out, err = run_cli(
            "fit", "--data", DATA, "--backbone", SCORES, "--head", name, "--out", tmp_path / name
        )
        assert code == 0
        return out.splitlines()[0], err

    old, err = fitted("own")
    assert f"mueca: {SAID}" in err.splitlines()
    new, err = fitted(NEW)
    assert SAID not in err
    assert old == new == f"{NEW} on {SCORES}, synthetic"
    a, b = (read_rows(tmp_path / name / "rows.csv") for name in ("own", NEW))
    assert [(r.run, r.head, r.split, r.accuracy) for r in a] == [
        (r.run, r.head, r.split, r.accuracy) for r in b
    ]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    compare(recipe_from(recipe(NEW)), folder)
    return folder


@pytest.fixture
def old_results(results, tmp_path):
    """Return a folder of results as the version before wrote it."""
    folder = shutil.copytree(results, tmp_path / "old")
    for name in ("rows.csv", "grid.csv", "recipe.json"):
        text = (folder / name).read_text("utf-8")
        assert NEW in text
        (folder / name).write_text(text.replace(NEW, "own"), "utf-8")
    return folder


def test_old_rows_have_the_new_name(results, old_results):
    assert read_rows(old_results / "rows.csv") == read_rows(results / "rows.csv")
    assert read_grid(old_results / "grid.csv") == read_grid(results / "grid.csv")


@pytest.mark.parametrize("name", ["own", NEW])
def test_nothing_of_an_old_folder_is_computed_anew(results, old_results, name):
    before = (old_results / "rows.csv").read_bytes()
    found = compare(recipe_from(recipe(name)), old_results)
    assert (found.computed, found.failed) == (0, 0)
    assert (old_results / "rows.csv").read_bytes() == before
    for table in ("summary.csv", "cross-validation.csv"):
        assert (old_results / table).read_text() == (results / table).read_text()


def test_an_old_folder_is_reported_on(results, old_results, tmp_path):
    found = load_results(old_results)
    assert [c.title for c in found.cells] == [c.title for c in load_results(results).cells]
    asked = found.find("huamanga(layer='scores', precision='f32') + own")
    assert asked.title == f"huamanga(layer='scores', precision='f32') + {NEW}"
    page = write_report(old_results, tmp_path / "report").page.read_text("utf-8")
    assert NEW in page and " + own" not in page and ">own<" not in page


def test_an_old_model_is_loaded_and_shows_the_new_name(tmp_path):
    model, _ = mueca.fit(DATA, SCORES, NEW, out=tmp_path / "m")
    file = tmp_path / "m" / "card.json"
    card = json.loads(file.read_text("utf-8"))
    old = {**card, "title": card["title"].replace(NEW, "own"), "head": {**card["head"], "name": "own"}}
    file.write_text(json.dumps(old), "utf-8")
    write_manifest(tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert json.loads((tmp_path / "m" / "head.skops.json").read_text())["head"] == "classifiers._own.Own"
    assert (again.card["head"], again.card["title"]) == (card["head"], card["title"])
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    np.testing.assert_array_equal(again.scores(faces), model.scores(faces))
    assert {c.head for c in load_results(tmp_path / "m").cells[0].grid} == {NEW}


def test_vectors_that_are_no_scores_are_refused():
    with pytest.raises(ValueError, match=r"one for each of 7 classes; hog.* gives 900 values") as found:
        mueca.fit("synthetic", "hog", "network-softmax")
    assert "layer='scores'" in str(found.value)


def test_vectors_that_are_no_scores_are_refused_in_folds_too(tmp_path):
    protocols = [{"protocol": "grouped-kfold", "folds": 3}]
    recipe = {"name": "t", "data": "synthetic", "protocols": protocols, "extractors": ["lbp"]}
    (row,) = compare(recipe_from(recipe | {"heads": ["network-softmax"]}), tmp_path).rows
    assert row.status == "error"
    assert "one for each of 7 classes; lbp gives 6372 values" in row.error
