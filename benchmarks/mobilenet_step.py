"""Images a second in training MobileNet of VGGFace2: without batch normalisation, and with two kernels of it.

Run: python benchmarks/mobilenet_step.py [--size 128] [--batch 64] [--steps 6]
[--backends torch jax tensorflow]
Each backend of Keras that is installed has a process of its own, one after the other; all three variants are
timed in turn there. On another backend than PyTorch both kernels are Keras's own.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
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


def each(options):
    """Run every backend in a process of its own, which begins with nothing of another."""
    for backend in options.backends:
        if importlib.util.find_spec(backend) is None:
            print(f"backend {backend} is not installed")
            continue
        words = [f"--{name}={getattr(options, name)}" for name in ("size", "batch", "steps")]
        given = [sys.executable, __file__, "--alone", *words]
        print(subprocess.run(given, env=os.environ | {"KERAS_BACKEND": backend}, text=True, check=True,
                             stdout=subprocess.PIPE).stdout, end="", flush=True)  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--backends", nargs="+", default=["torch", "jax", "tensorflow"])
    parser.add_argument("--alone", action="store_true", help="one backend, the one that Keras takes")
    options = parser.parse_args()
    if options.alone:
        main(options.size, options.batch, options.steps)
    else:
        with recording("mobilenet-step"):
            each(options)
