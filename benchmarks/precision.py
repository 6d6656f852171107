"""What bf16 costs in accuracy: vectors and heads of network F in f32 and in bf16, same run.

Run: python benchmarks/precision.py [--n 6000]
Needs fer2013 (mueca data add) and a processor that multiplies bf16. Heads are fitted on training faces and
compared on the test split, which chooses nothing here.
"""

import argparse

import numpy as np
from recording import recording

from classifiers import head
from featurize import extractor
from pipelines.datasets.registry import load

#: A head with its parameters; what is drawn (a forest's trees) is drawn five times, and the mean is taken.
HEADS = {
    "softmax": [{}],
    "svm": [{"C": 1.0}],
    "knn": [{"n_neighbors": 45}],
    "forest": [{"n_estimators": 300, "random_state": seed} for seed in range(5)],
}


def main(n):
    faces = load("fer2013")
    rng = np.random.default_rng(0)
    train = np.sort(rng.permutation(np.flatnonzero(faces.split == "train"))[:n])
    test = np.flatnonzero(np.isin(faces.split, ("public", "private")))
    both = np.concatenate([train, test])
    f32, bf16 = (
        extractor("ucm-f", precision=p).transform(faces.samples[int(i)] for i in both)
        for p in ("f32", "bf16")
    )
    cosines(f32, bf16)
    for kind, params in HEADS.items():
        a, b = (np.stack([right(kind, p, X, faces, train, test) for p in params]) for X in (f32, bf16))
        alone = [int((one & ~other).sum() / len(params)) for one, other in ((a, b), (b, a))]
        print(
            f"  {kind}: f32 {a.mean():.4f}, bf16 {b.mean():.4f}, {100 * (b.mean() - a.mean()):+.2f} points "
            f"(target: within 0.2); right in f32 alone {alone[0]} faces, in bf16 alone {alone[1]}",
            flush=True,
        )


def cosines(a, b):
    cosine = (a * b).sum(1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)
    print(f"ucm-f: {len(a)} vectors of {a.shape[1]}; cosine of bf16 to f32: least {cosine.min():.5f}, "
          f"median {np.median(cosine):.5f} (target: at least .999)", flush=True)  # fmt: skip


def right(kind, params, X, faces, train, test):
    """Say of each test face whether a head fitted on the training vectors knows it."""
    model = head(kind, **params).fit(X[: len(train)], faces.labels[train])
    return model.predict(X[len(train) :]) == faces.labels[test]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=6000)
    options = parser.parse_args()
    with recording("precision" if options.n == 6000 else f"precision-{options.n}"):
        main(options.n)
