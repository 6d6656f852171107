"""One check over every registered head: as ONNX and as OpenVINO it says what it says here."""

import io

import numpy as np
import pytest

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from classifiers import head, list_heads, scores  # noqa: E402
from classifiers.registry import HEADS  # noqa: E402
from pipelines.exporting.heads import NotExportable, head_graph  # noqa: E402
from tests.classifiers.conftest import DATA, blobs  # noqa: E402

QUICK = {"forest": {"n_estimators": 25}, "bagged-svm": {"n_estimators": 5, "max_samples": 0.6}}
#: A machine for each sample that is asked about is no graph.
DRAWN = [name for name in list_heads() if name != "local-svm"]
VARIANTS = [
    *[(name, {}) for name in DRAWN],
    ("svm", {"probability": True, "C": 10}),
    ("svm", {"kernel": "poly", "degree": 3, "coef0": 1, "break_ties": True}),
    ("svm", {"kernel": "linear", "scale": "standard"}),
    ("svm", {"gamma": 1e-5, "C": 1000}),
    ("bagged-svm", {"probability": True}),
    ("forest", {"max_depth": 1}),
    ("forest", {"bootstrap": False, "min_samples_leaf": 3}),
    ("knn", {"weights": "distance", "n_neighbors": 9}),
    ("knn", {"metric": "manhattan", "weights": "distance"}),
    ("knn", {"n_neighbors": 1, "scale": "standard"}),
    ("softmax", {"scale": "none"}),
    ("softmax", {"pca": 6}),
    ("svm", {"pca": 6}),
    ("nystroem-svm", {"n_components": 50, "scale": "standard"}),
    ("nystroem-svm", {"n_components": 50, "n_neighbors": 0}),
]


def run_onnx(model, X):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(["scores", "label"], {"vectors": X})


def run_openvino(model, X):
    from featurize.engine import core, openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    read = openvino().convert_model(io.BytesIO(model.SerializeToString()))
    found = core().compile_model(read, "CPU", settings)({"vectors": X})
    return found["scores"].copy(), found["label"].copy()


def compare(fitted, X, run, tolerance, share=0.01):
    """A vote within rounding of the border may fall the other way: a small share of rows is let be."""
    found, label = run(head_graph(fitted), X)
    assert found.dtype == np.float32 and label.dtype == np.int64
    expected = scores(fitted, X)
    assert found.shape == expected.shape
    off = np.abs(found - expected).max(axis=1) > tolerance * max(1, np.abs(expected).max())
    assert off.mean() <= share, np.abs(found - expected).max(axis=1)[off]
    assert (fitted.classes_[label] == fitted.predict(X)).mean() >= 1 - share


@pytest.mark.parametrize("classes", [7, 2])
@pytest.mark.parametrize(("name", "params"), VARIANTS, ids=str)
def test_as_onnx(name, params, classes):
    X, y = blobs(420, 24, classes)
    fitted = head(name, **{**QUICK.get(name, {}), **params}).fit(X[:300], y[:300])
    compare(fitted, X, run_onnx, 1e-5)


@pytest.mark.parametrize(("name", "params"), VARIANTS, ids=str)
def test_as_openvino(name, params):
    X, y = DATA["seven"]
    fitted = head(name, **{**QUICK.get(name, {}), **params}).fit(X[:300], y[:300])
    compare(fitted, X, run_openvino, 2e-4)


@pytest.mark.parametrize("run", [run_onnx, run_openvino], ids=["onnx", "openvino"])
@pytest.mark.parametrize("kind", ["duplicates", "constant", "far", "wide"])
@pytest.mark.parametrize("name", DRAWN)
def test_awkward_vectors(name, kind, run):
    X, y = DATA[kind]
    fitted = head(name, **QUICK.get(name, {})).fit(X, y)
    # OpenVINO orders neighbours at one distance as it likes: half of these stand twice.
    tied = (name, kind, run) == ("knn", "duplicates", run_openvino)
    compare(fitted, X, run, 1e-5 if run is run_onnx else 2e-3, 0.05 if tied else 0.01)


def test_own_scores_of_a_network():
    raw = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    soft = (np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)).astype(np.float32)
    for X in (raw, soft):
        compare(head("network-softmax").fit(X, np.arange(40) % 7), X, run_onnx, 1e-6)


def test_equal_scores_take_the_first_class_on_every_engine():
    X = np.array([[0.0], [0.0], [1.0], [1.0]], np.float32).repeat(3, axis=1)
    fitted = head("knn", n_neighbors=4).fit(X, [2, 0, 1, 2])
    twos = head("knn", n_neighbors=2).fit(X, [2, 0, 1, 2])
    for one in (fitted, twos):
        for run in (run_onnx, run_openvino):
            np.testing.assert_array_equal(run(head_graph(one), X)[1], one.predict(X))


def test_one_vector_and_none():
    X, y = DATA["seven"]
    for name in DRAWN:
        fitted = head(name, **QUICK.get(name, {})).fit(X, y)
        found, label = run_onnx(head_graph(fitted), X[:1])
        np.testing.assert_allclose(found, scores(fitted, X[:1]), atol=1e-5)
        assert label.shape == (1,)


def test_every_registered_head_is_in_the_check():
    assert {name for name, _ in VARIANTS} | {"local-svm"} == set(HEADS)


def test_what_has_no_graph_is_refused_in_one_line():
    from sklearn.dummy import DummyClassifier

    with pytest.raises(NotExportable, match="no graph for the head sklearn.dummy.DummyClassifier") as info:
        head_graph(DummyClassifier().fit([[0], [1]], [0, 1]))
    assert "\n" not in str(info.value)
    with pytest.raises(NotExportable, match="LocalSVC; there are graphs for Softmax"):
        head_graph(head("local-svm").fit(*DATA["tall"]))
    X, y = DATA["seven"]
    with pytest.raises(NotExportable, match="ovr"):
        head_graph(head("svm", decision_function_shape="ovo").fit(X, y))
