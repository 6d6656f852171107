"""Images a second in training MobileNet of VGGFace2: without batch normalisation, and with two kernels of it.

Run: KERAS_BACKEND=torch python benchmarks/mobilenet_step.py [--size 128] [--batch 64] [--steps 6]
All three are timed in one run, in turn. On another backend than PyTorch both kernels are Keras's own.
"""

import argparse
import time
from unittest import mock

import numpy as np
from recording import recording

from featurize.backbones import mobilenet_vggface2 as mobilenet
from featurize.backbones.frame import dtype_policy, keras

NORMS = {
    "none": lambda name, momentum: keras().layers.Identity(),
    "keras": lambda name, momentum: keras().layers.BatchNormalization(momentum=momentum, name=name),
    "batch_norm": mobilenet.batch_norm,
}


def stepper(norm, size):
    """Return a compiled network that takes a step on a batch."""
    with mock.patch.object(mobilenet, "batch_norm", norm), dtype_policy("mixed_bfloat16"):
        model = mobilenet.build(size, False, 7)
    model.compile(keras().optimizers.Adam(1e-4), "categorical_crossentropy")
    return model.train_on_batch


def main(size, batch, steps):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (batch, size, size, 1)).astype(np.float32)
    y = np.eye(7, dtype=np.float32)[rng.integers(0, 7, batch)]
    models = {name: stepper(norm, size) for name, norm in NORMS.items()}
    seconds = {name: [] for name in models}
    for turn in range(steps + 1):
        for name, step in models.items():
            started = time.perf_counter()
            step(x, y)
            if turn:  # the first compiles
                seconds[name].append(time.perf_counter() - started)
    print(
        f"backend {keras().backend.backend()}, bf16, {size} px, batches of {batch}, median of {steps} steps"
    )
    for name, took in seconds.items():
        print(f"{name:<11} {batch / np.median(took):6.0f} images/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    with recording("mobilenet-step"):
        main(options.size, options.batch, options.steps)
