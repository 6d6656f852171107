"""The other side of the parity test: the unmodified keras-vggface 0.6 on random weights.

Runs in an environment of its own, for keras-vggface cannot live beside Keras 3:

    uv venv .venv-parity && uv pip install -p .venv-parity --group parity
    .venv-parity/bin/python benchmarks/parity_reference.py OUT

It writes OUT/weights.h5, the form that is published, and OUT/vectors.npz with six pictures and their vectors.
Then `pytest tests/featurize/backbones/test_vggface2_parity.py` compares (it does the first step by itself
where .venv-parity is there, or MUECA_PARITY_PYTHON names the interpreter).
"""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np


def alias_old_keras() -> None:
    """Give keras-vggface the module names of Keras 2.1, from tf-keras; its own code stays as it is."""
    import tf_keras

    found: dict[str, Any] = {
        "keras": tf_keras,
        "keras.engine": types.ModuleType("keras.engine"),
        "keras.engine.topology": types.ModuleType("keras.engine.topology"),
        "keras.utils.data_utils": types.ModuleType("keras.utils.data_utils"),
        "keras.utils.layer_utils": types.ModuleType("keras.utils.layer_utils"),
    }
    for part in ("layers", "backend", "models", "utils"):
        found[f"keras.{part}"] = getattr(tf_keras, part)
    found["keras.engine.topology"].get_source_inputs = tf_keras.utils.get_source_inputs
    found["keras.utils.data_utils"].get_file = tf_keras.utils.get_file
    tf_keras.utils.layer_utils = found["keras.utils.layer_utils"]
    sys.modules.update(found)


def randomize(model: Any, rng: np.random.Generator) -> None:
    """Give every variable a value that matters: kernels of unit gain, no neutral normalisation."""
    for layer in model.layers:
        values = []
        for variable in layer.weights:
            shape = tuple(variable.shape)
            if len(shape) == 4:
                value = rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape)
            elif "gamma" in variable.name or "variance" in variable.name:
                value = rng.uniform(0.5, 1.5, shape)
            else:
                value = rng.normal(0, 0.1, shape)
            values.append(value.astype(np.float32))
        layer.set_weights(values)


def main(out: Path) -> None:
    """Write the weight file, the pictures and the vectors."""
    alias_old_keras()
    from keras_vggface.utils import preprocess_input
    from keras_vggface.vggface import VGGFace

    model = VGGFace(
        model="resnet50", include_top=False, weights=None, input_shape=(224, 224, 3), pooling="avg"
    )
    rng = np.random.default_rng(0)
    randomize(model, rng)
    coarse = rng.integers(0, 256, (6, 14, 14, 3)).repeat(16, axis=1).repeat(16, axis=2)
    pictures = (0.7 * coarse + 0.3 * rng.integers(0, 256, (6, 224, 224, 3))).astype(np.uint8)
    vectors = model.predict(preprocess_input(pictures.astype(np.float32), version=2), verbose=0)
    out.mkdir(parents=True, exist_ok=True)
    model.save_weights(str(out / "weights.h5"))
    np.savez(out / "vectors.npz", pictures=pictures, vectors=vectors, parameters=model.count_params())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
