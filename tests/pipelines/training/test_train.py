"""Training: it learns, goes on after a kill, keeps the last good weights, and says what it did."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from featurize import extractor
from featurize.backbones import weightfile
from pipelines.api import fit, load_model
from pipelines.datasets.synthetic import faces as faces_module
from pipelines.training import train as training
from pipelines.training import trainer
from pipelines.training.recipe import load_trainings, recipe
from pipelines.training.train import statistics, train, train_runs
from pipelines.training.trainer import OutOfMemoryError


@pytest.fixture(scope="module")
def plan():
    return recipe(backbone="ucm-a", epochs=3, batch_size=16, precision="f32", validation=0.2)


@pytest.fixture(scope="module")
def done(faces, plan, tmp_path_factory):
    out = tmp_path_factory.mktemp("done")
    return out, train(faces, plan, out)


def tensors(folder: Path):
    return weightfile.load(folder / "weights.npz").tensors


def test_what_is_left(faces, done):
    out, trained = done
    assert trained.path == out / "weights.npz"
    with (out / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["epoch"] for r in rows] == ["1", "2", "3"]
    assert all(float(r["images_per_second"]) > 0 for r in rows)
    assert list((out / "tensorboard").glob("events.*"))
    card = json.loads((out / "card.json").read_text())
    assert card == weightfile.load_card(out / "weights.npz")
    assert card["classes"] == list(faces.classes)
    assert card["data"]["synthetic"] is True
    assert card["epoch"] == max(trained.history, key=lambda r: r["val_accuracy"])["epoch"]
    assert set(card["accuracy"]) == {"test", "test-clean", "validation"}
    assert card["recipe"]["loss"] == "categorical_crossentropy"


def test_the_card_tells_the_truth(faces, done):
    out, trained = done
    test = faces.where("test")
    told = trained.card["accuracy"]["test"]
    net = extractor("ucm-a", weights=str(trained.path), layer="scores", precision="f32")
    scores = net.transform(faces.samples[int(i)] for i in test)
    right = scores.argmax(1) == faces.labels[test]
    assert right.mean() == pytest.approx(told, abs=1e-4)


def test_it_remembers_what_it_saw_and_no_test_face(faces, done):
    _, trained = done
    seen = weightfile.load_seen(trained.path)
    for split, expected in (("train", True), ("test", False)):
        of = faces.where(split)
        assert np.isin(weightfile.sample_marks(faces.digests[of]), seen.contents).all() == expected
        assert (
            np.isin(weightfile.sample_marks(faces.digests[of], faces.ids[of]), seen.samples).any() == expected
        )
    assert extractor("ucm-a", weights=str(trained.path)).spec.trained_on == trained.card["trained_on"]


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(faces, plan, done, tmp_path, monkeypatch):
    out, _ = done
    keep = trainer.Trainer.save_epoch

    def stop_after_one(self, *given):
        keep(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer.Trainer, "save_epoch", stop_after_one)
        train(faces, plan, tmp_path)
    assert not (tmp_path / "weights.npz").exists()
    again = train(faces, plan, tmp_path)
    assert len(again.history) == 3
    for name, tensor in tensors(out).items():
        np.testing.assert_allclose(tensors(tmp_path)[name], tensor, rtol=1e-3, atol=1e-5)


def test_another_recipe_does_not_go_on_with_it(faces, plan, done):
    out, _ = done
    with pytest.raises(ValueError, match="holds a training of something else; give another folder"):
        train(faces, plan.model_copy(update={"seed": 5}), out)


def test_a_damaged_state_is_named(faces, plan, tmp_path):
    (tmp_path / "state.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(ValueError, match=r"state\.npz is damaged; remove it"):
        train(faces, plan, tmp_path)


def test_kill_9_leaves_what_the_next_run_needs(tmp_path, run_cli):
    words = "cli.py train --data synthetic(n_per_class=24) --backbone ucm-a --epochs 4 --precision f32 --out"
    command = [sys.executable, *words.split(), str(tmp_path)]
    root = Path(__file__).parents[3]
    first = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    waited = time.monotonic() + 500  # on a busy machine the first epoch takes a while
    # The history is written last: it is there when the first epoch is kept.
    while not (tmp_path / "history.csv").exists() and time.monotonic() < waited and first.poll() is None:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    before = (tmp_path / "history.csv").read_text().splitlines()
    again = run_cli(*words.split()[1:], tmp_path)
    assert again.code == 0, again.err
    after = (tmp_path / "history.csv").read_text().splitlines()
    assert len(after) == 5
    assert after[: len(before)] == before


@pytest.mark.slow
def test_it_learns(tmp_path):
    """Enough faces and epochs to be above chance, with mirror, bf16 and a cosine."""
    faces = faces_module.load(n_per_class=40)
    settings = {"mirror": True, "schedule": "cosine", "learning_rate": 2e-3, "precision": "bf16"}
    plan = recipe(backbone="ucm-a", epochs=16, batch_size=32, **settings)
    card = train(faces, plan, tmp_path).card
    assert card["accuracy"]["test"] > 0.28, "chance is 1 in 7; that is three standard deviations above"


def test_hinge_targets(faces, tmp_path, caplog):
    caplog.set_level("INFO", logger="pipelines.training.trainer")
    plan = recipe(backbone="ucm-f", epochs=1, batch_size=32, precision="f32")
    trained = train(faces, plan, tmp_path)
    assert trained.card["recipe"]["loss"] == "squared_hinge"
    assert 0 < trained.history[0]["loss"] < 2
    (line,) = [r.getMessage() for r in caplog.records if "loss" in r.getMessage()]
    assert line.startswith("epoch 1, loss ")


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(faces, tmp_path, caplog):
    plan = recipe(backbone="ucm-a", epochs=6, batch_size=16, precision="f32", learning_rate=1e-3)
    fit = trainer.Trainer.fit_epochs

    def explode(self, number, advance):
        if number == 3:
            self.model.get_layer("fc1").kernel.assign(self.model.get_layer("fc1").kernel * np.nan)
        return fit(self, number, advance)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "fit_epochs", explode)
        trained = train(faces, plan, tmp_path)
    assert len(trained.history) == 2
    assert "is no number in epoch 3; training stopped" in caplog.text
    assert all(np.isfinite(t).all() for t in tensors(tmp_path).values())


def test_a_loss_that_is_no_number_from_the_start_is_an_error(faces, tmp_path):
    plan = recipe(backbone="ucm-a", epochs=2, batch_size=16, precision="f32", learning_rate=1e30)
    with pytest.raises(ValueError, match="no number in the first epoch; lower the learning rate"):
        train(faces, plan, tmp_path)


def test_patience(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer.Trainer, "validate", lambda self: {"val_loss": 1.0, "val_accuracy": 0.5})
    plan = recipe(backbone="ucm-a", epochs=20, batch_size=16, precision="f32", patience=2)
    trained = train(faces, plan, tmp_path)
    assert len(trained.history) == 3
    assert trained.card["epoch"] == 1


def test_out_of_memory_is_tried_once_more_with_half_the_batch(faces, tmp_path, monkeypatch, caplog):
    fit = trainer.Trainer.fit_epochs

    class ResourceExhaustedError(Exception):
        pass

    def full(self, number, advance):
        if self.epochs.batch > 16:
            raise ResourceExhaustedError("OOM when allocating tensor")
        return fit(self, number, advance)

    monkeypatch.setattr(trainer.Trainer, "fit_epochs", full)
    plan = recipe(backbone="ucm-a", epochs=1, batch_size=32, precision="f32")
    trained = train(faces, plan, tmp_path / "a")
    assert trained.card["batch"] == 16
    assert "going on with batches of 16" in caplog.text
    with pytest.raises(OutOfMemoryError, match="a batch of 32 does not fit"):
        train(faces, plan.model_copy(update={"batch_size": 64}), tmp_path / "b")


def test_train_and_validation_together_keep_the_last_epoch(faces, tmp_path):
    plan = recipe(backbone="ucm-a", epochs=2, batch_size=16, precision="f32", fit_on="train+validation")
    card = train(faces, plan, tmp_path).card
    assert card["data"]["samples"] == len(faces.where("train"))
    assert card["epoch"] == 2
    assert "validation" not in card["accuracy"]


def test_runs_have_seeds_of_their_own_and_are_not_done_twice(faces, plan, tmp_path):
    short = plan.model_copy(update={"epochs": 1})
    summary = train_runs(faces, short, tmp_path, 2)
    cards = [json.loads((tmp_path / f"run-0{i}" / "card.json").read_text()) for i in (1, 2)]
    assert [c["seed"] for c in cards] == [0, 1]
    values = [c["accuracy"]["validation"] * 100 for c in cards]
    assert summary["validation"]["mean"] == pytest.approx(np.mean(values), abs=1e-2)
    before = (tmp_path / "run-01" / "weights.npz").stat().st_mtime_ns
    assert train_runs(faces, short, tmp_path, 2) == summary
    assert (tmp_path / "run-01" / "weights.npz").stat().st_mtime_ns == before


def test_statistics():
    found = statistics([{"test": 0.5}, {"test": 0.6}, {"test": 0.7}])["test"]
    assert (found["mean"], found["max"], found["min"]) == (60, 70, 50)
    assert found["var"] == pytest.approx(200 / 3, abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"backbone": "hog"}, "hog is not a network"),
        ({"backbone": "ucm-h"}, "did you mean 'ucm-"),
        ({"backbone": "vggface2"}, "comes trained"),
        ({"backbone": "ucm-a+ucm-b"}, r"ucm-a\+ucm-b: one training trains one network"),
        ({"backbone": "ucm-a(layer='fc2')"}, "layer is for embedding"),
        ({"backbone": "ucm-a(weights='ucm-a.npz')"}, "weights is for embedding"),
        ({"backbone": "vggface2-mobilenet(size=96, norm='none')"}, "norm is for embedding"),
        ({"backbone": "vggface2-mobilenet(size=64)"}, "size=64: input should be greater than or equal to 96"),
        ({"backbone": "vggface2-mobilenet(sise=96)"}, "no parameter 'sise'"),
        ({"backbone": "ucm-a", "augment": "twist"}, "unknown augmentation 'twist'"),
        ({"backbone": "ucm-a", "epochs": 0}, "epochs=0"),
        ({"backbone": "ucm-a", "learning_rate": -1}, "learning_rate=-1"),
        ({"backbone": "ucm-a", "lr": 1}, "lr=1: extra inputs"),
    ],
)
def test_wrong_recipes(fields, said):
    with pytest.raises(ValueError, match=said):
        recipe(**fields)


def test_no_gpu_is_said_before_data_is_loaded(monkeypatch):
    monkeypatch.setattr(training, "gpus", list)
    with pytest.raises(ValueError, match="no GPU: .* see: mueca doctor"):
        training.run("no-such-data", {"backbone": "ucm-a", "device": "gpu"})


def test_a_table_of_trainings_is_trained_once(tmp_path, monkeypatch, faces):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    path = tmp_path / "table.yaml"
    path.write_text(
        "name: table\nquestion: Which?\ndata: synthetic\nruns: 2\ntrainings:\n"
        "  - {backbone: ucm-a, epochs: 1, batch_size: 32, precision: f32}\n"
        "  - {backbone: ucm-a, epochs: 1, batch_size: 32, precision: f32, mirror: true}\n"
    )
    found = training.run(None, {}, tmp_path / "out", recipe=path)
    titles = {r["training"] for r in found["trainings"]}
    assert titles == {f"ucm-a, epochs=1, batch=32, {more}precision=f32" for more in ("", "mirror=True, ")}
    assert {r["split"] for r in found["trainings"]} == {"test", "test-clean", "validation"}
    monkeypatch.setattr(training, "train", None)
    assert training.run(None, {}, tmp_path / "out", recipe=path) == found
    fewer = training.run(None, {}, tmp_path / "out", recipe=path, runs=1)
    assert {r["runs"] for r in fewer["trainings"]} == {1}


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[3] / "configs").glob("train-*.yaml")))
def test_the_recipes_that_come_with_mueca(path):
    plans = load_trainings(path)
    assert plans.name == path.stem
    assert all(p.resolved().epochs for p in plans.trainings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\ndata: d\ntrainings: [{backbone: ucm-a, mirorr: true}]", r"trainings\.0\.mirorr"),
        ("name: x\ndata: d\ntrainings: [{backbone: ucm-z}]", "did you mean"),
        ("name: x\ndata: d\ntrainings: []", "trainings"),
        ("- 1", "should be a mapping"),
        ("a: [", "is no YAML"),
    ],
)
def test_recipes_with_mistakes(tmp_path, text, said):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ValueError, match=said):
        load_trainings(tmp_path / "r.yaml")


def test_a_model_on_these_weights_holds_them(done, tmp_path):
    """Folder moved, and the weights it was fitted with are gone: it still answers, and only by its own."""
    weights = tmp_path / "it's a folder" / "weights.npz"
    weights.parent.mkdir()
    shutil.copy(done[1].path, weights)
    backbone = f'ucm-a(weights="{weights}", precision="f32")'
    model, _ = fit("synthetic", backbone, "softmax", out=tmp_path / "model", C=1)
    pictures = [faces_module.load(n_per_class=2).samples[i] for i in range(5)]
    expected = model.scores(pictures)
    weights.unlink()
    (tmp_path / "model").rename(tmp_path / "moved")
    found = load_model(tmp_path / "moved")
    np.testing.assert_allclose(found.scores(pictures), expected, atol=1e-5)
    (own,) = (tmp_path / "moved").glob("weights-ucm-a-*.npz")
    own.write_bytes(b"changed" + own.read_bytes())
    with pytest.raises(weightfile.WeightsError, match="truncated or no weight file"):
        load_model(tmp_path / "moved")


def test_frozen_epochs_teach_the_last_layer_alone(faces, tmp_path):
    def tensors(name, rate, epochs):
        asked = recipe(
            backbone="ucm-a",
            epochs=epochs,
            batch_size=16,
            precision="f32",
            learning_rate=rate,
            frozen_epochs=1,
            fit_on="train+validation",
        )
        return weightfile.load(train(faces, asked, tmp_path / name).path).tensors

    slow, fast, longer = tensors("a", 1e-4, 1), tensors("b", 1e-2, 1), tensors("c", 1e-2, 2)
    changed = {n.split("/")[0] for n in slow if not np.array_equal(slow[n], fast[n])}
    assert changed == {"scores"}
    assert {n.split("/")[0] for n in slow if not np.array_equal(slow[n], longer[n])} > {"scores"}
