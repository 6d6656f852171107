"""Networks on this processor: faces a second by engine and precision.

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


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUECA_CACHE"] = str(Path(folder))
        print(f"{'network':<10}{'engine':<10}{'':<6}{'faces/s':>10}{'':>9}{'ms one':>10}{'target':>10}")
        for name in sys.argv[1:] or ["ucm-f", "huamanga", "vggface2"]:
            inference(name)


if __name__ == "__main__":
    with recording("networks"):
        main()
