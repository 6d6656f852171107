"""Results as frames, in one line and as charts."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.svm import SVC

import mueca
from pipelines.datasets.synthetic.faces import load as draw


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return a model, its result and its folder."""
    found = draw(n_per_class=10, seed=3)
    folder = tmp_path_factory.mktemp("fitted")
    return *mueca.fit(found, backbone="hog", head="svm", C=[1, 10], gamma=[0.01, 0.1], out=folder / "m",
                      store=folder / "c"), folder / "m"  # fmt: skip


def test_frames(fitted):
    pd = pytest.importorskip("pandas")
    _, result, folder = fitted
    for found in (result, mueca.load_results(folder)):
        frame = found.to_frame()
        assert isinstance(frame, pd.DataFrame) and list(frame["split"][:2]) == ["validation", "test"]
        assert frame["accuracy"][1] == pytest.approx(result.test.accuracy)
        assert frame["params"][1]["C"] in (1, 10)


def test_without_pandas_one_line_says_what_to_do(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'mueca\[notebook\]'") as caught:
        fitted[1].to_frame()
    assert "\n" not in str(caught.value)


def test_representations_are_short(fitted):
    model, result, folder = fitted
    assert repr(model) == "Model(svm on hog, fitted on synthetic)".replace("hog", model.extractor)
    assert repr(result).startswith("EvaluationResult(svm on hog, synthetic: accuracy 0.")
    assert len(repr(result)) < 160 and "14 of test" in repr(result)
    html = mueca.load_results(folder)._repr_html_()
    assert (
        html.startswith("<table>") and "<td>validation</td>" in html and f"{result.test.accuracy:.3f}" in html
    )
    assert result.validation.split == "validation"


def test_plots_return_axes(fitted):
    _, result, folder = fitted
    ax = mueca.plot_confusion(result)
    assert [t.get_text() for t in ax.get_xticklabels()] == list(result.predictions.classes)
    given = plt.subplots()[1]
    assert mueca.plot_confusion(mueca.load_results(folder).cells[0], given, normalize=False) is given
    shown = sum(int(text.get_text()) for text in given.texts)
    assert shown == result.test.n_test
    roc = mueca.plot_roc(result)
    assert len(roc.lines) == 8 and roc.get_xlabel() == "false positive rate"
    grid = mueca.plot_grid(result)
    assert len(grid.lines) == 2 and len(grid.lines[0].get_xdata()) == 2
    plt.close("all")


def test_a_grid_search_and_vectors_are_drawn():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 5)), np.arange(60) % 3
    search = mueca.GridSearchCV(SVC(), {"C": [0.1, 1, 10]}, cv=3).fit(X, y)
    (line,) = mueca.plot_grid(search).lines
    np.testing.assert_array_equal(line.get_ydata(), search.cv_results_["mean_test_score"])
    ax = mueca.plot_embedding(X, y, classes=["sad", "happy", "angry"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["sad", "happy", "angry"]
    assert sum(len(c.get_offsets()) for c in ax.collections) == 60
    assert mueca.plot_embedding(X[:, :1], y).collections
    plt.close("all")


def test_what_cannot_be_drawn(fitted):
    with pytest.raises(TypeError, match="int has no predictions"):
        mueca.plot_confusion(3)
    with pytest.raises(TypeError, match="int has no candidates"):
        mueca.plot_grid(3)
    with pytest.raises(ValueError, match="one candidate only"):
        mueca.plot_grid(mueca.GridSearchCV(SVC(), {"C": [1]}, cv=2).fit(np.eye(8), [0, 1] * 4))
    with pytest.raises(ValueError, match="for 3 labels"):
        mueca.plot_embedding(np.eye(4), [1, 2, 3])
