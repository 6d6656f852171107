"""Networks on this processor: faces a second by engine and precision, and of training.

Needs nothing but time: weights are random, faces are drawn. Run: python benchmarks/networks.py [NETWORK ...]
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from recording import recording

from featurize import extractor
from featurize.backbones.frame import dtype_policy, keras
from featurize.backbones.network import Form
from pipelines.training.augment import SETS
from pipelines.training.feed import Epochs, Pictures

#: Faces a second asked for on two cores with AMX.
TARGETS = {"vggface2": 180, "ucm-f": 8000}
SECONDS = 6


def rate(network, pixels):
    """Return faces a second, the network warm; None after `SECONDS` if not one batch was done."""
    network(pixels)
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        network(pixels)
        done += len(pixels)
    return done / (time.perf_counter() - started)


def inference(name):
    """Print one line for each engine and precision, and the milliseconds of one face."""
    rng = np.random.default_rng(0)
    n = 32 if name == "vggface2" else 512
    reference = None
    for engine in ("keras", "openvino"):
        for precision in ("f32", "bf16"):
            one = extractor(name, weights="random", engine=engine, precision=precision)
            pixels = rng.integers(0, 256, (n, *one.network.shape), dtype=np.uint8)
            found = rate(one._transform, pixels)
            single = 1000 / rate(one._transform, pixels[:1])
            reference = reference or found
            print(f"{name:<10}{engine:<10}{precision:<6}{found:>10.1f}{found / reference:>8.1f}x"
                  f"{single:>10.2f}{TARGETS.get(name, ''):>10}", flush=True)  # fmt: skip


def training(precision, changes):
    """Return the images a second of training ucm-f in batches of 64."""
    network = extractor("ucm-f", weights="random").network
    with dtype_policy("mixed_bfloat16" if precision == "bf16" else "float32"):
        model = network.build(7)
    model.compile(keras().optimizers.Adam(), keras().losses.SquaredHinge())
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 256, (4096, 48, 48), dtype=np.uint8)
    targets = 2 * np.eye(7, dtype=np.float32)[rng.integers(0, 7, 4096)] - 1
    pictures = Pictures(samples, np.arange(4096), targets, Form(size=48))
    pictures.keep()
    epochs = Epochs(pictures, 64, changes=SETS[changes])
    model.fit(epochs.epoch(0), steps_per_epoch=4, verbose=0)
    started = time.perf_counter()
    model.fit(epochs.epoch(1), steps_per_epoch=40, verbose=0)
    return 40 * 64 / (time.perf_counter() - started)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUECA_CACHE"] = str(Path(folder))
        print(f"{'network':<10}{'engine':<10}{'':<6}{'faces/s':>10}{'':>9}{'ms one':>10}{'target':>10}")
        for name in sys.argv[1:] or ["ucm-f", "huamanga", "vggface2"]:
            inference(name)
        plain = training("f32", "none")
        print(f"training ucm-f, f32: {plain:.0f} images/s")
        bf16 = training("bf16", "none")
        print(f"training ucm-f, bf16: {bf16:.0f} images/s, {bf16 / plain:.2f}x (target 2.5x with AMX)")
        strong = training("bf16", "strong")
        slower = 1 - strong / bf16
        print(f"ucm-f, bf16, strong augmentation: {strong:.0f} images/s, {slower:.0%} slower (target 20 %)")


if __name__ == "__main__":
    with recording("networks"):
        main()
