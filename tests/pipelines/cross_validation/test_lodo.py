"""Leaving one data set out, of still images: by options, by a recipe, and what it refuses."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from featurize.store import Store
from pipelines.datasets.registry import load
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import recipe_from
from pipelines.results.load import load_results
from pipelines.results.rows import read_rows

WORDS = {"angry": "Anger", "happy": "happiness"}
SYSTEMS = {"extractors": ["pixels"], "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}]}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return two tables of 21 synthetic faces each; the second one calls two emotions otherwise."""
    found = []
    for place, words in (("a", {}), ("b", WORDS)):
        folder = tmp_path_factory.mktemp(place)
        drawn = load("synthetic", n_per_class=3, n_identities=3, seed=len(words))
        rows = ["file,label,subject"]
        for i in range(len(drawn)):
            Image.fromarray(drawn.samples[i]).save(folder / f"{i}.png")
            name = drawn.classes[drawn.labels[i]]
            rows.append(f"{i}.png,{words.get(name, name)},{drawn.groups[i]}")
        (folder / f"{place}.csv").write_text("\n".join(rows) + "\n")
        found.append(folder / f"{place}.csv")
    return found


def test_two_tables_by_options(tables, run_cli, tmp_path):
    sets = [word for table in tables for word in ("--data", table)]
    options = ("--backbone", "hog", "--head", "svm", "--C", "1,10", "--inner-folds", "2", "--out", tmp_path)
    done = run_cli("cross-validate", *sets, "--protocol", "lodo", *options, "--json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)["rows"]
    assert [(row["set"], row["n"], row["protocol"]) for row in rows] == [
        ("all", 42, "lodo"), ("a", 21, "lodo"), ("b", 21, "lodo"),
    ]  # fmt: skip
    assert rows[0]["words"].startswith(
        "each of 2 sets left out in turn; one of 2 candidates chosen by 2 inner"
    )
    assert "other subjects" in rows[0]["words"]
    kept = json.loads((tmp_path / "recipe.json").read_text("utf-8"))
    assert [one["name"] for one in kept["data"]["sets"]] == ["a", "b"]
    assert kept["data"]["sets"][1]["classes"]["Anger"] == "angry"
    assert kept["data"]["counts"].keys() == {"a", "b"}
    results = load_results(tmp_path)
    with (tmp_path / "cross-validation.csv").open(newline="") as file:
        assert [line["set"] for line in csv.DictReader(file)] == ["all", "a", "b"]
    assert len(results.cells) == 1
    shown = run_cli("cross-validate", *sets, "--protocol", "lodo", *options)
    assert f"{tables[0]} + {tables[1]}" in " ".join(shown.out.split())
    assert "1 taken from" in shown.out


def test_each_set_is_tested_by_a_head_that_saw_the_other_alone(tables, tmp_path):
    """The scores of set b are those of a head fitted on set a, computed here by hand."""
    from classifiers import head
    from pipelines.embedding.embed import embed

    content = {"name": "x", "data": [str(t) for t in tables], "protocols": ["lodo"], "extractors": ["hog"]}
    plan = recipe_from(content | {"heads": [{"head": "knn", "params": {"n_neighbors": 1}}]})
    found = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    data = load([str(t) for t in tables])
    X = np.asarray(embed(data, "hog", store=Store(tmp_path / "cache"), n_jobs=1).X)
    for mine, other in (("a", "b"), ("b", "a")):
        fitted = head("knn", n_neighbors=1).fit(X[data.split == other], data.labels[data.split == other])
        here = data.split == mine
        right = (fitted.predict(X[here]) == data.labels[here]).mean()
        (row,) = [r for r in found.pooled if r.part == mine]
        assert row.accuracy == pytest.approx(right)
    assert {row.split: row.n_test for row in read_rows(tmp_path / "out" / "rows.csv")} == {
        "test": 42, "a": 21, "b": 21,
    }  # fmt: skip
    assert compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1).reused == 1


def test_still_images_by_subject(tmp_path):
    data = {"name": "synthetic", "options": {"n_per_class": 4, "n_identities": 4}}
    protocols = [{"protocol": name, "folds": 3, "inner_folds": 2} for name in
                 ("loso", "grouped-kfold", "random-leaky")]  # fmt: skip
    plan = recipe_from({"name": "x", "data": data, "protocols": protocols} | SYSTEMS)
    rows = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1).pooled
    assert [(row.protocol, row.marks) for row in rows] == [
        ("loso", ()), ("grouped-kfold", ()), ("random-leaky", ("random-leaky",)),
    ]  # fmt: skip
    assert "random folds of samples, subjects on both sides" in rows[2].words


def test_copies_mark_every_figure(tables, tmp_path):
    copied = load(str(tables[0]))
    folder = tmp_path / "c"
    folder.mkdir()
    rows = ["file,label"]
    other = load("synthetic", n_per_class=3, n_identities=3, seed=9)
    for i in range(len(other)):
        image = copied.samples[0] if i == 0 else other.samples[i]
        name = copied.classes[copied.labels[0]] if i == 0 else other.classes[other.labels[i]]
        Image.fromarray(image).save(folder / f"{i}.png")
        rows.append(f"{i}.png,{name}")
    (folder / "c.csv").write_text("\n".join(rows) + "\n")
    sets = [str(tables[0]), str(folder / "c.csv")]
    content = {"name": "x", "protocols": ["lodo"]} | SYSTEMS
    with pytest.raises(ValueError, match="exact copies"):
        compare(recipe_from(content | {"data": sets}), tmp_path / "no", store=Store(tmp_path / "cache"))
    data = {"name": "joined", "options": {"sets": sets, "allow_leaks": True}}
    found = compare(recipe_from(content | {"data": data}), tmp_path / "out", store=Store(tmp_path / "cache"))
    assert {row.marks for row in found.pooled} == {("copies-in-two-sets",)}
    assert {row.marks for row in read_rows(tmp_path / "out" / "rows.csv")} == {"copies-in-two-sets"}
    assert all("other samples" in row.words for row in found.pooled)  # one set does not name its subjects


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--columns", "label=label"), "--columns is of one data set; with several write it behind each"),
        (("--labels", "fright=fear"), "labels: no set has a class 'fright'"),
    ],
)
def test_options_of_one_set_are_refused(words, said, tables, run_cli):
    sets = [word for table in tables for word in ("--data", table)]
    done = run_cli(
        "cross-validate", *sets, "--protocol", "lodo", "--backbone", "hog", "--head", "svm", *words
    )
    assert done.code == 1
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_one_set_cannot_be_left_out(tables, run_cli, tmp_path):
    words = ("--protocol", "lodo", "--backbone", "pixels", "--head", "knn", "--out", tmp_path)
    done = run_cli("cross-validate", "--data", tables[0], *words)
    assert done.code == 3
    assert "give --data several times" in done.err
