"""Synthetic faces to train on, and a recipe that is short."""

from __future__ import annotations

import pytest

from pipelines.datasets.synthetic.faces import load
from pipelines.training.recipe import recipe


@pytest.fixture(scope="module")
def faces():
    return load(n_per_class=12, n_identities=6)


def plan(**fields):
    given = {"backbone": "ucm-a", "epochs": 1, "batch_size": 16, "precision": "f32", "validation": 0.2}
    return recipe(**(given | fields))
