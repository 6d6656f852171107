"""Images a second of training, in batches of 64: as Keras does it by default, and as mueca does.

Needs nothing but time: faces and labels are drawn. Run: python benchmarks/training.py [NETWORK ...]
"""

import statistics
import sys
import time

import numpy as np
from recording import recording

from featurize import extractor
from featurize.backbones import normalise
from featurize.backbones.frame import dtype_policy, keras
from featurize.backbones.network import Form
from pipelines.training.augment import SETS
from pipelines.training.batches import Epochs, TrainingSamples, prefetched
from pipelines.training.trainer import compiled

#: Every way is timed so many times, in turns, for so many steps: the machine's own speed wavers.
ROUNDS, STEPS = 3, 16
WAYS = {
    "keras f32": ("f32", "none", "keras"),
    "keras bf16": ("bf16", "none", "keras"),
    "mueca f32": ("f32", "none", "mueca"),
    "mueca bf16": ("bf16", "none", "mueca"),
    "mueca bf16, strong augmentation": ("bf16", "strong", "mueca"),
}


def built(name, precision, whose):
    """Return a compiled model: with Keras's normalisation and its choice of XLA, or with ours."""
    fused = normalise._fused
    if whose == "keras":
        normalise._fused = lambda: keras().layers.BatchNormalization
    try:
        with dtype_policy("mixed_bfloat16" if precision == "bf16" else "float32"):
            model = extractor(name, weights="random").network.build(7)
    finally:
        normalise._fused = fused
    how = "auto" if whose == "keras" else compiled()
    model.compile(keras().optimizers.Adam(), keras().losses.CategoricalCrossentropy(), jit_compile=how)
    return model


def batches(changes):
    """Return drawn faces with their changes, as a training sees them."""
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 256, (4096, 48, 48), dtype=np.uint8)
    targets = np.eye(7, dtype=np.float32)[rng.integers(0, 7, 4096)]
    pictures = TrainingSamples(samples, np.arange(4096), targets, Form(size=48))
    pictures.keep()
    return Epochs(pictures, 64, changes=SETS[changes])


def timed(model, epochs, number):
    given = prefetched(epochs.epoch(number), epochs.pictures)
    started = time.perf_counter()
    model.fit(given, steps_per_epoch=STEPS, verbose=0, shuffle=False)
    return STEPS * 64 / (time.perf_counter() - started)


def main():
    for name in sys.argv[1:] or ["ucm-f", "huamanga", "own-small"]:
        models = {way: (built(name, p, whose), batches(c)) for way, (p, c, whose) in WAYS.items()}
        rates = {way: [] for way in WAYS}
        for number in range(ROUNDS + 1):
            for way, (model, epochs) in models.items():
                rates[way].append(timed(model, epochs, number))
        found = {way: statistics.median(each[1:]) for way, each in rates.items()}
        for way, rate in found.items():
            print(f"{name:<10} {way:<33}{rate:>7.0f} images/s {rate / found['keras f32']:>6.2f}x")
        ours, fast, strong = list(found.values())[2:]
        print(f"{'':<10} bf16 against f32 {fast / ours:.2f}x (target 2.5x with AMX); "
              f"augmentation takes {1 - strong / fast:.0%} (target at most 20 %)")  # fmt: skip


if __name__ == "__main__":
    with recording("training"):
        main()
