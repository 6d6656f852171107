"""Networks in int8 against bf16 and f32 in one run: images a second, and what the vectors lose.

    python benchmarks/int8.py --backbone vggface2 --weights random     # ResNet50's size
    python benchmarks/int8.py --backbone vggface2-mobilenet --faces 128

Needs the extra int8. The accuracy that is lost is measured by ``mueca quantize`` on a real set; here the
cosine between vectors is shown. A processor with AMX has a record of its own, docs/results/int8-amx.txt.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from recording import recording

from featurize import extractor, quantized
from featurize.engine import OpenVinoRunner, cpu_capabilities, exported_path
from pipelines import api


def rates(forms, images, rounds=6, seconds=2.0):
    """Return images a second of each form, the best call of rounds in turn."""
    best = dict.fromkeys(forms, 0.0)
    for _ in range(rounds):
        for name, run in forms.items():
            run(images)
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                started = time.perf_counter()
                run(images)
                best[name] = max(best[name], len(images) / (time.perf_counter() - started))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backbone", default="vggface2")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--faces", type=int, default=64)
    parser.add_argument("--calibrate", type=int, default=100)
    options = parser.parse_args()
    with recording("int8-amx" if has_amx() else "int8"):
        measure(options)


def has_amx() -> bool:
    """Say whether this processor multiplies tiles of int8."""
    info = Path("/proc/cpuinfo")
    return info.exists() and "amx_int8" in info.read_text("utf-8")


def measure(options: argparse.Namespace) -> None:
    print(f"the processor computes in: {', '.join(sorted(cpu_capabilities()))}")
    print(f"AMX for int8: {'yes' if has_amx() else 'no'}")
    one = extractor(options.backbone, weights=options.weights, engine="openvino", precision="f32")
    dataset = api.load_dataset(options.data)
    n = min(len(dataset), max(options.faces, options.calibrate))
    images = one.sized.form.arranged(np.stack([one._prepared(dataset.samples[i]) for i in range(n)]))
    with tempfile.TemporaryDirectory() as folder:
        import os

        os.environ["MUECA_CACHE"] = folder
        source, shape = exported_path(one.model, one._identity()), one.sized.shape
        quantized.quantize(source, one._identity(), shape, images[: options.calibrate], {})
        forms = {p: OpenVinoRunner(source, shape, p) for p in ("f32", "bf16")}
        rest = "bf16" if "BF16" in cpu_capabilities() else "f32"
        forms["int8"] = OpenVinoRunner(Path(quantized.model_path(one._identity(), one.name)), shape, rest)
        asked = images[: options.faces]
        exact = forms["f32"](asked).reshape(len(asked), -1)
        rate = rates(forms, asked)
        for name, run in forms.items():
            found = run(asked).reshape(len(asked), -1)
            lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(exact, axis=1)
            cosine = (found * exact).sum(axis=1) / np.maximum(lengths, 1e-12)
            print(
                f"{name:5}{rate[name]:10.1f} images a second, cosine {cosine.mean():.4f} to f32",
                flush=True,
            )
        times = [rate["int8"] / rate[name] for name in ("bf16", "f32")]
        print(f"int8 is {times[0]:.1f} times as fast as bf16, {times[1]:.1f} times as fast as f32")


if __name__ == "__main__":
    main()
