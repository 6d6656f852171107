"""The Python functions take what people write: text, paths, lists, tuples, NumPy's numbers; or say what."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from classifiers import registry
from classifiers.persist import PersistError, check_savable, save
from featurize.registry import parse
from featurize.store import Store
from pipelines import api
from pipelines.api import compare, featurize, fit, load_dataset, load_model, load_recipe
from pipelines.datasets import registry as registry_module
from pipelines.evaluation.recipe import recipe_from
from pipelines.recipe import Head
from pipelines.reporting.report import Options, write_report

SMALL = "synthetic(n_per_class=12)"
RECIPE = "name: small\ndata: {name: synthetic, options: {n_per_class: 12}}\nextractors: [hog]\nheads: [knn]\n"
PATHS = [str, Path]


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Work in an empty folder that is the home folder too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def chosen(**given):
    """Return what was tried and chosen by a `fit` on small data."""
    _, outcome = fit(SMALL, "hog", given.pop("head", "svm"), **given)
    return outcome.choice


@pytest.mark.parametrize(
    "several", [[1, 10], (1, 10), np.array([1, 10]), np.array([1.0, 10.0], np.float32), range(1, 11, 9)]
)
def test_several_values_are_a_grid(several):
    found = chosen(C=several)
    assert [point["C"] for point in found.tried] == [1, 10]
    assert [point["validation"] for point in found.tried] == [
        point["validation"] for point in chosen(grid={"C": [1, 10]}).tried
    ]


def test_several_values_of_several_parameters():
    found = chosen(head="knn", n_neighbors=np.array([1, 5]), weights=("uniform", "distance"))
    assert len(found.tried) == 4
    assert type(found.params["n_neighbors"]) is int


@pytest.mark.parametrize("grid", [{"C": np.logspace(0, 1, 2)}, {"C": (1.0, 10.0)}, {"C": 10}])
def test_grids_as_people_write_them(grid):
    assert [point["C"] for point in chosen(grid=grid).tried][-1] == 10


def test_numpy_numbers_everywhere(quick):
    model, outcome = fit(
        SMALL, "hog", "svm", C=np.float64(3), degree=np.int64(2), class_weight={0: np.float32(2)},
        probability=np.bool_(True), seed=np.int64(1), validation=np.float32(0.2), folds=np.int64(2),
        tile=np.uint8(4), clip=np.float32(4), mirror=np.bool_(False), out="model",
    )  # fmt: skip
    assert json.loads(outcome.rows[0].params)["C"] == 3
    assert load_model("model").card["head"]["params"]["degree"] == 2
    assert type(outcome.choice.params["C"]) is float


def test_the_same_rows_whatever_the_numbers_are_called():
    plain, numpy = (fit(SMALL, "hog", "svm", C=c)[1].rows[0].run for c in (3.0, np.float64(3)))
    assert plain == numpy


@pytest.mark.parametrize(
    ("given", "piece"),
    [
        ({"C": float("nan")}, "C=nan.*finite"),
        ({"C": [1, np.nan]}, "C=nan.*finite"),
        ({"C": np.array([1, np.inf])}, "C=inf.*finite"),
        ({"C": []}, "no value for 'C'"),
        ({"C": [[1, 10]]}, r"C=\[1, 10\]"),
        ({"C": "ten"}, "C='ten'"),
        ({"c": [1, 10]}, "did you mean 'C'"),
        ({"n_job": 2}, "did you mean 'n_jobs'"),
        ({"C": [1, 2], "grid": "default"}, "or several values for C, not both"),
        ({"C": [1, 2], "grid": {"C": [1]}}, "give it once"),
        ({"backbone": ["hog", "lbp"]}, "give a text such as 'hog'"),
        ({"backbone": None}, "give a text such as 'hog'"),
        ({"head": None}, "give its name, such as 'svm'"),
        ({"head": object}, "give its name, such as 'svm'"),
        ({"data": None}, "give the name of a data set or a folder"),
        ({"data": ""}, "give the name of a data set or a folder"),
        ({"data": 3}, "give the name of a data set or a folder"),
        ({"validation": float("nan")}, "^validation: .*finite"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(given, piece):
    with pytest.raises(ValueError, match=piece) as caught:
        fit(**{"data": SMALL, "backbone": "hog", "head": "svm"} | given)
    assert "\n" not in str(caught.value)


def test_recipes_take_lists_among_params():
    assert Head(head="svm", params={"C": [1, 10], "degree": 2}).candidates() == [
        {"degree": 2, "C": 1},
        {"degree": 2, "C": 10},
    ]
    assert Head(head="svm", params={"C": 3}).identity() == {"head": "svm", "params": {"C": 3}, "grid": {}}
    recipe = recipe_from(
        {"name": "r", "data": Path("faces"), "extractors": ["hog"],
         "heads": [{"head": "svm", "params": {"C": np.array([1, 10])}}]}
    )  # fmt: skip
    assert recipe.data.name == "faces"
    assert recipe.heads[0].grid == {"C": [1, 10]}
    json.dumps(recipe.model_dump())


def test_a_parameter_that_is_a_list_stays_one(monkeypatch):
    module = types.ModuleType("listed")

    class Params(registry.HeadParams):
        layers: list[int] = [10]
        alpha: float = 1.0

    module.Params, module.GRID, module.build = Params, {}, lambda **params: params
    monkeypatch.setitem(sys.modules, "listed", module)
    monkeypatch.setitem(registry.HEADS, "listed", "listed")
    made = Head(head="listed", params={"layers": (5, 5), "alpha": (1, 2)})
    assert made.params == {"layers": [5, 5]}
    assert made.grid == {"alpha": [1, 2]}


@pytest.mark.usefixtures("svg_charts")
@pytest.mark.parametrize("kind", PATHS)
def test_every_path_may_be_text(quick, kind):
    """``~`` is the home folder in each."""
    (quick / "recipe.yaml").write_text(RECIPE)
    done = compare(load_recipe(kind("~/recipe.yaml")), kind("~/results"), store=kind("~/store"))
    assert (quick / "results" / "rows.csv").is_file()
    assert (quick / "store").is_dir()
    assert done.folder == quick / "results"
    fit(SMALL, "hog", "knn", out=kind("~/model"), store=kind("~/store"))
    assert load_model(kind("~/model")).predict(load_dataset(SMALL).samples[0])
    _, found = featurize(SMALL, "hog", out=kind("~/vectors/hog.npz"), store=kind("store"))
    assert (quick / "vectors" / "hog.npz").is_file()
    assert len(found.X) == 84
    options = Options(embedding="none", model=kind("~/model"), against=kind("~/results"))
    assert write_report(kind("~/results"), kind("~/page"), options, store=kind("~/store")).page.is_file()
    assert registry_module.list_datasets(kind("~/data"))["synthetic"] == "built in"
    assert Store(kind("~/store")).root == quick / "store"
    assert not (quick / "~").exists()


@pytest.mark.parametrize("kind", PATHS)
def test_a_folder_of_faces_by_text_or_path(quick, kind):
    from PIL import Image as Pillow

    faces = load_dataset("synthetic(n_per_class=20)")
    for i, (label, split) in enumerate(zip(faces.labels, faces.split, strict=True)):
        folder = quick / "faces" / split / faces.classes[label]
        folder.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(faces.samples[i]).save(folder / f"{i}.png")
    assert len(load_dataset(kind("~/faces"), cache=kind("~/cache"))) == 140
    _, outcome = fit(kind("faces"), "pixels", "knn", n_neighbors=[1, 3])
    assert outcome.rows[1].n_test == sum(faces.split == "test")


@pytest.mark.parametrize("kind", PATHS)
def test_leaving_one_out_and_training_write_to_text(quick, kind):
    from pipelines.training.train import run

    (quick / "loso.yaml").write_text(
        "name: l\ndata: {name: synthetic-clips, options: {n_subjects: 3, clips_per_subject: 3}}\n"
        "protocols: [loso]\nextractors: [lbp-top]\nheads: [knn]\n"
    )
    assert compare(load_recipe(kind("~/loso.yaml")), kind("~/loso"), store=kind("~/store")).pooled
    assert (quick / "loso" / "cross-validation.csv").is_file()
    for wrong in ("l.yaml", Path("g.yaml"), {"name": "c"}):
        with pytest.raises(TypeError, match=r"compare takes a .*reads one from a file"):
            compare(wrong, kind("out"))
    with pytest.raises(FileNotFoundError, match="no recipe"):
        load_recipe(kind("~/none.yaml"))
    (quick / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file"):
        run(None, {}, kind("~/file/below"), recipe=kind("~/none.yaml"))


@pytest.mark.parametrize("wrong", [3, None, b"model", ["model"], {}])
def test_what_is_no_path(wrong):
    models = [load_model] if wrong is not None else []  # nothing given is the default model
    for call in (*models, load_recipe, lambda given: compare(recipe_of(), given)):
        with pytest.raises(TypeError, match="give a path"):
            call(wrong)
    if wrong is not None:
        with pytest.raises(TypeError, match="out=.*give a path"):
            fit(SMALL, "hog", "knn", out=wrong)
        with pytest.raises(TypeError, match="out=.*give a path"):
            featurize(SMALL, "hog", out=wrong)


@pytest.mark.parametrize("wrong", [None, 3, "", b"faces"])
def test_what_is_no_data_set(wrong):
    with pytest.raises(TypeError, match="give the name of a data set or a folder"):
        load_dataset(wrong)


def recipe_of():
    return recipe_from({"name": "r", "data": SMALL, "extractors": ["hog"], "heads": ["knn"]})


@pytest.fixture
def nothing_is_computed(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("data were read before it was said what is wrong")

    monkeypatch.setattr("pipelines.datasets.registry.load", refuse)


@pytest.mark.usefixtures("nothing_is_computed")
def test_where_nothing_can_be_written_is_said_first(quick):
    (quick / "notes").mkdir()
    (quick / "notes" / "my.txt").write_text("mine")
    with pytest.raises(ValueError, match="no model"):
        fit(SMALL, "hog", "knn", out="notes")
    for out in ("notes/my.txt/below", "notes/my.txt/a/b"):
        with pytest.raises(NotADirectoryError, match="my.txt is a file"):
            fit(SMALL, "hog", "knn", out=out)
        with pytest.raises(NotADirectoryError, match="my.txt is a file"):
            compare(recipe_of(), out)
        with pytest.raises(NotADirectoryError, match="my.txt is a file"):
            featurize(SMALL, "hog", out=f"{out}/vectors.npz")
    with pytest.raises(NotADirectoryError, match="my.txt is a file"):
        compare(recipe_of(), "notes/my.txt")
    assert (quick / "notes" / "my.txt").read_text() == "mine"


@pytest.mark.usefixtures("nothing_is_computed")
def test_where_nothing_may_be_written_is_said_first(quick, monkeypatch):
    monkeypatch.setattr("pipelines.utils.paths.os.access", lambda *_: False)
    for call in (lambda: fit(SMALL, "hog", "knn", out="a/b"), lambda: compare(recipe_of(), Path("a/b"))):
        with pytest.raises(PermissionError, match="nothing may be written in"):
            call()


def registered(monkeypatch, build):
    module = types.ModuleType("mine")
    module.Params, module.GRID, module.build = registry.HeadParams, {}, build
    monkeypatch.setitem(sys.modules, "mine", module)
    monkeypatch.setitem(registry.HEADS, "mine", "mine")


class Bayes(GaussianNB):
    """A class that neither scikit-learn nor mueca has."""


def bayes():
    return Bayes()


@pytest.mark.usefixtures("nothing_is_computed")
def test_what_cannot_be_saved_is_said_first(quick, monkeypatch):
    registered(monkeypatch, bayes)
    with pytest.raises(PersistError, match=r"head mine cannot be saved.*Bayes.*trusted=.*--out") as caught:
        fit(SMALL, "hog", "mine", out="model")
    assert "\n" not in str(caught.value)
    assert not (quick / "model").exists()


def test_what_cannot_be_saved_is_fitted_without_a_folder(monkeypatch):
    registered(monkeypatch, bayes)
    assert fit(SMALL, "hog", "mine")[1].rows[1].status == "ok"


def test_the_command_line_says_it_too(quick, monkeypatch, capsys):
    import cli

    registered(monkeypatch, bayes)
    words = ["fit", "--data", SMALL, "--backbone", "hog", "--head", "mine", "--out", "model"]
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 1
    assert "mueca: head mine cannot be saved" in capsys.readouterr().err


def test_what_hides_in_a_trusted_class_is_refused_too(monkeypatch, tmp_path):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    made = make_pipeline(FunctionTransformer(abs_of), bayes())
    monkeypatch.setattr("classifiers.persist.TRUSTED", ("sklearn.pipeline.Pipeline",))
    for call in (check_savable, lambda given: save(given, tmp_path / "head.skops")):
        with pytest.raises(PersistError, match="abs_of"):
            call(made)
    assert not list(tmp_path.iterdir())


def abs_of(X):
    return abs(X)


def test_every_head_of_ours_can_be_saved():
    for name in registry.list_heads():
        check_savable(registry.head(name), f"head {name}")


def test_the_public_names_are_there():
    assert {"compare", "featurize", "fit", "load_dataset", "load_model", "load_recipe"} <= set(api.__all__)
    assert all(callable(getattr(api, name)) for name in api.__all__)


def test_an_expression_is_a_text():
    with pytest.raises(ValueError, match="give a text such as"):
        parse(["hog"])


def test_folds_that_choose_nothing_are_not_in_the_protocol():
    model, _ = fit("synthetic(n_per_class=4)", "pixels", "knn", folds=1000)
    assert "1000" not in model.card["protocol"] and "folds" not in model.card["protocol"]
