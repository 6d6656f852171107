"""Fit on what people have, by any classifier; bad input is one line."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import mueca
from classifiers import PersistError
from pipelines.datasets.synthetic.faces import load as draw


@pytest.fixture(scope="module")
def faces():
    """Return 70 synthetic faces as arrays with words, some with a space, for labels."""
    found = draw(n_per_class=10, seed=3)
    words = np.array([f"very {name}" if name == "happy" else name for name in found.classes])
    return np.stack([found.samples[i] for i in range(len(found))]), words[found.labels]


HEADS = {
    "pipeline": (make_pipeline(StandardScaler(), SVC(C=3.0)), {"svc__gamma": ["scale", 0.001]}),
    "search": (mueca.GridSearchCV(SVC(), {"C": [1, 10]}, cv=2), {}),
    "theirs": (GridSearchCV(LogisticRegression(), {"C": [0.01, 0.1]}, cv=2), {}),
    "alone": (LogisticRegression(max_iter=200), {"C": [0.01, 0.1]}),
    "name": ("knn", {"n_neighbors": [1, 3]}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", HEADS)
def test_any_head_on_arrays_is_fitted_saved_and_loaded(case, faces, tmp_path):
    images, words = faces
    head, options = HEADS[case]
    model, result = mueca.fit(
        images, words, backbone="hog", head=head, store=tmp_path, out=tmp_path / "m", **options
    )
    assert result.test.accuracy > 0.3 and result.test.n_test == 14
    assert result.predictions.ids[0] and len(result.predictions.ids) == 14
    assert set(model.classes_) == set(words) and "very happy" in model.classes
    again = mueca.load_model(tmp_path / "m")
    assert again.predict(images[:9]) == model.predict(images[:9])
    if case in ("search", "theirs"):
        assert type(model.estimator) in (SVC, LogisticRegression)
    if case == "pipeline":
        assert json.loads(result.test.params)["svc__C"] == 3.0
        assert result.test.head == "Pipeline(StandardScaler, SVC)" and len(result.choice.tried) == 2


def test_groups_and_splits_of_the_callers(faces, tmp_path):
    images, words = faces
    split = np.where(np.arange(70) % 10 > 7, "test", "train")
    _, result = mueca.fit(images, words, backbone="hog", head="knn", split=split, store=tmp_path)
    assert result.test.n_test == 14
    people = np.arange(70) % 10
    _, result = mueca.fit(
        list(images), list(words), backbone="hog", head="knn", groups=people, store=tmp_path
    )
    assert result.predictions.groups.size and result.test.n_test % 7 == 0


def test_files_bytes_and_images_of_pillow(faces, tmp_path):
    images, words = faces
    written = []
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
        written.append(tmp_path / f"{i}.png")
    forms = [written, [p.read_bytes() for p in written], [Image.fromarray(i) for i in images], iter(images)]
    scores = {
        mueca.fit(given, words, backbone="hog", head="knn", store=tmp_path / "c")[1].test.accuracy
        for given in forms
    }
    assert len(scores) == 1
    table = pa.table({"photo": [f"{i}.png" for i in range(70)], "emotion": words.tolist()})
    named = {"root": tmp_path, "columns": {"file": "photo"}, "store": tmp_path / "c"}
    _, result = mueca.fit(table, "emotion", backbone="hog", head="knn", **named)
    assert result.test.n_test == 14


def test_the_old_order_of_a_call(tmp_path):
    model, result = mueca.fit("synthetic", "hog", "knn", store=tmp_path)
    assert result.test.head == "knn" and "knn on hog" in repr(model)


class Series:
    """As pandas': an index that is not the order."""

    def __init__(self, values):
        self.values, self.index = values, list(range(len(values)))[::-1]

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, key):
        return self.values[self.index.index(key)]


def test_a_series_counts_in_its_own_order(faces, tmp_path):
    images, words = faces
    plain, series = (
        mueca.fit(images, y, backbone="hog", head="knn", store=tmp_path)[1]
        for y in (words, Series(list(words)))
    )
    assert plain.test.accuracy == series.test.accuracy
    assert (plain.predictions.true == series.predictions.true).all()


