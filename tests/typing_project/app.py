"""A program that uses mueca as its users do; mypy checks it against the hints that ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import mueca


def fitted(images: NDArray[np.uint8], labels: list[str], folder: Path) -> mueca.Model:
    """Fit a Pipeline on arrays, and read what was saved."""
    head = make_pipeline(StandardScaler(), SVC())
    mueca.fit(images, labels, backbone="hog", head=head, svc__C=[1, 10], out=folder)
    return mueca.load_model(folder)


def described(model: mueca.Model, images: NDArray[np.uint8]) -> dict[str, float]:
    """Return how often each emotion was predicted."""
    found: list[str] = model.predict(images)
    return {name: found.count(name) / len(found) for name in model.classes}


def photo(path: str) -> list[str]:
    """Return the label of each face of a photo."""
    return [face.label for face in mueca.Predictor.load("default").faces(path)]


def vectors(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return vectors of two extractors."""
    one: mueca.BaseExtractor = mueca.extractor("hog", cell=6)
    found: NDArray[np.float32] = one.transform(images)
    return found


def recipe() -> mueca.Dataset:
    """Return a data set that is drawn."""
    plan = mueca.load_recipe("demo")
    names: str = plan.name
    return mueca.load_dataset("synthetic") if names else mueca.load_dataset(Path("faces"))
