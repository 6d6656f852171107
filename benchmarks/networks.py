"""Networks on this processor: faces a second by engine and precision, and the share of its arithmetic in use.

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
from pipelines.diagnostics.profile import profile

#: Faces a second asked for on two cores with AMX.
TARGETS = {"vggface2": 180, "ucm-f": 8000}
SECONDS = 6
#: Side of the matrices whose product says how many operations a second the processor has to give.
SIDE = 2048


def peak(precision):
    """Return the operations a second of a product of two matrices.

    A measure of what the processor has to give: convolutions that stay in its caches may do a tenth more.
    """
    import openvino as ov
    from openvino import opset13 as op

    given = op.parameter((SIDE, SIDE), np.float32)
    weights = op.constant(np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32))
    hints = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    made = ov.compile_model(ov.Model([op.matmul(given, weights, False, False)], [given]), "CPU", hints)
    block = np.ones((SIDE, SIDE), np.float32)
    return 2 * SIDE**2 * rate(made, block)


def rate(network, pixels):
    """Return faces a second, the network warm; None after `SECONDS` if not one batch was done."""
    network(pixels)
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        network(pixels)
        done += len(pixels)
    return done / (time.perf_counter() - started)


def inference(name, peaks):
    """Print one line for each engine and precision, and the milliseconds of one face."""
    rng = np.random.default_rng(0)
    n = 32 if name == "vggface2" else 512
    reference = None
    (cost,) = profile([name], timed=False)
    for engine in ("keras", "openvino"):
        for precision in ("f32", "bf16"):
            one = extractor(name, weights="random", engine=engine, precision=precision)
            pixels = rng.integers(0, 256, (n, *one.sized.shape), dtype=np.uint8)
            found = rate(one._transform, pixels)
            single = 1000 / rate(one._transform, pixels[:1])
            reference = reference or found
            print(f"{name:<10}{engine:<10}{precision:<6}{found:>10.1f}{found / reference:>8.1f}x"
                  f"{single:>10.2f}{TARGETS.get(name, ''):>10}"
                  f"{found * cost.flops / peaks[precision]:>9.0%}", flush=True)  # fmt: skip
    if name in TARGETS:
        wanted = TARGETS[name] * cost.flops
        print(f"{'':<10}{TARGETS[name]:,} faces a second are {wanted / 1e9:,.0f} GFLOP/s, "
              f"{wanted / peaks['bf16']:.1f} times what this processor has in bf16")  # fmt: skip


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUECA_CACHE"] = str(Path(folder))
        peaks = {precision: peak(precision) for precision in ("f32", "bf16")}
        for precision, found in peaks.items():
            print(f"a product of two {SIDE}x{SIDE} matrices, {precision}: {found / 1e9:,.0f} GFLOP/s")
        print(f"{'network':<10}{'engine':<10}{'':<6}{'faces/s':>10}{'':>9}{'ms one':>10}{'target':>10}"
              f"{'of peak':>9}")  # fmt: skip
        for name in sys.argv[1:] or ["ucm-f", "huamanga", "vggface2"]:
            inference(name, peaks)


if __name__ == "__main__":
    with recording("networks"):
        main()