BAD = [
    ({"data": None}, TypeError, "data is missing"),
    ({"data": []}, ValueError, "there are no images"),
    ({"data": 7}, TypeError, "int is no data"),
    ({"y": None}, TypeError, "images need labels"),
    ({"y": ["a", "b"]}, ValueError, "y has 2 labels for 70 images"),
    ({"y": "happy", "head": "knn"}, TypeError, "y='happy'"),
    ({"y": [float("nan")] + ["a"] * 69}, ValueError, r"y\[0\] is nan"),
    ({"y": [None] * 70}, ValueError, r"y\[0\] is None"),
    ({"y": [" "] * 70}, ValueError, r"y\[0\] is ' '"),
    ({"y": [0.5] * 70}, ValueError, "names or whole numbers"),
    ({"y": ["a"] * 70}, ValueError, "one class only"),
    ({"data": [np.zeros((4, 4))] * 70}, TypeError, "float64"),
    ({"data": ["nowhere.png"] * 70}, FileNotFoundError, "no image nowhere.png"),
    ({"color": "gbr"}, ValueError, "color='gbr'"),
    ({"backbone": None}, TypeError, "give backbone"),
    ({"backbone": "hogg"}, ValueError, "unknown extractor 'hogg'"),
    ({"head": "smv"}, ValueError, "unknown head 'smv'"),
    ({"head": SVC}, TypeError, r"head=SVC is a class; give an estimator: SVC\(\)"),
    ({"head": 3}, TypeError, "give a head's name, or a classifier"),
    ({"head": Ridge()}, TypeError, "head=Ridge: it predicts no classes"),
    ({"head": make_pipeline(StandardScaler())}, TypeError, "predicts no classes"),
    ({"head": VotingClassifier([("a", SVC())])}, TypeError, "neither probabilities nor scores"),
    ({"head": SVC(), "c": 3}, ValueError, "no parameter 'c'; did you mean"),
    ({"head": SVC(), "C": []}, ValueError, "gives no value for 'C'"),
    ({"groups": ["x"]}, ValueError, "groups has 1 values for 70 images"),
    ({"split": ["fold"] * 70}, ValueError, "split holds 'fold'"),
]


@pytest.mark.parametrize(("change", "error", "why"), BAD, ids=[why for _, _, why in BAD])
def test_what_cannot_be_is_one_line(change, error, why, faces, tmp_path):
    images, words = faces
    given = {"data": images, "y": words, "backbone": "hog", "head": "knn", "store": tmp_path} | change
    with pytest.raises(error, match=why) as caught:
        mueca.fit(**given)
    assert "\n" not in str(caught.value)


def test_images_of_different_sizes_are_taken(faces, tmp_path):
    images, words = faces
    mixed = [image if i % 2 else image[:40, :44] for i, image in enumerate(images)]
    assert mueca.fit(mixed, words, backbone="hog", head="knn", store=tmp_path)[1].test.status == "ok"


def test_labels_with_a_data_set_are_refused(faces):
    for data in ("synthetic", mueca.Dataset.from_arrays(*faces)):
        with pytest.raises(TypeError, match="leave y out"):
            mueca.fit(data, faces[1], backbone="hog", head="knn")
        with pytest.raises(TypeError, match="groups and split go with images"):
            mueca.fit(data, backbone="hog", head="knn", groups=[1])


def test_a_head_that_was_handed_over_is_in_no_list(faces, tmp_path):
    mueca.fit(*faces, backbone="hog", head=GaussianNB(), store=tmp_path)
    assert "GaussianNB" not in mueca.list_heads()


def size(X):
    return X


class Mine(GaussianNB):
    """A classifier from outside."""


