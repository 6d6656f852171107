"""A folder of class/*.png as people bring it, without a test split: fit, compare, report, train."""

import json

import cv2
import numpy as np
import pytest

from pipelines.api import compare, fit, load_dataset
from pipelines.datasets.splits import divided
from pipelines.evaluation.recipe import recipe_from
from pipelines.reporting.report import Options, write_report
from pipelines.training.recipe import recipe as training
from pipelines.training.train import train

HELD = "20% of the training samples held out first by class, seed 0; the set brings no test split"


def write_faces(root, dataset, n, classes=("happy", "sad", "surprise")):
    """Write the first n faces of some classes to root/class/."""
    for label in classes:
        folder = root / label
        folder.mkdir(parents=True)
        for i in np.flatnonzero(dataset.labels == dataset.classes.index(label))[:n]:
            cv2.imwrite(str(folder / f"{i:03d}.png"), dataset.samples[int(i)])
    return root


@pytest.fixture(scope="module")
def plain(tiny, tmp_path_factory):
    """Return a folder of 3 classes x 20 faces."""
    return write_faces(tmp_path_factory.mktemp("plain") / "faces", tiny, 20)


@pytest.fixture(scope="module")
def two_splits(tiny, tmp_path_factory):
    """Return a folder with train/ and validation/ alone, of other faces each."""
    root = tmp_path_factory.mktemp("two") / "kaggle"
    write_faces(root / "train", tiny, 15)
    for path in (root / "train").glob("*/*.png"):
        if int(path.stem) % 3 == 0:
            target = root / "validation" / path.parent.name
            target.mkdir(parents=True, exist_ok=True)
            path.rename(target / path.name)
    return root


@pytest.mark.parametrize("more", [{}, {"folds": 3}, {"test": 0.2}, {"halving": 2}])
def test_fit_from_python(plain, more):
    model, outcome = fit(str(plain), "hog", "svm", grid={"C": [1, 10]}, **more)
    assert [(r.split, r.n_test) for r in outcome.rows[:2]] == [("validation", 5), ("test", 12)]
    assert HELD in outcome.rows[1].protocol
    assert HELD in model.card["protocol"]
    expected = divided(load_dataset(str(plain)))
    np.testing.assert_array_equal(outcome.predictions.ids, expected.ids[expected.where("test")])


def test_fit_on_train_and_validation(two_splits):
    _, outcome = fit(str(two_splits), "hog", "svm", C=1)
    validation, test = outcome.rows[:2]
    n = {part: len(list((two_splits / part).glob("*/*"))) for part in ("train", "validation")}
    assert (validation.n_test, test.n_test) == (n["validation"], round(n["train"] / 5))
    assert validation.n_train + test.n_test == n["train"]
    assert "the set's own validation split" in test.protocol


