"""Small data sets of the shapes that matter, made from seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Data = tuple[NDArray[Any], NDArray[Any]]


def blobs(n: int, d: int, classes: int, seed: int = 0, spread: float = 1.5) -> Data:
    """Return noisy float32 clusters, one a class, sizes uneven."""
    rng = np.random.default_rng(seed)
    share = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    y = np.concatenate([np.arange(classes).repeat(2), rng.choice(classes, n - 2 * classes, p=share)])
    centres = rng.normal(size=(classes, d))
    return (centres[y] + spread * rng.normal(size=(n, d))).astype(np.float32), y


def with_duplicates() -> Data:
    """Return vectors of which half stand twice, some of them under another label."""
    X, y = blobs(120, 6, 3, seed=1)
    other = y.copy()
    other[::5] = (other[::5] + 1) % 3
    return np.concatenate([X, X]), np.concatenate([y, other])


def with_constant_features() -> Data:
    """Return vectors of which some features never vary."""
    X, y = blobs(150, 8, 3, seed=2)
    X[:, [1, 4, 5]] = [0.0, 3.5, -1e3]
    return X, y


def far_from_zero() -> Data:
    """Return vectors whose mean is large beside their spread, where |a|^2 + |b|^2 - 2ab loses digits."""
    X, y = blobs(150, 5, 3, seed=3)
    return X + np.float32(300), y


DATA: dict[str, Data] = {
    "tall": blobs(400, 4, 3),
    "wide": blobs(90, 300, 4),
    "seven": blobs(420, 24, 7),
    "two": blobs(160, 10, 2),
    "duplicates": with_duplicates(),
    "constant": with_constant_features(),
    "far": far_from_zero(),
}


@pytest.fixture(params=DATA, ids=str)
def data(request: pytest.FixtureRequest) -> Data:
    """Each data set in turn."""
    return DATA[request.param]
