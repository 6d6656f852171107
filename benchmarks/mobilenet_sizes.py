"""What the side of the input costs and brings for MobileNet of VGGFace2, and bf16 against f32.

Run: python benchmarks/mobilenet_sizes.py [--n 3000] [--sizes 128 224] [--name mobilenet-sizes-amx]
Needs fer2013 (mueca data add). An SVM (C = 3) is fitted on so many training faces and asked about PublicTest,
which is what choices are made on here: these figures choose, and are no result. Faces a second are those of
the whole extractor, from 48 px faces in memory, compiling left out.
"""

import argparse
import time

import numpy as np
from recording import recording

from classifiers import head
from featurize import extractor
from pipelines.datasets.registry import load

NAME, SIZES = "vggface2-mobilenet", (96, 112, 128, 160, 192, 224)


def main(n, sizes):
    faces = load("fer2013")
    rng = np.random.default_rng(0)
    train = np.sort(rng.permutation(np.flatnonzero(faces.split == "train"))[:n])
    public = np.flatnonzero(faces.split == "public")
    given = [faces.samples[int(i)] for i in np.concatenate([train, public])]
    y = faces.labels[train], faces.labels[public]
    print(f"{len(train):,} training faces, {len(public):,} of PublicTest; SVM with C = 3")
    print("side  precision  accuracy %  faces/s  cosine to f32: mean, 1st percentile")
    for size in sizes:
        exact = None
        for precision in ("f32", "bf16"):
            X, speed = embedded(given, size, precision)
            exact = X if exact is None else exact
            right = head("svm", C=3.0).fit(X[:n], y[0]).predict(X[n:]) == y[1]
            near = (X * exact).sum(1)[exact.any(1)]
            print(f"{size:4}  {precision:<9}  {100 * right.mean():10.2f}  {speed:7.0f}  "
                  f"{near.mean():19.4f}, {np.quantile(near, 0.01):.4f}", flush=True)  # fmt: skip


def embedded(given, size, precision):
    one = extractor(NAME, size=size, precision=precision)
    one.transform(given[:32])
    start = time.perf_counter()
    X = np.concatenate([one.transform(given[a : a + 512]) for a in range(0, len(given), 512)])
    return X, len(given) / (time.perf_counter() - start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--name", default="mobilenet-sizes", help="of the file with the results")
    options = parser.parse_args()
    with recording(options.name):
        main(options.n, options.sizes)
