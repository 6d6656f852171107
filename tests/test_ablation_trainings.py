"""The ablation of trainings: what each row trains, what an effect is, and when an order is stable."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.datasets.registry import load
from tests.helpers.rooms import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
ablation = importlib.import_module("ablation_trainings")
sys.path.remove(str(ROOT / "benchmarks"))


def test_each_row_leaves_out_one_part():
    plans = ablation.plans(96, 2)
    whole = plans["all parts"].model_dump()
    assert (whole["epochs"], whole["backbone"], whole["mixup"]) == (2, "vggface2-mobilenet(size=96)", 0.2)
    changed = {
        name: sorted(k for k, v in plan.model_dump().items() if v != whole[k]) for name, plan in plans.items()
    }
    assert changed == {
        "all parts": [],
        "without pretraining": ["frozen_epochs", "init_weights"],
        "without soft targets": ["teacher"],
        "without mixup": ["mixup"],
    }


def found(values):
    """Return accuracies of two seeds; all parts as given, and one point less without each part."""
    whole = np.array(values, float)[:, None].repeat(2, axis=1)
    return {"all parts": whole} | {f"without {part}": whole - 1 for part in ablation.WITHOUT}


def test_effects_are_taken_seed_by_seed():
    brought = ablation.effects(found([[70, 71, 73, 72], [60, 62, 64, 64.5]]), 1)
    assert {name: values.tolist() for name, values in brought.items()} == {
        "pretraining": [1, 1],
        "soft targets": [1, 1],
        "mixup": [1, 1],
        "test-time augmentation": [1, 2],
        "SVM": [2, 2],
        "joined with HOG": [-1, 0.5],
    }


def test_an_order_that_changes_with_the_seed_is_said():
    steady = {"a": np.array([3.0, 2.0]), "b": np.array([1.0, 1.5])}
    assert ablation.stable(steady) == "the same order for every seed; of no sure sign: none"
    moved = {"a": np.array([3.0, 1.0]), "b": np.array([-1.0, 1.5])}
    assert ablation.stable(moved) == "2 orders over the seeds; of no sure sign: b"


def test_a_spread_names_every_seed():
    assert ablation.spread(np.array([1.0, 2.0])) == "  +1.50 (sd 0.71; +1.00, +2.00)"
    assert ablation.spread(np.array([1.0])) == "  +1.00 (sd 0.00; +1.00)"


def test_faces_are_drawn_from_training_and_tests_stay_whole(monkeypatch):
    monkeypatch.setattr(ablation, "SPLITS", ("test",))
    faces = load("synthetic")
    some = ablation.some(faces, 20)
    assert (len(some.where("train")), len(some.where("test"))) == (20, len(faces.where("test")))
    assert len(ablation.some(faces, 20, 5).where("test")) == 5
    at = faces.ids.tolist().index(some.ids[3])
    assert np.array_equal(some.samples[3], faces.samples[at])
    assert some.labels[3] == faces.labels[at]
    assert ablation.some(faces, 20).ids.tolist() == some.ids.tolist()


def test_vectors_come_in_parts():
    one = SimpleNamespace(transform=lambda images: np.array([[image.sum()] for image in images]))
    images = [np.full((2, 2), k) for k in range(5)]
    assert ablation.in_parts(one, images, 2).ravel().tolist() == [0, 4, 8, 12, 16]


def test_what_it_shows(capsys):
    ablation.show(found([[70, 71, 73, 72], [60, 62, 64, 64.5]]))
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].startswith("public, % right")
    assert shown[2].split() == ["all", "parts", "65.00", "66.50", "68.50", "68.25"]
    assert "  joined with HOG           -0.25 (sd 1.06; -1.00, +0.50)" in shown


@pytest.mark.parametrize("name", ["own-small", "own-small-36", "own-small-second"])
def test_the_teachers_ship(name):
    assert (ROOT / "featurize" / "backbones" / "weights" / f"{name}.npz").exists()
    assert f'"{name}"' in ablation.TEACHER
