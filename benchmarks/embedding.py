"""Seconds to embed a set of faces with each extractor over two cores, from pictures in memory.

Run as ``python -m benchmarks.embedding FACES.npy [EXPRESSION ...]``, FACES.npy holding (n, h, w) uint8
pictures (``mueca data add fer2013`` keeps such a file). Starting the worker processes counts.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from featurize import Extractor, parse

JOBS = 2
BATCH = 512
#: Seconds allowed for all 35,887 faces of FER2013.
TARGETS = {"hog": 15.0, "lbp": 15.0, "landmarks": 120.0}
DEFAULT = ("pixels", "hog", "hog(cell=4)", "lbp", "landmarks", "dlib-face")


def embed(extractor: Extractor, faces: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    start = time.perf_counter()
    backend = "threading" if extractor.parallel == "threads" else "loky"
    batches = (faces[i : i + BATCH] for i in range(0, len(faces), BATCH))
    parts = Parallel(n_jobs=JOBS, backend=backend)(delayed(extractor.transform)(b) for b in batches)
    return np.concatenate(parts), time.perf_counter() - start


def main() -> None:
    faces = np.load(sys.argv[1], mmap_mode="r", allow_pickle=False)
    print(f"{len(faces)} faces, {JOBS} cores")
    print(f"{'extractor':<16}{'dim':>6}{'seconds':>9}{'faces/s':>9}{'target s':>10}{'fallbacks':>11}")
    for text in sys.argv[2:] or DEFAULT:
        (extractor,) = parse(text)
        X, seconds = embed(extractor, faces)
        target = f"{TARGETS[extractor.name]:.0f}" if extractor.name in TARGETS else "-"
        row = (
            f"{X.shape[1]:>6}{seconds:>9.1f}{len(X) / seconds:>9.0f}{target:>10}{extractor.fallbacks(X):>11}"
        )
        print(f"{text:<16}{row}", flush=True)


if __name__ == "__main__":
    main()
