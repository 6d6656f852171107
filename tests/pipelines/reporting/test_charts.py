"""Charts: what they draw is what the data says."""

import re
from dataclasses import replace

import numpy as np
import pytest
from fabricate import fabricate
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_auc_score

from pipelines.reporting.plots import learning_curves, overview, per_run, projection
from pipelines.reporting.plots.overview import pareto
from pipelines.results.load import load_results
from pipelines.utils import figures
from pipelines.utils.figures import FigureWriter


@pytest.fixture
def album(tmp_path):
    """Return an album that draws into a folder of its own."""
    return FigureWriter(tmp_path / "figures")


points = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=30)


@given(points)
def test_pareto_front_against_its_definition(pairs):
    front = {pairs[i] for i in pareto(pairs)}
    beaten = {p for p in pairs if any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in pairs)}
    assert front == set(pairs) - beaten


@given(st.integers(2, 3000), st.integers(0, 2**31))
def test_a_thinned_curve_keeps_its_ends_and_its_area(n, seed):
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.random(n)), np.sort(rng.random(n))
    thin_x, thin_y = per_run.thinned(x, y)
    assert len(thin_x) <= per_run.CURVE_POINTS
    assert (thin_x[0], thin_x[-1]) == (x[0], x[-1])
    assert set(zip(thin_x, thin_y, strict=True)) <= set(zip(x, y, strict=True))
    assert auc(thin_x, thin_y) == pytest.approx(auc(x, y), abs=0.02)


def test_areas_on_the_chart_are_those_of_the_scores(folder, album):
    p = load_results(folder).cells[0].predictions
    per_run.draw_curves(album, "x", p, [str(c) for c in p.classes])
    shown = dict(re.findall(r">(\w+) (0\.\d{3})<", album["roc-x"].svg))
    for k, name in enumerate(p.classes):
        assert float(shown[str(name)]) == pytest.approx(roc_auc_score(p.true == k, p.scores[:, k]), abs=6e-4)
    micro = roc_auc_score((p.true[:, None] == np.arange(len(p.classes))).ravel(), p.scores.ravel())
    assert float(shown["micro"]) == pytest.approx(micro, abs=6e-4)


def test_a_class_that_never_occurs_has_no_curve(album, folder):
    p = load_results(folder).cells[0].predictions
    kept = p.true != 1
    less = replace(p, true=p.true[kept], predicted=p.predicted[kept], scores=p.scores[kept])
    per_run.draw_curves(album, "x", less, [str(c) for c in p.classes])
    assert "disgust 0" not in album["roc-x"].svg
    assert "angry 0" in album["roc-x"].svg


def test_the_worst_confusion_is_said(album):
    confusion = np.array([[90, 10, 0], [0, 70, 30], [5, 0, 5]])
    per_run.draw_confusion(album, "c", confusion, ["a", "b", "c"])
    assert "c taken for a: 5 of 10 (50.0 %)" in album["c"].sentence
    assert "a is recognised best (90.0 %)" in album["c"].sentence
    per_run.draw_confusion(album, "d", np.diag([3, 4, 5]), ["a", "b", "c"])
    assert "Nothing is confused" in album["d"].sentence


def test_grid_of_two_numbers_is_a_heat_map_others_are_lines(folder, album):
    results = load_results(folder)
    assert learning_curves.draw_candidates(album, "svm", results.find("hog + svm"))
    assert learning_curves.draw_candidates(album, "knn", results.find("hog + knn"))
    assert not learning_curves.draw_candidates(album, "softmax", results.find("hog + softmax"))
    assert "QuadMesh" in album["svm"].svg
    assert "QuadMesh" not in album["knn"].svg
    assert "weights=distance" in album["knn"].svg
    best = max(results.find("hog + svm").grid, key=lambda c: c.validation)
    assert f"with {100 * best.validation:.2f} %" in album["svm"].sentence


def test_history(album, tmp_path):
    path = tmp_path / "h.csv"
    path.write_text(
        "epoch,loss,accuracy,learning_rate,val_loss,val_accuracy\n1,2,.3,1,2.1,.25\n2,1,.6,1,1.9,.4\n3,.5,.9,1,2,.35\n"
    )
    learning_curves.draw_history(album, "h", "F", path)
    assert "After 3 epochs training accuracy is 90.00 %, 55.00 points above validation" in album["h"].sentence
    assert "best at epoch 2 with 40.00 %" in album["h"].sentence
    path.write_text("epoch,loss\n1,2\n")
    with pytest.raises(ValueError, match="needs numbers under epoch, loss and accuracy"):
        learning_curves.draw_history(album, "h", "F", path)