def test_what_skops_cannot_save_is_refused_before_fitting(faces, tmp_path, monkeypatch):
    images, words = faces
    monkeypatch.setattr("pipelines.api.make_experiment", None)  # nothing may be computed
    head = make_pipeline(FunctionTransformer(size), SVC())
    with pytest.raises(PersistError, match=r"cannot be saved: .*size .*trusted=\[.*or fit without out"):
        mueca.fit(images, words, backbone="hog", head=head, out=tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_function_without_a_name_fits_where_nothing_is_saved(faces):
    images, words = faces
    head = make_pipeline(FunctionTransformer(lambda X: X), SVC())
    model, result = mueca.fit(images, words, backbone="hog", head=head)
    assert result.test.model_bytes > 0
    assert set(model.predict(images[:3])) <= set(words)


def test_outside_code_is_loaded_only_where_it_is_named(faces, tmp_path):
    images, words = faces
    name = f"{Mine.__module__}.Mine"
    model, _ = mueca.fit(
        images, words, backbone="hog", head=Mine(), trusted=[name], out=tmp_path / "m", store=tmp_path / "c"
    )
    with pytest.raises(PersistError, match=r"types that are not trusted: .*Mine; .*load with trusted="):
        mueca.load_model(tmp_path / "m")
    again = mueca.load_model(tmp_path / "m", trusted=[name])
    assert again.predict(images[:5]) == model.predict(images[:5])


def test_a_model_of_a_newer_version(faces, tmp_path):
    images, words = faces
    mueca.fit(images, words, backbone="hog", head="knn", out=tmp_path / "m", store=tmp_path / "c")
    card = tmp_path / "m" / "head.skops.json"
    card.write_text(card.read_text("utf-8").replace('"format": 1', '"format": 2'), "utf-8")
    with pytest.raises(ValueError, match="another version of mueca"):
        mueca.load_model(tmp_path / "m")


def test_models_and_predictors_take_images_in_any_form(faces, tmp_path):
    images, words = faces
    model, _ = mueca.fit(images, words, backbone="hog", head=LogisticRegression(), store=tmp_path)
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    forms = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        (tmp_path / "a.png").read_bytes(),
        Image.fromarray(images[0]),
    ]
    expected = model.predict_proba(images[:1])
    assert expected.shape == (1, 7) and model.decision_function(images[:2]).shape == (2, 7)
    for form in forms:
        np.testing.assert_allclose(model.predict_proba(form), expected, atol=1e-6)
        np.testing.assert_allclose(model.predict_proba([form, images[0]]), expected[[0, 0]], atol=1e-6)
        assert model.predict(form) == [model.classes_[expected.argmax()]]
    predictor = mueca.Predictor(model, mueca.detector("none"))
    labels = {predictor.faces(form)[0].label for form in [*forms, images[0]]}
    assert labels == set(model.predict(images[:1])) and predictor.predict(forms) == [labels.copy().pop()] * 4


def test_bgr_is_asked_for_by_name(tmp_path):
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (12, 20, 20, 3), dtype=np.uint8)
    y = ["a", "b"] * 6
    one = mueca.fit(colour, y, backbone="pixels", head="knn", store=tmp_path)[0]
    two = mueca.fit(colour[..., ::-1], y, backbone="pixels", head="knn", color="bgr", store=tmp_path)[0]
    assert one.card["data"]["fingerprint"] == two.card["data"]["fingerprint"]
    np.testing.assert_array_equal(one.embed(colour), one.embed(colour[..., ::-1], color="bgr"))
    assert (one.embed(colour) != one.embed(colour[..., ::-1])).any()


def test_methods_that_a_head_lacks_are_not_there(faces, tmp_path):
    images, words = faces
    model = mueca.fit(images, words, backbone="hog", head=SVC(), store=tmp_path)[0]
    assert not hasattr(model, "predict_proba") and model.decision_function(images[0]).shape == (1, 7)
    stream = io.BytesIO()
    with pytest.raises(TypeError, match="image 0"):
        model.predict([stream])
    with pytest.raises(TypeError, match="are missing"):
        model.predict(None)
