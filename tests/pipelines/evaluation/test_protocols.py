"""One recipe, one loop: holdout and folds in one file, old forms of recipes, folders of earlier versions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from featurize.store import Store
from pipelines.cross_validation.run import FoldExperiment
from pipelines.cross_validation.systems import Resources
from pipelines.datasets.base import Dataset
from pipelines.evaluation.compare import compare, systems
from pipelines.evaluation.holdout import Holdout
from pipelines.evaluation.recipe import load_recipe, recipe_from
from pipelines.evaluation.summary import summarize
from pipelines.reporting.report import Options, write_report
from pipelines.results.load import load_results
from pipelines.results.predictions import Predictions
from pipelines.results.rows import read_grid, read_rows

CLIPS = {
    "name": "small",
    "data": {"name": "synthetic-clips", "options": {"n_subjects": 6, "clips_per_subject": 6}},
    "extractors": ["pooled(of='pixels', side=16)"],
    "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}],
}
HOLDOUT = {"protocol": "holdout", "validation": 0.25}
ON_TEST = {"protocol": "holdout", "validation": 0.25, "selection": "on-test"}
LOSO = {"protocol": "loso", "inner_folds": 2}


def fixed(kind):
    """Samples of which everything is fixed that decides a run."""
    shape = {"image": (12, 12), "flow": (28, 28, 3)}[kind]
    samples = np.random.default_rng(0).integers(0, 256, (24, *shape)).astype(np.uint8)
    return Dataset(
        name="fixed", classes=("a", "b", "c"), ids=np.arange(24).astype(str), labels=np.arange(24) % 3,
        split=np.array(["train"] * 18 + ["test"] * 6), samples=samples,
        digests=np.array([f"{i:064x}" for i in range(24)]), kind=kind,
        groups=np.array([f"s{i // 3}" for i in range(24)]),
    )  # fmt: skip


def run_ids(content, kind):
    plan, resources = recipe_from({"name": "x", "data": "fixed"} | content), Resources(fixed(kind), Path())
    evaluators = [
        (Holdout if p.by_holdout else FoldExperiment)(p, resources, plan.seed) for p in plan.protocols
    ]
    return [e.run_id(s) for s in systems(plan) for e in evaluators]


def test_runs_are_called_as_in_the_versions_that_had_three_runners():
    """The names are from commit 82fe4ac: a folder that it wrote is not computed anew."""
    holdout = {"protocol": "holdout", "validation": 0.25, "inner_folds": 3}
    svm = {"head": "svm", "grid": {"C": [1, 10]}}
    mirrored = {"extractors": [{"extractor": "pixels", "mirror": True}], "heads": [svm]}
    assert run_ids({"protocols": [holdout]} | mirrored, "image") == ["f40f471b7c88d67d"]
    folds = {"folds": 5, "inner_folds": 4, "shared": True}
    names = [{"protocol": name} for name in ("loso", "grouped-kfold", "random-leaky")]
    names.append({"protocol": "loso", "selection": "on-test"})
    knn = {"extractors": ["pixels"], "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}]}
    assert run_ids({"seed": 7, "protocols": [name | folds for name in names]} | knn, "image") == [
        "2ac9bf555416ff44", "31f7a055862ed6d5", "73c49fcf6796eb38", "df2e08afe594d043",
    ]  # fmt: skip
    network = {"backbone": "ststnet", "epochs": [10, 20], "precision": "f32"}
    assert run_ids({"protocols": ["loso"], "networks": [network]}, "flow") == ["9791b63135068064"]
    names = ["loso", "random-leaky", {"protocol": "loso", "selection": "on-test"}]
    assert run_ids({"seed": 1, "protocols": names, "systems": ["linear SVM"]}, "flow") == [
        "463d6eb8fd029cd5", "b7a246ce5c36a916", "70ab19d5db71e59a",
    ]  # fmt: skip


def test_one_recipe_has_a_holdout_and_folds(tmp_path, monkeypatch):
    plan = recipe_from(CLIPS | {"protocols": [HOLDOUT, ON_TEST, LOSO]})
    found = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    assert (found.computed, found.reused, found.failed) == (3, 0, 0)
    nested, on_test = summarize(found)
    assert (nested["marks"], on_test["marks"]) == ("", "select-on-test")
    assert (nested["chosen"], on_test["chosen"]) == ("yes", "")
    assert on_test["test"] == on_test["validation"] >= nested["test"]
    assert [(r.protocol, r.part, r.n) for r in found.pooled] == [("loso", "all", 36)]
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    with (tmp_path / "out" / "cross-validation.csv").open(newline="") as file:
        assert [line["protocol"] for line in csv.DictReader(file)] == ["loso"]
    kept = json.loads((tmp_path / "out" / "recipe.json").read_text("utf-8"))
    assert kept["runs"] == list(dict.fromkeys(row.run for row in found.rows))
    assert len(read_grid(tmp_path / "out" / "grid.csv")) == 4
    for module in ("cross_validation.run.cross_validate", "evaluation.holdout.evaluate_run"):
        monkeypatch.setattr(f"pipelines.{module}", None)  # would fail if anything were computed again
    again = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    assert (again.computed, again.reused, again.failed) == (0, 3, 0)
    assert again.pooled == found.pooled
    results = load_results(tmp_path / "out")
    assert len(results.cells) == 3
    assert results.chosen.run == found.rows[0].run


def test_predictions_of_a_run_by_folds_that_are_gone_are_made_again(tmp_path):
    plan = recipe_from(CLIPS | {"protocols": [LOSO]})
    first = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    for path in (tmp_path / "out" / "predictions").iterdir():
        path.write_bytes(b"half")
    again = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    assert (again.computed, again.reused) == (1, 0)
    assert again.pooled[0].uf1 == first.pooled[0].uf1


def test_named_systems_and_networks_run_under_a_holdout_too(tmp_path, monkeypatch):
    maps = np.asarray(fixed("flow").samples).astype(float)
    data = fixed("flow")
    maps[:, 8:20, 8:20, 1] = np.array([20, 128, 240])[data.labels][:, None, None]
    given = Dataset(**vars(data) | {"samples": maps.astype(np.uint8)})
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: given)
    network = {"backbone": "ststnet", "epochs": [5, 30], "batch_size": 8, "learning_rate": 3e-3}
    content = {"name": "x", "data": "fixed", "protocols": [HOLDOUT], "systems": ["linear SVM"]}
    found = compare(recipe_from(content | {"networks": [network]}), tmp_path)
    assert (found.computed, found.failed) == (2, 0)
    learned, svm = summarize(found)
    assert learned["head"] == "network-softmax"
    assert svm["head"] == "linear SVM"
    assert svm["test"] == 1.0
    tried = [c for c in read_grid(tmp_path / "grid.csv") if c.head == "network-softmax"]
    assert [json.loads(c.params) for c in tried] == [{"epochs": 5}, {"epochs": 30}]
    assert learned["validation"] == max(c.validation for c in tried)
    assert compare(recipe_from(content | {"networks": [network]}), tmp_path).reused == 2


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("kfold", "kfold would have subjects on both sides"),
        ("lodo", "lodo leaves out one of several sets"),
    ],
)
def test_a_protocol_that_does_not_fit_is_a_row_with_its_error(protocol, words, tmp_path, caplog):
    plan = recipe_from(CLIPS | {"protocols": [protocol, LOSO]})
    found = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    assert (found.computed, found.failed) == (1, 1)
    assert words in found.pooled[0].error
    assert found.pooled[1].uf1 > 0
    assert sum(words in message for message in caplog.messages) == 1


def test_folds_by_class_where_nobody_knows_the_subjects(tmp_path, monkeypatch):
    given = Dataset(**vars(fixed("image")) | {"groups": None})
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: given)
    systems = {"extractors": ["pixels"], "heads": ["knn"]}
    plan = recipe_from(
        {"name": "x", "data": "fixed", "protocols": [{"protocol": "kfold", "folds": 4}]} | systems
    )
    (row,) = compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1).pooled
    assert row.words.startswith("4 folds by class; ")
    assert (row.marks, row.part) == ((), "all"), "train and test are no sets that the data is made of"
    (written,) = read_rows(tmp_path / "out" / "rows.csv")
    assert (written.split, written.n_test) == ("test", 24)


SYSTEMS = {"extractors": ["hog"], "heads": ["svm"]}
OLD_AND_NEW = [
    (
        {"validation": "public", "test": "private", "refit": False, "scoring": "f1_macro", "folds": 5,
         "halving": 3}
        | SYSTEMS,
        [
            {"protocol": "holdout", "validation": "public", "test": "private", "refit": False,
             "scoring": "f1_macro", "inner_folds": 5, "halving": 3},
        ],
    ),
    (
        {"protocols": ["loso", "random-leaky+select-on-test"], "folds": 5, "inner": 3, "shared": True}
        | SYSTEMS,
        [
            {"protocol": "loso", "folds": 5, "inner_folds": 3, "shared": True},
            {"protocol": "random-leaky", "selection": "on-test", "folds": 5, "inner_folds": 3,
             "shared": True},
        ],
    ),
    (
        {"systems": ["linear SVM"], "ways": ["honest", "chosen on test"], "inner": 4, "seed": 2},
        [
            {"protocol": "loso", "inner_folds": 4},
            {"protocol": "loso", "selection": "on-test", "inner_folds": 4},
        ],
    ),
    (
        {"systems": ["linear SVM"]},
        ["loso", "random-leaky", {"protocol": "loso", "selection": "on-test"}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "protocols"), OLD_AND_NEW)
def test_a_recipe_of_an_old_form_is_read_with_one_line(old, protocols, tmp_path, caplog):
    import yaml

    base = {"name": "r", "data": "synthetic"}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(base | old))
    found = load_recipe(tmp_path / "r.yaml")
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path / 'r.yaml'}: ")
    assert "an old form, read for one version more; write instead: protocols: [" in line
    kept = {k: v for k, v in old.items() if k in ("systems", "extractors", "heads", "seed")}
    assert found == recipe_from(base | kept | {"protocols": protocols})
    assert len(caplog.messages) == 1
    written = yaml.safe_load(line.split("write instead: ")[1])
    assert recipe_from(base | kept | written) == found


def test_a_recipe_is_read_again_as_it_was_written_down():
    network = {"backbone": "ststnet", "epochs": [10, 20], "precision": "f32"}
    plan = recipe_from(CLIPS | {"protocols": [HOLDOUT, ON_TEST, LOSO], "networks": [network]})
    assert recipe_from(json.loads(json.dumps(plan.model_dump()))) == plan


@pytest.mark.parametrize(
    "given", [{"protocols": 3}, {"protocols": [["loso"]], "inner": 2}, {"systems": 3, "ways": 1}]
)
def test_nonsense_in_an_old_form_is_one_line(given):
    with pytest.raises(ValueError, match="recipe: ") as error:
        recipe_from({"name": "r", "data": "synthetic"} | SYSTEMS | given)
    assert "\n" not in str(error.value)


OLD_COLUMNS = (
    "run,dataset,fingerprint,protocol,split,extractor,spec,head,params,seed,fold,n_train,n_test,accuracy,"
    "balanced_accuracy,f1_macro,f1_weighted,auc_ovr,log_loss,ci_low,ci_high,extract_s,fit_s,"
    "predict_ms_per_sample,model_bytes,embedding_key,git_sha,versions,status,error"
)


def old_folder(folder):
    """Write by hand what the runners of folds left before: no recipe.json, no marks, a table of its own."""
    folder.mkdir()
    y = np.arange(30) % 3
    lines = [OLD_COLUMNS]
    for run, before, right in (("a" * 16, "", 24), ("b" * 16, "random-leaky: ", 27)):
        said = np.where(np.arange(30) < right, y, (y + 1) % 3)
        groups, clean = np.array([f"s{i // 5}" for i in range(30)]), np.ones(30, bool)
        scores = np.eye(3, dtype=np.float32)[said]
        Predictions(np.arange(30).astype(str), y, said, scores, np.array(["no", "yes", "wow"]), clean, False,
                    groups).save(folder / "predictions" / f"{run}.npz")  # fmt: skip
        words = f"{before}each of 6 subjects left out in turn; predictions pooled"
        params = '"{""chosen in folds"": {""{}"": 6}}"'
        share = right / 30
        lines.append(
            f"{run},old clips,{'0' * 64},{words},test,lbp-top,lbp-top,svm,{params},0,0,25,30,{share},{share},"
            f"{share},{share},,,0.6,0.95,,1.5,,0,,abc,{{}},ok,"
        )
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (folder / "loso.csv").write_text("system,protocol,set,n\nlbp-top + svm,loso,all,30\n")
    return folder


@pytest.mark.usefixtures("svg_charts")
def test_a_folder_of_an_earlier_version_is_read_and_reported(tmp_path):
    folder = old_folder(tmp_path / "old")
    honest, leaky = load_results(folder).cells
    assert (honest.title, leaky.title) == ("lbp-top + svm", "lbp-top + svm [random-leaky]")
    assert honest.predictions.groups[0] == "s0"
    page = write_report(folder, tmp_path / "page", Options(embedding="none")).page.read_text("utf-8")
    assert "lbp-top + svm [random-leaky]" in page
    assert "80.00" in page
