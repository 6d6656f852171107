"""What float16 storage costs in accuracy, and spares on disk: the same vectors from both caches, in one run.

    python benchmarks/storage.py --n 6000

Needs fer2013 (mueca data add). Heads are fitted on training faces and compared on the 7,178 test faces, which
choose nothing here.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from recording import recording

from classifiers import head
from featurize.store import Store
from pipelines import api

EXTRACTORS = ("hog", "vggface2-mobilenet(size=112)")
HEADS = {"svm": {"C": 10.0}, "softmax": {"C": 0.1}, "linear-svm": {"C": 0.01}, "knn": {"n_neighbors": 30}}


def compared(expression: str, faces, train, test) -> None:
    """Print an extractor's bytes in both forms, and what each head gets of each."""
    with tempfile.TemporaryDirectory() as folder:
        stores = [Store(Path(folder) / s, storage=s) for s in ("float32", "float16")]
        both = [api.featurize(faces, expression, store=store)[1].X for store in stores]
        sizes = " and ".join(f"{X.nbytes / 1e6:.0f} MB" for X in both)
        whole, half = (np.asarray(X, np.float32) for X in both)
    lengths = np.linalg.norm(whole, axis=1) * np.linalg.norm(half, axis=1)
    cosine = (whole * half).sum(axis=1)[lengths > 0] / lengths[lengths > 0]
    print(f"{expression}: {len(whole):,} vectors of {whole.shape[1]:,}, {sizes}")
    print(f"  least cosine of float16 to float32 {cosine.min():.7f}")
    for name, params in HEADS.items():
        right = [
            head(name, **params).fit(X[train], faces.labels[train]).predict(X[test]) == faces.labels[test]
            for X in (whole, half)
        ]
        a, b = (float(r.mean()) for r in right)
        alone = [int((r & ~other).sum()) for r, other in (right, right[::-1])]
        print(
            f"  {name:11} float32 {a:.4f}, float16 {b:.4f}, {100 * (b - a):+.2f} points; "
            f"right in float32 alone {alone[0]} faces, in float16 alone {alone[1]}",
            flush=True,
        )


def main(n: int) -> None:
    faces = api.load_dataset("fer2013")
    train = np.sort(np.random.default_rng(0).permutation(faces.where("train"))[:n])
    test = np.flatnonzero(np.isin(faces.split, ("public", "private")))
    print(f"fitted on {len(train):,} training faces, asked {len(test):,} test faces")
    for expression in EXTRACTORS:
        compared(expression, faces, train, test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=6000)
    options = parser.parse_args()
    with recording("storage"):
        main(options.n)
