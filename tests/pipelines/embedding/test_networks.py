"""Networks in a comparison: their own answer is a row, and what they have seen does not test them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classifiers import head
from classifiers.registry import list_heads
from featurize import extractor, parse
from featurize.backbones import weightfile
from featurize.store import Store
from pipelines import api
from pipelines.commands.fit import print_fit
from pipelines.datasets.splits import split
from pipelines.datasets.synthetic import faces as faces_module
from pipelines.embedding.leakage import check_unseen
from pipelines.evaluation.compare import compare
from pipelines.evaluation.evaluate import evaluate_run
from pipelines.evaluation.experiment import Experiment, FeatureMatrix
from pipelines.evaluation.recipe import pretrained_run, recipe_from
from pipelines.evaluation.summary import summarize
from pipelines.recipe import Features
from pipelines.reporting.content import standing_notes
from pipelines.results.load import load_results
from tests.helpers.near_cluster import near_cluster


@pytest.fixture(scope="module")
def faces():
    return faces_module.load(n_per_class=12, n_identities=6)


def weights(path: Path, faces, seen, **card) -> Path:
    """Write weights of ucm-a that claim to have learned from the samples `seen`."""
    tensors = weightfile.random_tensors(extractor("ucm-a", weights="random").network.build(7))
    said = {"network": "ucm-a", "version": 1, "classes": list(faces.classes), "trained_on": "f" * 64}
    marks = weightfile.TrainingProvenance.of(faces.digests[seen].tolist(), faces.ids[seen].tolist())
    weightfile.save(path, tensors, said | card, marks)
    return path


def expression(path: Path) -> str:
    return f"ucm-a(weights={str(path)!r}, precision='f32')"


def test_own_answer_is_a_row_beside_the_heads(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    path = weights(tmp_path / "w.npz", faces, faces.where("train"))
    recipe = recipe_from({"name": "x", "data": "synthetic", "extractors": [expression(path), "pixels"],
                          "heads": [{"head": "softmax", "params": {"C": 0.01}}]})  # fmt: skip
    found = compare(recipe, tmp_path / "out")
    assert found.failed == 0
    tests = [(r.head, r.extractor.split("(")[0], r.accuracy) for r in found.rows if r.split == "test"]
    assert [t[:2] for t in tests] == [
        ("network-softmax", "ucm-a"),
        ("softmax", "ucm-a"),
        ("softmax", "pixels"),
    ]
    test = faces.where("test")
    scores = parse(expression(path).replace("(", "(layer='scores', "))[0].transform(
        faces.samples[i] for i in test
    )
    assert tests[0][2] == pytest.approx(np.mean(scores.argmax(1) == faces.labels[test]))
    assert compare(recipe, tmp_path / "out").computed == 0, "the row is found again"


def test_random_weights_are_timed_and_shown_nowhere_as_results(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    fields = {"name": "x", "data": "synthetic", "heads": ["softmax"]}
    out, ucm_f = tmp_path / "out", "ucm-f(weights='random', precision='f32')"
    found = compare(recipe_from(fields | {"extractors": [ucm_f]}), out)
    assert {row.status for row in found.rows} == {"timing"}
    assert found.rows[0].fit_s > 0
    with pytest.raises(ValueError, match="no run has a result: random weights"):
        load_results(out)
    found = compare(recipe_from(fields | {"extractors": [f"pixels+{ucm_f}", ucm_f, "pixels"]}), out)
    assert (found.computed, found.reused, found.failed) == (2, 1, 0)
    assert found.best.extractor == "pixels"
    *random, pixels = summarize(found)
    for record in random:
        assert np.isnan([record["test"], record["validation"], record["ci_low"], record["uf1"]]).all()
        assert record["error"].startswith("random weights")
        assert record["fit_s"] > 0
    assert pixels["chosen"] == "yes"
    results = load_results(out)
    assert [cell.title for cell in results.cells] == ["pixels + softmax"]
    assert (results.timed, results.failed) == (2, ())
    assert "2 runs have random weights" in " ".join(standing_notes(results))


def test_a_model_on_random_weights_says_so(faces, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    network, grid = "ucm-a(weights='random')", {"C": [0.01, 1]}
    model, outcome = api.fit("synthetic", network, "softmax", out=tmp_path / "model", grid=grid)
    assert "random weights, for timing only" in model.card["title"]
    assert model.card["scores"] == {}
    print_fit(model, outcome, None)
    said = capsys.readouterr().out
    assert "accuracy" not in said
    assert "C " not in said, "what was tried is shown with its scores on validation"


@pytest.mark.parametrize("probable", [True, False], ids=["softmax", "hinge"])
def test_only_what_validates_and_tests_is_asked_of_the_network_itself(faces, tmp_path, monkeypatch, probable):
    path = weights(tmp_path / "w.npz", faces, faces.where("train"))
    experiment = Experiment(faces, split(faces, 0.25), store=Store(tmp_path / "cache"), n_jobs=1)
    features, own = pretrained_run(Features(extractor=expression(path)))
    if not probable:
        monkeypatch.setattr("featurize.backbones.extractor.NetworkExtractor._transform", margins_of)
    little, whole = (
        evaluate_run(own, FeatureMatrix(features, experiment, pretrained=j)) for j in (True, False)
    )
    assert (
        len(little.embedding.X) == len(experiment.split.validation) + len(experiment.split.test) < len(faces)
    )
    assert little.run != whole.run, "other vectors, another run"
    for ours, theirs in (
        (little.predictions, whole.predictions), (little.choice.validation, whole.choice.validation)
    ):  # fmt: skip
        np.testing.assert_array_equal(ours.ids, theirs.ids)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-6)
        assert ours.probabilistic is theirs.probabilistic is probable
    for a, b in zip(little.rows, whole.rows, strict=True):
        assert (a.split, a.accuracy, a.n_train, a.n_test) == (b.split, b.accuracy, b.n_train, b.n_test)


def margins_of(self, batch):
    """Numbers that follow from the image, some below 0."""
    return np.stack([np.float32(b.reshape(-1)[: 7 * 40 : 40]) - 128 for b in batch])


def test_a_worker_predicts_as_we_do(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    path = weights(tmp_path / "w.npz", faces, faces.where("train"))
    recipe = recipe_from(
        {"name": "x", "data": "synthetic", "extractors": [expression(path)], "heads": ["softmax"]}
    )
    here, far = (
        compare(recipe, tmp_path / name, store=tmp_path / "cache", cluster=cluster)
        for name, cluster in (("here", None), ("far", near_cluster(monkeypatch)))
    )
    assert (far.computed, far.failed) == (2, 0)
    assert [(r.run, r.split, r.accuracy) for r in far.rows] == [
        (r.run, r.split, r.accuracy) for r in here.rows
    ]


def test_testing_on_what_was_learned_from_is_an_error_row(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    path = weights(tmp_path / "w.npz", faces, faces.where("test")[:1])
    recipe = recipe_from(
        {"name": "x", "data": "synthetic", "extractors": [expression(path)], "heads": ["softmax"]}
    )
    found = compare(recipe, tmp_path / "out")
    assert found.failed == 2
    assert all("ucm-a learned from 1 of the" in r.error for r in found.rows)


def test_copies_under_other_names_are_told_from_chance(faces, tmp_path):
    parts = split(faces)
    few, many = parts.test[:2], parts.test[: len(parts.test) // 2]
    for chosen, refused in ((few, False), (many, True)):
        path = tmp_path / f"{len(chosen)}.npz"
        weights(path, faces, chosen)
        content = weightfile.load(path)
        renamed = weightfile.TrainingProvenance(np.zeros(1, np.uint64), content.seen.contents)
        weightfile.save(path, content.tensors, content.card, renamed)
        found = parse(expression(path))
        if refused:
            with pytest.raises(ValueError, match=r"learned from \d+ of the"):
                check_unseen(found, faces, parts.validation, parts.test)
        else:
            check_unseen(found, faces, parts.validation, parts.test)


def test_weights_that_saw_validation_are_said_to_flatter(faces, tmp_path, caplog):
    parts = split(faces)
    both = np.concatenate([parts.train, parts.validation])
    path = weights(tmp_path / "w.npz", faces, both, data={"fit_on": "train+validation"})
    check_unseen(parse(expression(path)), faces, parts.validation, parts.test)
    assert (
        f"learned from {len(parts.validation)} of the {len(parts.validation)} validation samples"
        in caplog.text
    )
    caplog.clear()
    check_unseen(parse("pixels"), faces, parts.validation, parts.test)
    assert not caplog.text


def test_a_classifier_of_other_classes_is_left_out(faces, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    path = weights(tmp_path / "w.npz", faces, faces.where("train"), classes=[*faces.classes[:-1], "contempt"])
    recipe = recipe_from(
        {"name": "x", "data": "synthetic", "extractors": [expression(path)], "heads": ["softmax"]}
    )
    found = compare(recipe, tmp_path / "out")
    assert {(r.head, r.status) for r in found.rows} == {("softmax", "ok")}
    assert any("contempt; synthetic has angry" in m and "left out" in m for m in caplog.messages)


def test_which_extractors_answer_for_themselves(tmp_path, faces):
    path = weights(tmp_path / "w.npz", faces, faces.where("train"))
    features, own = pretrained_run(Features(extractor=expression(path), mirror=True, equalize="hist"))
    assert own.head == "network-softmax"
    assert not features.mirror
    assert features.equalize == "hist"
    assert parse(features.extractor)[0].layer == "scores"
    for other in ("pixels", "ucm-a(weights='random')", "vggface2", f"{expression(path)}+pixels"):
        assert pretrained_run(Features(extractor=other)) is None
    assert pretrained_run(Features(extractor="vggface2-mobilenet")) is None, "its weights have no classifier"
    assert pretrained_run(Features(extractor="ucm-a(weights='gone.npz')")) is not None, (
        "its row says what is wrong"
    )


def test_a_network_pretrained_on_other_faces_is_compared_without_scores_of_its_own(tmp_path):
    found = compare(
        recipe_from({
            "name": "x", "data": {"name": "synthetic", "options": {"n_per_class": 8, "n_identities": 8}},
            "extractors": ["vggface2-mobilenet(size=96, precision='f32')"], "heads": ["knn"],
        }),
        tmp_path,
    )  # fmt: skip
    assert {(r.head, r.status, r.error) for r in found.rows} == {("knn", "ok", "")}


def test_the_head_itself():
    rng = np.random.default_rng(0)
    margins, y = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
    own = head("network-softmax").fit(margins, y)
    np.testing.assert_array_equal(own.predict(margins), margins.argmax(1))
    assert not hasattr(own, "predict_proba")
    p = np.exp(margins) / np.exp(margins).sum(1, keepdims=True)
    np.testing.assert_allclose(head("network-softmax").fit(p, y).predict_proba(p), p)
    with pytest.raises(ValueError, match="layer='scores'"):
        head("network-softmax").fit(margins, y + 1)
    assert "network-softmax" not in list_heads()
