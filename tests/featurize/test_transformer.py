"""`mueca.Extractor` as a transformer of scikit-learn, and extractors from outside."""

from __future__ import annotations

import io

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import mueca
from featurize import registry
from featurize.base import Extractor as BaseExtractor

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 48, 48), dtype=np.uint8)


@parametrize_with_checks([mueca.Extractor("hog")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_vectors_are_those_of_the_extractor():
    made = mueca.Extractor("hog+lbp").fit_transform(IMAGES)
    parts = [part.transform(IMAGES) for part in registry.parse("hog+lbp")]
    np.testing.assert_array_equal(made, np.hstack(parts))
    assert made.dtype == np.float32


def test_in_a_pipeline_cloned_pickled_and_searched():
    y = np.arange(12) % 2
    pipe = make_pipeline(mueca.Extractor("hog"), SVC())
    search = mueca.GridSearchCV(pipe, {"extractor__backbone": ["hog", "lbp"], "svc__C": [1, 10]}, cv=2)
    search.fit(IMAGES, y)
    assert search.shared_ and len(search.predict(list(IMAGES[:3]))) == 3
    again = io.BytesIO()
    joblib.dump(search.best_estimator_, again)
    again.seek(0)
    np.testing.assert_array_equal(joblib.load(again).predict(IMAGES), search.predict(IMAGES))
    assert clone(pipe[0]).get_params() == {"backbone": "hog", "color": "rgb", "equalize": "none"}


def test_forms_of_an_image(tmp_path):
    Image.fromarray(IMAGES[0]).save(tmp_path / "a.png")
    path = tmp_path / "a.png"
    made = mueca.Extractor("hog").fit([path])
    expected = made.transform(IMAGES[:1])
    for form in (
        [path],
        [str(path)],
        [path.read_bytes()],
        [Image.fromarray(IMAGES[0])],
        np.array([str(path)]),
    ):
        np.testing.assert_array_equal(made.transform(form), expected)
    rows = mueca.Extractor("hog").fit_transform(IMAGES.reshape(12, -1))  # a table of grey values
    np.testing.assert_array_equal(rows[:1], expected)


def test_output_as_a_data_frame():
    pd = pytest.importorskip("pandas")
    made = mueca.Extractor("hog").set_output(transform="pandas").fit_transform(IMAGES)
    assert isinstance(made, pd.DataFrame) and made.columns[0] == "hog0" and len(made.columns) == 900


@pytest.mark.parametrize(("params", "X", "error", "why"), [
    ({"backbone": "hogg"}, IMAGES, ValueError, "unknown extractor"),
    ({"backbone": "lbp-top"}, IMAGES, ValueError, "takes clips"),
    ({"equalize": "x"}, IMAGES, ValueError, "equalize='x'"),
    ({"color": "x"}, IMAGES, ValueError, "color='x'"),
    ({}, [], ValueError, "no images"),
    ({}, IMAGES.astype(float), TypeError, "float64"),
    ({}, None, TypeError, "missing"),
])  # fmt: skip
def test_bad_input(params, X, error, why):
    with pytest.raises(error, match=why):
        mueca.Extractor(**params).fit_transform(X)


class Mean(BaseExtractor):
    """The mean grey value."""

    name = "mean-grey"
    dim = 1

    def _transform(self, batch):
        return batch.reshape(len(batch), -1).mean(axis=1, keepdims=True)


def test_an_extractor_from_outside(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTERED", {})
    assert mueca.register_extractor(Mean) is Mean
    assert "mean-grey" in mueca.list_extractors()
    np.testing.assert_allclose(
        mueca.Extractor("mean-grey").fit_transform(IMAGES)[:, 0], IMAGES.mean(axis=(1, 2))
    )
    for made, name, error, why in (
        (3, None, TypeError, "is no extractor"), (Mean, "hog", ValueError, "belongs to mueca"),
        (Mean, "a b", ValueError, "letters, digits"),
    ):  # fmt: skip
        with pytest.raises(error, match=why):
            mueca.register_extractor(made, name)


class Point:
    """An entry point."""

    def __init__(self, found):
        self.found = found

    def load(self):
        return self.found


def test_extractors_and_heads_of_installed_packages(monkeypatch):
    from classifiers import registry as heads

    monkeypatch.setattr(registry, "_REGISTERED", {})
    monkeypatch.setattr(registry, "_installed", lambda: {"mean": Point(Mean)})
    monkeypatch.setattr(heads, "_REGISTERED", {})
    monkeypatch.setattr(heads, "_installed", lambda: {"their-svc": Point(SVC)})
    assert isinstance(mueca.extractor("mean"), Mean) and "mean" in mueca.list_extractors()
    assert mueca.head("their-svc", C=3).C == 3 and "their-svc" in mueca.list_heads()
    with pytest.raises(ValueError, match="head their-svc: no parameter 'gama'; did you mean 'gamma'"):
        mueca.head("their-svc", gama=1)
    with pytest.raises(ValueError, match="belongs to mueca"):
        mueca.register_head("svm", SVC)
    with pytest.raises(TypeError, match="give a classifier, or what builds one"):
        mueca.register_head("mine", 3)
