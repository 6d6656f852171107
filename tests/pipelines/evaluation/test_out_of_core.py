"""Vectors larger than a share of the memory allowed: read in blocks, checked, and costed before."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from classifiers import Rows
from classifiers import _rows as rows_module
from featurize.store import Store
from pipelines import api
from pipelines.embedding import embed as embedding
from pipelines.embedding.embed import embed
from pipelines.evaluation.estimate import say_cost
from pipelines.evaluation.experiment import FeatureMatrix


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 16 vectors, so that a small set has some."""
    monkeypatch.setattr(rows_module, "BLOCK_BYTES", 40_000)


def accuracy(outcome):
    return next(row.accuracy for row in outcome.rows if row.split == "test")


@pytest.mark.parametrize("head", ["softmax", "linear-svm", "nystroem-svm", "knn", "forest", "svm"])
def test_blocks_give_the_figures_of_the_whole(tiny, tmp_path, head):
    params = {"n_components": 60} if head == "nystroem-svm" else {}
    store = Store(tmp_path)
    _, whole = api.fit(tiny, "hog", head, store=store, **params)
    _, blocked = api.fit(tiny, "hog", head, store=store, memory="5MB", **params)
    assert accuracy(blocked) == pytest.approx(accuracy(whole), abs=0.05)
    assert blocked.rows[0].run == whole.rows[0].run


def test_vectors_are_read_only_when_they_are_fitted_on(tiny, tmp_path, monkeypatch):
    seen = []
    whole = FeatureMatrix.training
    monkeypatch.setattr(FeatureMatrix, "training", lambda self, i: seen.append(whole(self, i)) or seen[-1])
    api.fit(tiny, "hog", "linear-svm", store=tmp_path, memory="5MB", mirror=True)
    assert seen and all(isinstance(X, Rows) for X, _ in seen)


def test_memory_below_a_block_says_the_least(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"memory 0\.01MB: reading vectors of 900 .* at least 1MB"):
        api.fit(tiny, "hog", "softmax", store=tmp_path, memory="0.01MB")


def test_a_file_that_changes_under_a_fit_is_refused_by_its_checksum(tiny, tmp_path, monkeypatch):
    from pipelines.evaluation import evaluate

    store = Store(tmp_path)
    (key,) = embed(tiny, "hog", store=store).keys
    whole = evaluate._predict

    def changing(*given):
        path = store.folder / key / "X.npy"
        with path.open("r+b") as file:
            file.seek(-4, 2)
            file.write(b"\0\0\0\x41")
        return whole(*given)

    monkeypatch.setattr(evaluate, "_predict", changing)
    with pytest.raises(ValueError, match="changed while vectors were read from it") as seen:
        api.fit(tiny, "hog", "softmax", store=store, memory="5MB")
    assert "\n" not in str(seen.value) and key in str(seen.value)


def test_joined_parts_are_read_side_by_side(tiny, tmp_path, monkeypatch):
    store = Store(tmp_path)
    plain = embed(tiny, "hog+lbp", store=store).X
    monkeypatch.setattr(embedding, "JOINED_BYTES", 1000)
    rows = embed(tiny, "hog+lbp", store=store).X
    assert isinstance(rows, Rows)
    np.testing.assert_array_equal(np.asarray(rows), plain)
    some = embed(tiny, "hog", indices=np.array([5, 3, 9]), store=store).X
    np.testing.assert_array_equal(np.asarray(some), plain[[5, 3, 9], :900])


# Storage and components -----------------------------------------------------------------------------------
def test_half_the_disk_and_nearly_the_same_figures(tiny, tmp_path):
    stores = [Store(tmp_path / s, storage=s) for s in ("float32", "float16")]
    single, half = (embed(tiny, "hog", store=store) for store in stores)
    assert half.X.dtype == np.float16
    assert half.keys != single.keys
    np.testing.assert_allclose(half.X, single.X, atol=1e-3)
    a, b = (api.fit(tiny, "hog", "svm", store=store)[1] for store in stores)
    assert accuracy(a) == pytest.approx(accuracy(b), abs=0.03)
    assert a.rows[0].run != b.rows[0].run


def test_numbers_beyond_float16_are_refused(tiny, tmp_path, monkeypatch):
    from featurize.shards import stored

    with pytest.raises(ValueError, match="beyond the 65,504 of float16"):
        stored(np.full((2, 3), 1e5, np.float32), "float16")
    with pytest.raises(ValueError, match="give float32 or float16"):
        Store(tmp_path, storage="int8")


def test_components_are_learned_from_train_alone(tiny, tmp_path):
    store = Store(tmp_path)
    _, plain = api.featurize(tiny, "hog", store=store)
    dataset, reduced = api.featurize(tiny, "hog", pca=12, store=store)
    train = dataset.where("train")
    from sklearn.decomposition import PCA

    theirs = PCA(12, svd_solver="full").fit(plain.X[train]).transform(plain.X)
    np.testing.assert_allclose(np.abs(reduced.X), np.abs(theirs), atol=2e-3)
    assert api.featurize(tiny, "hog", pca=12, store=store)[1].reused
    with pytest.raises(ValueError, match="or fewer"):
        api.featurize(tiny, "hog", pca=800, store=store)


def test_components_of_a_set_without_train(tiny, tmp_path):
    from dataclasses import replace

    other = replace(tiny, split=np.full(len(tiny), "test"))
    with pytest.raises(ValueError, match="pca learns from the split 'train'"):
        api.featurize(other, "hog", pca=3, store=tmp_path)


def test_a_model_on_components_predicts_and_is_small(tiny, tmp_path):
    from pipelines.models.model import load_model

    model, whole = api.fit(tiny, "hog", "local-svm", n_neighbors=40, store=tmp_path / "c")
    _, reduced = api.fit(
        tiny, "hog", "local-svm", n_neighbors=40, pca=16, store=tmp_path / "c", out=tmp_path / "m"
    )
    assert reduced.rows[-1].model_bytes < whole.rows[-1].model_bytes
    again = load_model(tmp_path / "m")
    assert again.card["head"]["params"]["pca"] == 16


# Costs ----------------------------------------------------------------------------------------------------
def test_every_fit_says_what_it_will_take(tiny, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "pipelines"):
        api.fit(tiny, "hog", "svm", C=[1.0, 10.0], store=tmp_path)
    assert "rows of 900, 2 candidates: about" in caplog.text


def test_svm_beyond_memory_names_the_others_and_takes_none(tiny, tmp_path, caplog):
    cost = api.estimate(tiny, "hog", "svm", memory="0.01MB")
    assert "--head nystroem-svm about" in cost.advice and "--head linear-svm about" in cost.advice
    say_cost(cost)
    assert cost.advice in caplog.text
    _, outcome = api.fit(tiny, "hog", "svm", store=tmp_path, memory="1MB")
    assert outcome.rows[0].head == "svm"


def test_estimate_embeds_and_fits_nothing(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.evaluation.experiment.embed", lambda *_, **__: pytest.fail("embedded"))
    cost = api.estimate(tiny, "hog+lbp", "forest", mirror=True, grid="default", folds=3)
    assert cost.dims == 900 + 6372
    assert cost.candidates == 8


def test_estimate_on_the_command_line(run_cli):
    code, out, err = run_cli(
        "fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--C", "1,10", "--estimate"
    ).by_lines()
    assert (code, err) == (0, [])
    assert out.startswith("svm: ") and "rows of 900, 2 candidates: about" in out
    code, out, _ = run_cli(
        "fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--estimate", "--json"
    ).by_lines()
    assert code == 0 and '"seconds"' in out
