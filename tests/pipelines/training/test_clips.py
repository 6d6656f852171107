"""Networks on clips and motion maps: one loop for all, by subject, each kind changed as what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from featurize import extractor
from featurize.backbones.network import Form
from featurize.images import Preprocess, mirrored
from pipelines.datasets import registry
from pipelines.datasets.splits import divided
from pipelines.datasets.synthetic import clips as clips_module
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import recipe_from
from pipelines.training.augment import augment, changes
from pipelines.training.batches import Epochs, TrainingSamples
from pipelines.training.recipe import load_trainings, recipe
from pipelines.training.train import train
from pipelines.training.trainer import Trainer
from tests.helpers.maps import motion_maps


@pytest.fixture(scope="module")
def clips():
    return clips_module.load(n_subjects=5, clips_per_subject=6)


@pytest.fixture(scope="module")
def maps():
    """Maps whose class is seen in the vertical flow; ten subjects, two sets, no split to train on."""
    return motion_maps(90, 9, origins=(5,))


def test_a_set_without_a_test_split_is_divided_by_subject(clips, maps):
    for data in (clips, maps):
        parts = divided(data)
        train_on, test = parts.where("train"), parts.where("test")
        assert len(train_on) + len(test) == len(data)
        assert not set(data.groups[train_on]) & set(data.groups[test])
        assert set(data.labels[test]) == {0, 1, 2}
        assert np.array_equal(divided(data).split, parts.split)
        assert divided(parts) is parts
    assert 0.3 < len(divided(maps, 0.4).where("test")) / len(maps) < 0.6
    assert "by class, seed 0" in divided(replace(clips, groups=None)).held_out
    with pytest.raises(ValueError, match="one subject only: none can be held out for test"):
        divided(replace(clips, groups=np.full(len(clips), "s1")))
    with pytest.raises(ValueError, match="test=1.5"):
        divided(clips, 1.5)


def test_a_map_network_learns_and_answers_in_a_comparison(maps, tmp_path, monkeypatch):
    plan = recipe(backbone="ststnet", epochs=90, validate_every=30, batch_size=32, learning_rate=3e-3,
                  precision="f32",
                  mirror=True, patience=None)  # fmt: skip
    done = train(maps, plan, tmp_path / "net")
    assert [h["epoch"] for h in done.history] == [30, 60, 90]
    assert done.card["accuracy"]["test"] > 0.6
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: maps)
    text = f"ststnet(weights={str(done.path)!r}, precision='f32')"
    plan = recipe_from({"name": "x", "data": "megc2019", "extractors": [text], "heads": ["softmax"]})
    rows = [r for r in compare(plan, tmp_path / "out").rows if r.split == "test"]
    assert [r.head for r in rows] == ["network-softmax", "softmax"]
    assert rows[0].accuracy == pytest.approx(done.card["accuracy"]["test"], abs=0.02)


def test_a_clip_network_is_trained_with_its_published_settings(clips, tmp_path):
    plan = recipe(backbone="rotation3d-casme2", epochs=1, precision="f32", sampling="uniform")
    done = train(clips, plan, tmp_path)
    said = done.card["recipe"]
    wanted = {"batch_size": 2, "optimizer": "adam", "learning_rate": 1e-4, "schedule": "exponential",
              "augment": "angles", "sampling": "uniform"}  # fmt: skip
    assert {k: said[k] for k in wanted} == wanted
    assert extractor("rotation3d-casme2", weights=str(done.path)).sampling == "uniform"
    stcnn = recipe(backbone="stcnn-smic").resolved()
    assert (stcnn.optimizer, stcnn.momentum, stcnn.batch_size, stcnn.epochs) == ("sgd", 0.0, 16, 200)


def test_exponential_decay_goes_by_steps(maps, tmp_path):
    plan = recipe(backbone="ststnet", epochs=2, batch_size=16, precision="f32", learning_rate=1e-3,
                  schedule="exponential", decay_rate=0.5, decay_steps=2)  # fmt: skip
    done = train(maps, plan, tmp_path)
    steps = done.card["data"]["samples"] // 16
    assert done.history[0]["learning_rate"] == pytest.approx(1e-3 * 0.5 ** (steps // 2))


def test_stopped_in_the_middle_of_blocks_of_epochs(maps, tmp_path, monkeypatch):
    plan = recipe(backbone="ststnet", epochs=10, validate_every=4, batch_size=16, precision="f32")
    whole = train(maps, plan, tmp_path / "a")
    assert [h["epoch"] for h in whole.history] == [4, 8, 10]
    keep = Trainer.save_epoch

    def stop(self, *given):
        keep(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "save_epoch", stop)
        train(maps, plan, tmp_path / "b")
    again = train(maps, plan, tmp_path / "b")
    assert [h["epoch"] for h in again.history] == [4, 8, 10]
    assert again.history[-1]["loss"] == pytest.approx(whole.history[-1]["loss"], rel=0.02)


def test_another_kind_of_data_is_refused(clips, maps, tmp_path):
    with pytest.raises(ValueError, match="ststnet takes flows; synthetic-clips holds clips"):
        train(clips, recipe(backbone="ststnet"), tmp_path)
    with pytest.raises(ValueError, match="ucm-a takes images; drawn holds flows"):
        train(maps, recipe(backbone="ucm-a"), tmp_path)


def test_motion_maps_are_not_turned_and_not_equalised():
    with pytest.raises(ValueError, match="'rotation' is not for motion maps"):
        recipe(backbone="ststnet", augment="strong")
    with pytest.raises(ValueError, match="a motion map shows no light"):
        recipe(backbone="ststnet", equalize="hist")
    with pytest.raises(ValueError, match="a motion map shows no light"):
        Preprocess(equalize="clahe").apply(np.zeros((28, 28, 3), np.uint8), "flow")


def test_a_clip_is_changed_as_a_whole():
    frame = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    clip = np.repeat(frame[None], 18, axis=0)
    for names in (("angles",), ("flip", "shift", "zoom", "blur", "erasing")):
        made = augment(clip, names, np.random.default_rng(3), kind="clip")
        assert made.shape == clip.shape
        assert not np.array_equal(made, clip)
        if "erasing" not in names:  # noise differs from frame to frame, its place does not
            assert (made == made[:1]).all()
    turned = [augment(clip, ("angles",), np.random.default_rng(s), kind="clip")[0] for s in range(60)]
    assert len({t.tobytes() for t in turned}) == 6


def test_a_flipped_map_has_its_horizontal_flow_negated():
    given = np.random.default_rng(0).integers(0, 256, (28, 28, 3)).astype(np.uint8)
    made = [augment(given, ("flip",), np.random.default_rng(s), kind="flow") for s in range(12)]
    wanted = mirrored(given, "flow")
    assert all(np.array_equal(m, given) or np.array_equal(m, wanted) for m in made)
    assert any(np.array_equal(m, wanted) for m in made)
    assert np.array_equal(mirrored(wanted, "flow"), given)
    assert np.array_equal(wanted[..., 1], given[:, ::-1, 1])
    assert np.array_equal(wanted[..., 0], 255 - given[:, ::-1, 0])


def test_clips_are_equalised_frame_by_frame():
    clip = np.random.default_rng(0).integers(40, 90, (5, 32, 48)).astype(np.uint8)
    done = Preprocess(equalize="hist", mirror=True).apply(clip, "clip")
    for before, after in zip(clip, done, strict=True):
        assert np.array_equal(after, Preprocess(equalize="hist").apply(before)[:, ::-1])


def test_batches_of_clips_hold_the_right_clip_with_the_right_target():
    samples = [np.full((20, 64, 64), i, np.uint8) for i in range(6)]
    form = Form(kind="clip", size=64, frames=18, time="last")
    found = TrainingSamples(samples, np.arange(6), np.eye(6, dtype=np.float32), form)
    for mirror in (False, True):
        for x, t in Epochs(found, 3, mirror=mirror).epoch(1):
            assert x.shape == (3, 64, 64, 18, 1)
            assert np.array_equal(x[:, 0, 0, 0, 0].astype(int), t.argmax(1))


def test_changes_by_kind():
    assert changes("flip,shift", "flow") == ("flip", "shift")
    assert changes("angles", "clip") == ("angles",)


ROOT = Path(__file__).parents[3]


def as_casme2(clips, root):
    """Write drawn clips as CASME II: Cropped/subNN/EPxx_xx and a coding sheet."""
    emotions = {"negative": "disgust", "positive": "happiness", "surprise": "surprise"}
    lines = ["Subject,Filename,OnsetFrame,ApexFrame,OffsetFrame,Estimated Emotion"]
    for i, clip in enumerate(clips.samples):
        subject, name = int(clips.groups[i][1:]) + 1, f"EP{i:02d}_01"
        folder = root / "Cropped" / f"sub{subject:02d}" / name
        folder.mkdir(parents=True)
        for k, frame in enumerate(clip, 1):
            cv2.imwrite(str(folder / f"reg_img{k}.jpg"), frame)
        lines.append(f"{subject},{name},1,/,{len(clip)},{emotions[clips.classes[clips.labels[i]]]}")
    (root / "CASME2-coding.csv").write_text("\n".join(lines))


def as_smic(clips, root):
    """Write drawn clips as SMIC-HS: sNN/micro/<class>/<clip>."""
    for i, clip in enumerate(clips.samples):
        folder = root / clips.groups[i] / "micro" / clips.classes[clips.labels[i]] / f"clip_{i:02d}"
        folder.mkdir(parents=True)
        for k, frame in enumerate(clip, 1):
            cv2.imwrite(str(folder / f"image{k:06d}.bmp"), frame)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("casme2", 0),
        ("smic", 0),
        *(pytest.param(p, n, marks=pytest.mark.slow)
          for p, n in (("casme2", 1), ("casme2", 2), ("smic", 1), ("smic", 2), ("smic", 3))),
    ],
)  # fmt: skip
def test_the_recipes_of_r2_run_on_trees_of_the_published_shapes(path, number, clips, tmp_path, monkeypatch):
    """One epoch of each, on drawn clips; the settings are those of the recipe."""
    plans = load_trainings(ROOT / "configs" / f"train-zartha-{path}.yaml")
    {"casme2": as_casme2, "smic": as_smic}[path](clips, tmp_path / path)
    monkeypatch.setenv("MUECA_DATA", str(tmp_path))
    data = registry.load(plans.data)
    assert len(data) == len(clips)
    plan = plans.trainings[number].model_copy(update={"epochs": 1, "sampling": "tim", "precision": "f32"})
    done = train(data, plan, tmp_path / "out")
    assert done.card["classes"] == ["negative", "positive", "surprise"]
    assert done.card["recipe"]["batch_size"] == plans.trainings[number].resolved().batch_size
    assert (tmp_path / "out" / "weights.npz").is_file()


def test_a_clip_that_has_no_first_18_frames_is_named(clips, tmp_path):
    short = next(i for i, clip in enumerate(clips.samples) if len(clip) < 18)
    plan = recipe(backbone="stcnn-casme2", epochs=1, sampling="first", precision="f32")
    with pytest.raises(ValueError, match=r"s\d\d/\d{3}_\w+: a clip of \d+ frames has no first 18; use"):
        train(replace(clips, split=np.where(np.arange(len(clips)) == short, "test", "train"),
                      test_splits={"test": ("test",)}), plan, tmp_path)  # fmt: skip