@pytest.mark.parametrize("words", [(), ("--folds", 3), ("--test", 0.2), ("--test", 0.25, "--seed", 3)])
def test_fit_on_the_command_line(run_cli, plain, words):
    code, out, err = run_cli(
        "fit", "--data", plain, "--backbone", "hog", "--head", "svm", "--C", "1,10", *words
    ).by_lines()
    assert (code, err) == (0, [])
    assert "held out first by class, seed" in out.splitlines()[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--test", "1.5"), "test=1.5: give a share between 0 and 1, or the name of a split"),
        (("--test", "0"), "test=0.0: give a share"),
        (("--test", "0.001"), "test=0.001 of 60 training samples: none to take; give a larger share"),
        (("--test", "tset"), "has no samples in a split 'tset'; it has: train"),
        (("--validation", "val"), "has no samples in a split 'val'; it has: test, train"),
        (
            ("--folds", "99"),
            "folds=99, and training samples of the smallest class: 14; take 14 or fewer",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run_cli, plain, words, message):
    code, out, err = run_cli(
        "fit", "--data", plain, "--backbone", "hog", "--head", "svm", "--C", "1,2", *words
    ).by_lines()
    assert (code, out, len(err)) == (1, "", 1)
    assert message in err[0]


@pytest.mark.parametrize(("n", "what"), [(1, "test"), (2, "validation")])
@pytest.mark.parametrize("command", ["fit", "train"])
def test_a_class_that_is_too_small_is_named(run_cli, tiny, tmp_path, n, what, command):
    root = write_faces(tmp_path / "few", tiny, 10)
    write_faces(root, tiny, n, ["fear"])
    more = ["--backbone", "hog", "--head", "knn"] if command == "fit" else ["--backbone", "ucm-a"]
    code, _, err = run_cli(command, "--data", root, *more, "--out", tmp_path / "out").by_lines()
    assert (code, len(err)) == (1, 1)
    assert f"class 'fear' has one training sample only{' beside one held out to test' * (n == 2)}" in err[0]
    assert err[0].endswith(f"add images, remove the class, or bring a {what} split")


def test_files_in_another_order_are_divided_alike(plain, tmp_path):
    kept = divided(load_dataset(str(plain)))
    again = tmp_path / "faces"
    for path in sorted(plain.glob("*/*.png"), reverse=True):  # another order on the disk
        (again / path.parent.name).mkdir(parents=True, exist_ok=True)
        (again / path.parent.name / path.name).write_bytes(path.read_bytes())
    found = divided(load_dataset(str(again)))
    assert found.ids[found.where("test")].tolist() == kept.ids[kept.where("test")].tolist()


@pytest.mark.usefixtures("svg_charts")
@pytest.mark.parametrize("test", [None, 0.2, 0.3])
def test_compare_and_report(run_cli, plain, tmp_path, test):
    lines = f"name: mine\ndata: {plain}\nextractors: [hog, pixels]\nheads: [softmax, knn]\n"
    (tmp_path / "r.yaml").write_text(
        lines + (f"protocols: [{{protocol: holdout, test: {test}}}]\n" if test else ""), "utf-8"
    )
    out = tmp_path / "out"
    assert run_cli("compare", tmp_path / "r.yaml", "--out", out)[0] == 0
    about = json.loads((out / "recipe.json").read_text("utf-8"))
    assert about["data"]["counts"]["test"] == ([4, 4, 4] if test != 0.3 else [6, 6, 6])
    assert about["data"]["held_out"].startswith(
        f"{100 * (test or 0.2):.0f}% of the training samples held out"
    )
    assert about["recipe"]["protocols"][0]["test"] == (test or "test")
    code, printed, err = run_cli("report", out).by_lines()
    assert (code, err) == (0, [])
    assert "written to" in printed
    page = (out / "report" / "report.html").read_text("utf-8")
    assert "held out first by class, seed 0; the set brings no test split" in page


@pytest.mark.usefixtures("svg_charts")
def test_a_report_with_faces_and_where_a_model_looks(plain, tmp_path):
    plan = recipe_from({"name": "mine", "data": str(plain), "extractors": ["hog"], "heads": ["softmax"]})
    compare(plan, tmp_path / "out")
    fit(str(plain), "hog", "softmax", out=tmp_path / "model")
    made = write_report(tmp_path / "out", options=Options(faces=True, model=tmp_path / "model"))
    page = made.page.read_text("utf-8")
    drawn = {path.stem for path in (tmp_path / "out" / "report" / "figures").glob("*.svg")}
    assert "occlusion" in drawn
    assert "The test is a share of the training samples: 20% of the training samples held out" in page


def test_a_second_comparison_computes_nothing(plain, tmp_path):
    plan = recipe_from({"name": "mine", "data": str(plain), "extractors": ["hog"], "heads": ["knn"]})
    assert compare(plan, tmp_path).computed == 1
    assert compare(plan, tmp_path).reused == 1
    same, other = (
        recipe_from({**plan.model_dump(), "protocols": [{"protocol": "holdout", "test": share}]})
        for share in (0.2, 0.3)
    )
    assert compare(same, tmp_path).reused == 1  # what is the default is no other run
    assert compare(other, tmp_path).computed == 1


def test_train_and_what_it_may_be_tested_on(plain, tmp_path):
    dataset = load_dataset(str(plain))
    plan = training(backbone="ucm-a", epochs=1, batch_size=16, precision="f32")
    done = train(dataset, plan, tmp_path / "net")
    assert HELD in done.card["protocol"]
    assert set(done.card["accuracy"]) == {"test", "test-clean", "validation"}
    backbone = f'ucm-a(weights="{done.path}")'
    _, outcome = fit(str(plain), backbone, "softmax")
    assert outcome.rows[1].n_test == 12  # the same seed holds out the same samples: unseen
    with pytest.raises(ValueError, match="learned from .* of the 12 samples it would be tested on"):
        fit(str(plain), backbone, "softmax", seed=1)


def test_train_on_the_command_line(run_cli, two_splits, tmp_path):
    code, out, err = run_cli(
        "train", "--data", two_splits, "--backbone", "ucm-a", "--epochs", 1, "--test", 0.3, "--out", tmp_path
    ).by_lines()
    assert (code, err) == (0, [])
    assert "30% of the training samples held out first by class" in out
    assert json.loads((tmp_path / "card.json").read_text())["recipe"]["test"] == 0.3


@pytest.mark.parametrize(
    ("counts", "words", "message"),
    [
        ({"happy": 1, "sad": 1}, ("fit", "--head", "knn"), "class 'happy', 'sad' has one training sample"),
        ({"happy": 1, "sad": 6}, ("fit", "--head", "knn"), "class 'happy' has one training sample"),
        ({"happy": 1}, ("fit", "--head", "knn"), "one class only"),
        ({"happy": 3, "sad": 3}, ("fit", "--head", "svm", "--C", "1,2", "--folds", "5"),
         "folds=5, and training samples of the smallest class: 1; add samples, or leave folds out"),
        ({"happy": 3, "sad": 3}, ("fit", "--head", "svm", "--probability", "true"), "two samples of each"),
        ({"happy": 1, "sad": 1}, ("cross-validate", "--head", "svm", "--protocol", "kfold"),
         "kfold needs three folds, one to test, one to choose, one to fit: three samples or more of each"),
        ({"happy": 1, "sad": 7}, ("cross-validate", "--head", "svm", "--protocol", "random-leaky"),
         "random-leaky needs three folds"),
        ({"happy": 2, "sad": 2}, ("cross-validate", "--head", "svm", "--protocol", "kfold", "--folds", "2"),
         "add samples, remove the smallest class, or give --folds 3 or more"),
        ({"happy": 3, "sad": 3}, ("cross-validate", "--head", "svm", "--protocol", "lodo"),
         "lodo leaves out one of several sets"),
    ],
    ids=str,
)  # fmt: skip
def test_sets_that_are_too_small_are_refused_in_our_words(run_cli, tiny, tmp_path, counts, words, message):
    for word, n in counts.items():
        root = write_faces(tmp_path / "few", tiny, n, [word])
    code, _, err = run_cli(*words, "--data", root, "--backbone", "lbp", "--out", tmp_path / "out").by_lines()
    assert code in (1, 3)
    assert message in err[0] and ("few" in err[0] or "probability" in err[0])
    assert not any(word in line for line in err for word in ("n_splits", "Traceback", "test_size", "members"))