def test_histories_are_found(tmp_path):
    for name in ("history/f.csv", "history/g/history.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert list(learning_curves.histories(tmp_path)) == ["f", "g"]


def test_the_history_beside_a_networks_weights_is_found(tmp_path):
    run = tmp_path / "01-ucm-f" / "run-01"
    run.mkdir(parents=True)
    there, gone = run / "weights.npz", tmp_path / "gone" / "weights.npz"
    specs = [f"ucm-f(layer='fc1', weights={str(w)!r}, engine='auto')" for w in (there, there, gone)]
    specs += ["hog(cell=8)", "ucm-a(layer='fc1', weights='auto')"]
    assert learning_curves.histories(tmp_path, specs) == {}
    (run / "history.csv").write_text("epoch,loss,accuracy\n1,2,0.5\n")
    found = learning_curves.histories(tmp_path, [f"hog()+{specs[0]}", *specs])
    assert found == {"ucm-f, 01-ucm-f/run-01": run / "history.csv"}


def test_published_proposals_stand_beside_only_on_their_data(tmp_path, folder, album):
    overview.draw_costs(album, load_results(folder))
    assert "R1" not in album["accuracy-against-time"].svg
    other = FigureWriter(tmp_path / "b")
    fabricate(tmp_path, extractors=("hog", "lbp"), heads=("svm",), dataset="fer2013", synthetic=False, n=50)
    overview.draw_costs(other, load_results(tmp_path))
    assert "R1: vggface2 + svm" in other["accuracy-against-time"].svg
    assert "R1: ucm-f [mirror] + forest" in other["accuracy-against-size"].svg
    assert "as they published them" in other["accuracy-against-size"].sentence


@pytest.mark.parametrize("how", ["pca", "tsne"])
def test_embedding_in_the_plane(folder, album, how):
    p = load_results(folder).cells[0].predictions
    p = replace(p, true=p.true[:150], predicted=p.predicted[:150])
    rng = np.random.default_rng(0)
    X = (5 * np.eye(7)[p.true] @ rng.normal(size=(7, 20)) + rng.normal(size=(len(p.true), 20))).astype(
        np.float32
    )
    again = [projection.project(X, how, seed=3)[0] for _ in range(2)]
    np.testing.assert_array_equal(*again)
    projection.draw_embedding(album, X, p, "hog", how)
    (same, chance) = map(
        float, re.findall(r"([\d.]+) %(?: have the same class| ?\)\.)", album[f"vectors-{how}"].sentence)
    )
    assert same > 2 * chance
    assert 10 < chance < 20
    if how == "pca":
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import StandardScaler

        exact = PCA(2, svd_solver="full").fit(StandardScaler().fit_transform(X)).explained_variance_ratio_
        assert projection.project(X, "pca", 0)[1] == pytest.approx(exact, rel=1e-3)


def test_charts_of_the_page_take_its_colours_and_keep_theirs_apart(made):
    text = made.page.read_text("utf-8")
    charts = text[text.index("<main>") :]
    assert figures.INK not in charts
    assert "currentColor" in charts
    assert figures.INK in next((made.page.parent / "figures").glob("*.svg")).read_text("utf-8")


def test_text_of_a_chart_is_no_mathematics_and_not_endless():
    assert figures.plain("$x$") == r"\$x\$"
    assert len(figures.plain("y" * 100)) == 40


def test_a_chart_without_a_sentence_is_an_error(album):
    with pytest.raises(AssertionError, match="mute"), album.drawing("mute", "t", (2, 2)):
        pass


def test_principal_components_are_those_of_a_full_decomposition():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 80)) * np.linspace(3, 0.2, 80) @ rng.standard_normal((80, 120))
    X[:, 7] = 3.3  # a column that says nothing
    scaled = projection.standardised(X.astype(np.float32))
    known = np.arange(120) != 7
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled[:, known].std(axis=0), 1, atol=1e-5)
    assert not scaled[:, 7].any()
    points, shares = projection.principal(scaled, 2, seed=0)
    u, lengths, _ = np.linalg.svd(scaled.astype(float), full_matrices=False)
    np.testing.assert_allclose(shares, (lengths**2 / np.sum(lengths**2))[:2], rtol=1e-3)
    exact = u[:, :2] * lengths[:2]
    np.testing.assert_allclose(np.abs(np.sum(points * exact, axis=0)), lengths[:2] ** 2, rtol=1e-3)
