"""What a report reads: the runs of one comparison, whatever else lies in the folder."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fabricate import fabricate

from pipelines.reporting.source_data import open_source, vectors_of_test
from pipelines.results.load import load_results, read_csv, short_params
from pipelines.results.rows import Row, append_rows


def row(run, split="test", **fields):
    known = {
        "dataset": "d",
        "fingerprint": "f",
        "protocol": "p",
        "extractor": "hog",
        "spec": "hog",
        "head": "svm",
    }
    return Row(run=run, split=split, **(known | fields))


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="mueca compare"):
        load_results(tmp_path / "nowhere")


def test_cells_in_the_order_of_the_recipe_and_the_choice_of_validation(folder):
    found = load_results(folder)
    assert [c.title for c in found.cells[:2]] == ["pixels + softmax", "pixels + svm"]
    assert len(found.cells) == 25
    assert found.chosen.validation == max(c.validation for c in found.cells)
    assert found.synthetic
    assert found.question.startswith("Which <features>")
    assert len(found.cells[1].grid) == 9


def test_cells_of_another_recipe_are_counted_not_shown(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm",), n=50)
    append_rows(tmp_path / "rows.csv", [row("other", accuracy=0.99)])
    found = load_results(tmp_path)
    assert [c.title for c in found.cells] == ["hog + svm"]
    assert found.left_out == 1


def test_rows_alone_are_enough(tmp_path):
    append_rows(tmp_path / "rows.csv", [row("a", accuracy=0.5), row("a", "validation", accuracy=0.6)])
    append_rows(tmp_path / "rows.csv", [row("b", accuracy=0.4, params='{"C": 10}')])
    append_rows(tmp_path / "rows.csv", [row("c", status="error", error="no")])
    found = load_results(tmp_path)
    assert [c.title for c in found.cells] == ["hog + svm ()", "hog + svm (C=10)"]
    assert [r.error for r in found.failed] == ["no"]
    assert found.chosen.run == "a"
    assert found.classes == ()
    assert found.chosen.predictions is None


def test_all_failed(tmp_path):
    append_rows(tmp_path / "rows.csv", [row("a", status="error", error="no")])
    with pytest.raises(ValueError, match="no run of the comparison succeeded"):
        load_results(tmp_path)


def test_of_several_folds_the_pooled_row_counts(tmp_path):
    append_rows(tmp_path / "rows.csv", [row("a", fold=k, n_test=10, accuracy=k / 10) for k in range(3)])
    append_rows(tmp_path / "rows.csv", [row("a", fold=9, n_test=30, accuracy=0.7)])
    assert load_results(tmp_path).chosen.test.accuracy == 0.7


def test_a_damaged_recipe_is_named(folder, tmp_path):
    append_rows(tmp_path / "rows.csv", [row("a", accuracy=0.5)])
    (tmp_path / "recipe.json").write_text("[1, 2")
    with pytest.raises(ValueError, match="recipe.json"):
        load_results(tmp_path)


def test_find(folder):
    found = load_results(folder)
    assert found.find("hog + svm").test.head == "svm"
    assert found.find(found.cells[3].run) is found.cells[3]
    with pytest.raises(ValueError, match="no run is 'nix'"):
        found.find("nix")
    with pytest.raises(ValueError, match=r"did you mean 'hog \+ svm'\?"):
        found.find("hog + swm")
    with pytest.raises(ValueError, match=r"more than one run is meant by 'svm': .* and 2 more; write the"):
        found.find("svm")


def test_parameters_without_the_seed():
    assert short_params(row("a", params='{"C": 10, "random_state": 0}')) == "C=10"
    assert short_params(row("a", params="what?")) == "what?"


def test_short_lines_are_named(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(ValueError, match="line 3"):
        read_csv(tmp_path / "x.csv")
    assert read_csv(tmp_path / "no.csv") == []


@pytest.fixture(scope="module")
def model(model_folder):
    """Return the folder of a model fitted on synthetic faces, with a grid."""
    return model_folder(head="knn", grid={"n_neighbors": [1, 5]})


def test_a_model_folder_is_a_result(model):
    found = load_results(model)
    assert [c.title for c in found.cells] == ["hog + knn"]
    assert found.synthetic
    assert [json.loads(c.params)["n_neighbors"] for c in found.chosen.grid] == [1, 5]
    assert found.chosen.confusion.sum() == found.chosen.test.n_test


def test_data_and_vectors_are_found_again(model):
    found = load_results(model)
    source = open_source(found)
    p = found.chosen.predictions
    np.testing.assert_array_equal(source.dataset.labels[source.rows], p.true)
    X = vectors_of_test(found.chosen, source)
    assert X.shape == (len(p.true), 900)
    from featurize import extractor

    again = extractor("hog").transform([source.dataset.samples[int(i)] for i in source.rows[:5]])
    np.testing.assert_array_equal(X[:5], again)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"head": "network-softmax"}, "a network by itself, of which scores are kept"),
        ({"embedding_key": ""}, "an ensemble and has no vectors"),
        ({"embedding_key": "0" * 64}, "not in the cache any more"),
    ],
)
def test_who_has_no_vectors_says_why(model, fields, words):
    found = load_results(model)
    rows = {**found.chosen.rows, "test": replace(found.chosen.test, **fields)}
    with pytest.raises(ValueError, match=words):
        vectors_of_test(replace(found.chosen, rows=rows), open_source(found))


def test_other_data_is_refused(folder, model):
    with pytest.raises(ValueError, match="not the data these results were made from"):
        open_source(load_results(folder), data="synthetic")
    with pytest.raises(ValueError, match="no data set or folder"):
        open_source(load_results(folder))
