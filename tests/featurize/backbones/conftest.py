"""Networks small enough to build in a test, and their weight files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featurize import extractor
from featurize.backbones import weightfile

CLASSES = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]


#: Three samples.
SEEN = weightfile.TrainingProvenance.of([f"{i:064x}" for i in range(3)], ["a", "b", "c"])


def write_weights(path: Path, backbone: str = "ucm-a", seed: int = 0, **card: Any) -> dict[str, np.ndarray]:
    """Write seeded random weights as a trained network's file."""
    network = extractor(backbone, weights="random").network
    tensors = weightfile.random_tensors(network.build(7), seed)
    said = {"network": backbone, "version": network.version, "classes": CLASSES, "trained_on": "f" * 64}
    weightfile.save(path, tensors, said | card, SEEN)
    return tensors


@pytest.fixture
def ucm_a(tmp_path: Path) -> Path:
    """A weight file of ucm-a."""
    write_weights(tmp_path / "ucm-a.npz")
    return tmp_path / "ucm-a.npz"
