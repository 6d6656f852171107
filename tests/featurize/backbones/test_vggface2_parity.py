"""Our VGGFace2-ResNet50 against the unmodified keras-vggface 0.6, on the same random weights."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from featurize import extractor

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    """Weight file, images and vectors, made in the other environment."""
    python = Path(os.environ.get("MUECA_PARITY_PYTHON", _ROOT / ".venv-parity" / "bin" / "python"))
    if not python.is_file():
        pytest.skip(f"no keras-vggface environment at {python}; see benchmarks/parity_reference.py")
    out = tmp_path_factory.mktemp("parity")
    script = _ROOT / "benchmarks" / "parity_reference.py"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KERAS", "PYTHON"))}
    done = subprocess.run([python, script, out], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


@pytest.mark.parametrize("engine", ["keras", "openvino"])
def test_parity(reference, engine):
    theirs = np.load(reference / "vectors.npz")
    assert int(theirs["parameters"]) == 23_561_152
    settings = {"weights": str(reference / "weights.h5"), "norm": "none", "engine": engine}
    ours = extractor("vggface2", precision="f32", **settings).transform(theirs["pictures"])
    assert np.abs(ours - theirs["vectors"]).max() < 1e-4 * np.abs(theirs["vectors"]).max()
    bf16 = extractor("vggface2", precision="bf16", **settings).transform(theirs["pictures"])
    lengths = np.linalg.norm(bf16, axis=1) * np.linalg.norm(theirs["vectors"], axis=1)
    assert ((bf16 * theirs["vectors"]).sum(1) / lengths).min() >= 0.999
