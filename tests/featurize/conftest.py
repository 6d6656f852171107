"""Images for the extractors."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


def drawn_face(seed: int, size: int = 48) -> NDArray[np.uint8]:
    """Draw a plain face with noise: enough for dlib to have something to look at."""
    rng = np.random.default_rng(seed)
    image = np.full((96, 96), 120, np.uint8)
    cx, cy = (int(48 + rng.integers(-4, 5)) for _ in range(2))
    cv2.ellipse(image, (cx, cy), (34, 42), 0, 0, 360, 190, -1)
    for side in (-1, 1):
        cv2.ellipse(image, (cx + side * 14, cy - 10), (7, 4), 0, 0, 360, 60, -1)
        cv2.line(image, (cx + side * 22, cy - 19), (cx + side * 8, cy - 21), 50, 2)
    cv2.line(image, (cx, cy - 6), (cx - 2, cy + 8), 140, 2)
    cv2.ellipse(image, (cx, cy + 20), (12, int(rng.integers(2, 7))), 0, 0, 180, 70, 2)
    noisy = cv2.GaussianBlur(image, (5, 5), 1.5) + rng.normal(0, 6, image.shape)
    return cv2.resize(noisy.clip(0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def faces_48() -> NDArray[np.uint8]:
    """(64, 48, 48) synthetic faces."""
    return np.stack([drawn_face(seed) for seed in range(64)])
