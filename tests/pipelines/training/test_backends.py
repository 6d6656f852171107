"""The same recipe on JAX and PyTorch. Where they are installed: pytest -m slow."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from featurize import extractor
from pipelines.datasets import registry

TRAIN = "cli.py train --data synthetic --backbone ucm-a --epochs 12 --batch-size 16 --precision f32 --out"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_trained_there_it_answers_here_as_it_did_there(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, *TRAIN.split(), str(tmp_path)], cwd=Path(__file__).parents[3],
        env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "absl" not in done.stderr, "TensorFlow's logger speaks, whose network this is not"
    told = json.loads((tmp_path / "card.json").read_text())["accuracy"]["test"]
    assert told > 0.25, "chance is 1 in 7; that is three standard deviations above"
    faces = registry.load("synthetic")
    test = faces.where("test")
    net = extractor("ucm-a", weights=str(tmp_path / "weights.npz"), layer="scores", precision="f32")
    scores = net.transform(faces.samples[int(i)] for i in test)
    assert (scores.argmax(1) == faces.labels[test]).mean() == pytest.approx(told, abs=0.01)
