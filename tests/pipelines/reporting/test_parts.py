"""Winners, action units, faces, where it looked, two folders: each against what is known of made-up data."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fabricate import EMOTIONS, fabricate

from pipelines.metrics.significance import mcnemar
from pipelines.models.model import load_model
from pipelines.reporting.plots import occlusion
from pipelines.reporting.plots.example_faces import as_uri, sheets
from pipelines.reporting.report import Options, write_report
from pipelines.reporting.source_data import Source, open_source
from pipelines.reporting.tables import action_units
from pipelines.reporting.tables.changes import compare_folders
from pipelines.reporting.tables.significance import families, headline
from pipelines.results.load import load_results
from pipelines.results.predictions import load_predictions
from pipelines.results.rows import append_rows, as_json, read_rows


def test_families(folder):
    results = load_results(folder)
    best, softmax = families(results)
    assert len(best.records) == 10
    assert len(softmax.records) == 20
    assert {r["b"].rpartition(" ")[2] for r in softmax.records} == {"softmax"}
    first = softmax.records[0]
    a, b = (results.find(first[k]).predictions for k in ("a", "b"))
    right_a, right_b = a.predicted == a.true, b.predicted == b.true
    assert first["only_a"] == np.sum(right_a & ~right_b)
    assert first["difference"] == pytest.approx(right_a.mean() - right_b.mean())
    assert first["p"] == mcnemar(first["only_a"], first["only_b"])
    assert all(r["p_holm"] >= r["p"] for r in softmax.records)
    assert (first["verdict"] == "not distinguishable") == (first["p_holm"] >= 0.05)
    told = sum(r["distinguishable"] == "yes" for r in best.records)
    assert f"{told} of 10 pairs are told apart" in best.words


def test_heads_on_a_network_against_its_own_classifier(tmp_path):
    networks = [f"ucm-f(layer={layer!r}, weights='w.npz')" for layer in ("scores", "fc1", "fc2")]
    fabricate(tmp_path, extractors=networks[:1], heads=("network-softmax",), n=200)
    fabricate(tmp_path, extractors=[*networks[1:], "hog"], heads=("svm", "knn"), n=200, seed=1)
    fabricate(
        tmp_path,
        extractors=("ucm-f(layer='scores', weights='other.npz')",),
        heads=("network-softmax",),
        n=200,
        seed=2,
    )
    (tmp_path / "recipe.json").unlink()
    results = load_results(tmp_path)
    p = results.cells[0].predictions  # the seeds drew other samples: make them the same ones
    for cell in results.cells:
        replace(cell.predictions, ids=p.ids, true=p.true).save(cell.predictions_path)
    (own,) = [f for f in families(load_results(tmp_path)) if f.name == "network-softmax"]
    assert [r["a"] for r in own.records] == [f"{n} + {h}" for n in networks[1:] for h in ("svm", "knn")]
    assert {r["b"] for r in own.records} == {f"{networks[0]} + network-softmax"}


def test_the_headline_names_what_the_chosen_cannot_be_told_from(folder):
    results = load_results(folder)
    found = families(results)
    said = headline(results, found)
    assert said.startswith(f"{results.chosen.title} is chosen by validation")
    assert f"{100 * results.chosen.test.accuracy:.2f} %" in said
    for record in found[0].records:
        if results.chosen.title in (record["a"], record["b"]):
            other = record["b"] if record["a"] == results.chosen.title else record["a"]
            assert (other in said) == (record["distinguishable"] == "no")


def test_the_headline_owns_up_to_what_validation_missed(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("softmax", "knn"), n=2000)
    fabricate(tmp_path / "b", extractors=("hog",), heads=("knn",), n=2000, better=2.0)
    results = load_results(tmp_path)
    worse, better = results.cells
    chosen = replace(worse.rows["validation"], accuracy=0.99)
    stolen = load_results(tmp_path / "b").cells[0]
    cells = (
        replace(worse, rows={**worse.rows, "validation": chosen}),
        replace(better, predictions_path=stolen.predictions_path),
    )
    results = replace(results, cells=cells)
    assert "On the test, better than it: hog + knn." in headline(results, families(results))


def test_subjects_are_kept_together(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm", "softmax"), n=120, subjects=12)
    (record,) = families(load_results(tmp_path))[0].records
    assert record["test"] == "sign flips by subject (12)"


@pytest.mark.usefixtures("svg_charts")
def test_nested_folds_of_clips(tmp_path):
    """Several protocols in one folder and no validation: the honest one leads, whole subjects are tested."""
    fabricate(tmp_path, extractors=("lbp-top",), heads=("svm", "knn"), n=120, subjects=12)
    rows = [row for row in read_rows(tmp_path / "rows.csv") if row.split == "test"]
    (tmp_path / "rows.csv").unlink()
    (tmp_path / "recipe.json").unlink()
    p = load_predictions(tmp_path / "predictions" / f"{rows[0].run}.npz")
    p.save(tmp_path / "predictions" / "ffff.npz")
    folds = {'{"C": 10, "gamma": "scale"}': 7, '{"C": 1, "gamma": "scale"}': 5}
    honest = "each of 12 subjects left out in turn; one of 2 candidates chosen by inner folds; pooled"
    svm, knn = (replace(r, protocol=honest, params=as_json({"chosen in folds": folds})) for r in rows)
    leaky = replace(svm, run="ffff", protocol=f"random-leaky: 10 random folds of clips (leaky); {honest}")
    append_rows(tmp_path / "rows.csv", [leaky, svm, knn])
    results = load_results(tmp_path)
    assert not results.validated
    titles = [cell.title for cell in results.by_validation]
    assert titles == ["lbp-top + svm", "lbp-top + knn", "lbp-top + svm [random-leaky]"]
    made = write_report(tmp_path, tmp_path / "out")
    text = made.page.read_text("utf-8")
    assert "C=10, gamma=scale in 7 of 12 folds" in text
    assert "stands first in the list" in text
    assert "chosen by validation" not in text
    assert "sign flips by subject (12)" in text
    assert "Each of 12 subjects left out in turn" in text
    assert "Random-leaky: 10 random folds" in text
    assert text.count("<td>random-leaky</td>") == 1


def test_action_units_of_r1():
    confusion = np.zeros((7, 7), int)
    np.fill_diagonal(confusion, 80)
    fear, surprise, happy, sad = (EMOTIONS.index(n) for n in ("fear", "surprise", "happy", "sad"))
    confusion[fear, surprise] = 20
    records = action_units.unit_records(confusion, EMOTIONS)
    assert len(records) == 15  # neutral has no unit
    assert records[0] == {
        "pair": "fear, surprise", "shared": "1 2 5 26", "overlap": 4 / 7, "confused": 20 / 180,
    }  # fmt: skip
    (apart,) = [r for r in records if r["pair"] == "happy, sad"]
    assert (apart["shared"], apart["overlap"]) == ("", 0)
    assert "share 1 2 5 26" in action_units.unit_words(records)
    other = action_units.unit_records(
        confusion, ("Anger", "disgust", "fear", "Happiness", "neutral", "sadness", "surprised")
    )
    assert [r["shared"] for r in other] == [r["shared"] for r in records]
    assert action_units.unit_records(confusion[:3, :3], ("cat", "dog", "neutral")) == []


def test_two_folders(tmp_path):
    heads = ("softmax", "svm")
    before = load_results(fabricate(tmp_path / "a", extractors=("hog",), heads=heads, n=400))
    ids = before.chosen.predictions.ids
    after = load_results(
        fabricate(tmp_path / "b", extractors=("hog", "lbp"), heads=heads, n=400, better=1.5, ids=ids)
    )
    change = compare_folders(after, before)
    assert [(r["extractor"], r["head"]) for r in change.records] == [("hog", "softmax"), ("hog", "svm")]
    assert all(r["distinguishable"] == "yes" and r["difference"] > 0.05 for r in change.records)
    assert "2 are better here, 0 worse" in change.sentence
    assert change.only_here == ["lbp + softmax", "lbp + svm"]
    assert change.only_there == []
    assert [s["name"] for s in change.settings] == ["chosen"]
    same = compare_folders(before, before)
    assert "0 are better here, 0 worse, and 2 not distinguishable" in same.sentence


def test_two_folders_of_other_samples_are_not_tested(tmp_path):
    one = load_results(fabricate(tmp_path / "a", extractors=("hog",), heads=("svm",), n=60))
    two = load_results(fabricate(tmp_path / "b", extractors=("hog",), heads=("svm",), n=60, seed=1))
    change = compare_folders(one, two)
    assert change.records[0]["verdict"] == "other test samples: not tested"
    assert "untested" in change.sentence


@pytest.mark.usefixtures("svg_charts")
def test_the_page_on_reports_works_as_shown(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[3] / "docs" / "reports.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "reports.md", "exec"), {})
    assert "report.html" in capsys.readouterr().out
    assert (tmp_path / "page" / "figures" / "vectors-pca.svg").exists()


@pytest.fixture(scope="module")
def fitted(model_folder):
    """Return the folder of a model fitted on synthetic faces."""
    return model_folder("pixels")


@pytest.mark.usefixtures("svg_charts")
def test_report_of_a_model_with_faces_and_where_it_looks(fitted, tmp_path):
    options = Options(faces=True, model=fitted)
    made = write_report(fitted, tmp_path / "out", options)
    text = made.page.read_text("utf-8")
    assert made.notes == ()
    mistakes = load_results(fitted).chosen
    wrong = int((mistakes.predictions.predicted != mistakes.predictions.true).sum())
    assert text.count('src="data:image/png;base64,') == min(18, wrong) + 18
    assert "What counts most is the" in text
    assert "in two dimensions" in text
    assert (tmp_path / "out" / "figures" / "occlusion.svg").exists()


def test_faces_are_the_surest_mistakes(fitted):
    results = load_results(fitted)
    p = results.chosen.predictions
    mistakes, unsure = sheets(p, open_source(results))
    leads = [f.confidence for f in mistakes.faces]
    assert leads == sorted(leads, reverse=True)
    assert all(f.true != f.predicted for f in mistakes.faces)
    assert [abs(f.confidence) for f in unsure.faces] == sorted(abs(f.confidence) for f in unsure.faces)


def test_a_large_colour_picture_becomes_a_small_one():
    import base64

    import cv2

    red = np.zeros((300, 200, 3), np.uint8)
    red[..., 0] = 255
    data = base64.b64decode(as_uri(red).partition(",")[2])
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert read.shape == (96, 64, 3)
    assert tuple(read[10, 10]) == (0, 0, 255)


class OneEye:
    """Says happy where the left eye is bright: what it looks at is known."""

    extractor = "pixels"
    classes = ("happy", "sad")

    def predict(self, images):
        return ["happy" if image[12:20, 8:16].mean() > 127 else "sad" for image in images]


class EyeFaces:
    """Grey faces whose left eye is bright (happy) or dark (sad)."""

    name, kind = "eyes", "image"
    classes = OneEye.classes
    test_splits = {"test": ("test",)}

    def __init__(self, n):
        rng = np.random.default_rng(0)
        self.labels = np.arange(n) % 2
        self.samples = rng.integers(90, 160, (n, 48, 48)).astype(np.uint8)
        self.samples[:, 12:20, 8:16] = np.where(self.labels == 0, 250, 5)[:, None, None]

    def where(self, *splits):
        return np.arange(len(self.labels))


def test_where_it_looked_is_where_it_looks():
    found = occlusion.look(OneEye(), EyeFaces(80))
    assert found.accuracy == 1
    assert found.drops["eyes and brows"].mean() > 0.3
    assert all(found.drops[name].max() == 0 for name in occlusion.REGIONS if name != "eyes and brows")
    assert np.unravel_index(np.argmax(found.changed), found.changed.shape) == (
        3,
        2,
    )  # pixel 12 down, 8 across
    assert np.count_nonzero(found.changed) <= 9
    again = occlusion.look(OneEye(), EyeFaces(80))
    np.testing.assert_array_equal(found.changed, again.changed)


def test_where_a_network_looks(monkeypatch, tmp_path):
    from pipelines.datasets.registry import load
    from pipelines.utils.figures import FigureWriter

    monkeypatch.setattr(occlusion, "FACES_OCCLUDED", 4)
    monkeypatch.setattr(occlusion, "FACES_DEALT", 12)
    model = load_model("small")
    assert model.extractor.startswith("own-small(")
    found = occlusion.look(model, load("synthetic", cache=tmp_path))
    assert found.changed.shape == (11, 11)
    assert found.changed.max() > 0  # something decides its answer, and not all of the face does
    assert found.changed.min() == 0
    assert {len(drops) for drops in found.drops.values()} == {occlusion.DEALS}
    occlusion.draw_looked(album := FigureWriter(tmp_path / "figures"), found, model.card["title"])
    assert "of 4" in album["occlusion"].sentence


def test_regions_cover_the_face_once():
    assert (sum(occlusion.region_mask(name).astype(int) for name in occlusion.REGIONS) == 1).all()


def test_another_sets_classes_are_refused(fitted):
    faces = EyeFaces(10)
    with pytest.raises(ValueError, match="has other classes"):
        occlusion.look(load_model(fitted), faces)
    assert isinstance(open_source(load_results(fitted)), Source)
