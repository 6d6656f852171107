"""What bf16 costs in accuracy: vectors, heads and own softmax of networks in f32 and in bf16, same run.

Run: python benchmarks/precision.py [--n 6000] [--networks EXPRESSION ...] [--name NAME]
Needs fer2013 (mueca data add) and a processor that multiplies bf16. Heads are fitted on training faces and
compared on the test split, which chooses nothing here.
"""

import argparse

import numpy as np
from recording import recording

from classifiers import head
from featurize.registry import parse
from pipelines.datasets.registry import load

#: A head with its parameters; what is drawn (a forest's trees) is drawn five times, and the mean is taken.
HEADS = {
    "softmax": [{}],
    "svm": [{"C": 1.0}],
    "knn": [{"n_neighbors": 45}],
    "forest": [{"n_estimators": 300, "random_state": seed} for seed in range(5)],
}


def main(n, networks):
    faces = load("fer2013")
    rng = np.random.default_rng(0)
    train = np.sort(rng.permutation(np.flatnonzero(faces.split == "train"))[:n])
    test = np.flatnonzero(np.isin(faces.split, ("public", "private")))
    for name in networks:
        compared(name, faces, train, test)


def compared(name, faces, train, test):
    """Print what bf16 changes of a network's vectors, of heads on them, and of its own softmax."""
    both = np.concatenate([train, test])
    f32, bf16 = vectors(name, faces, both)
    cosines(name, f32, bf16)
    for kind, params in HEADS.items():
        a, b = (np.stack([right(kind, p, X, faces, train, test) for p in params]) for X in (f32, bf16))
        show(kind, a, b)
    if parse(name)[0].classes:
        show(
            "own softmax",
            *(s.argmax(1) == faces.labels[test] for s in vectors(name, faces, test, layer="scores")),
        )


def vectors(name, faces, rows, **given):
    """Return what a network gives for some faces in f32 and in bf16."""
    (network,) = parse(name)
    return [
        network.at(precision=p, **given).transform(faces.samples[int(i)] for i in rows)
        for p in ("f32", "bf16")
    ]


def show(kind, a, b):
    """Print how many faces are classified rightly in f32 and in bf16, each of shape ([repeats,] faces)."""
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    alone = [int((one & ~other).sum() / len(a)) for one, other in ((a, b), (b, a))]
    print(
        f"  {kind}: f32 {a.mean():.4f}, bf16 {b.mean():.4f}, {100 * (b.mean() - a.mean()):+.2f} points "
        f"(target: within 0.2); right in f32 alone {alone[0]} faces, in bf16 alone {alone[1]}",
        flush=True,
    )


def cosines(name, a, b):
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(1)[lengths > 0] / lengths[lengths > 0]
    print(f"{name}: {len(a)} vectors of {a.shape[1]}, {int((lengths == 0).sum())} of them zero; cosine of "
          f"bf16 to f32: least {cosine.min():.5f}, 1st percentile {np.percentile(cosine, 1):.5f}, median "
          f"{np.median(cosine):.5f}", flush=True)  # fmt: skip


def right(kind, params, X, faces, train, test):
    """Say of each test face whether a head fitted on the training vectors knows it."""
    model = head(kind, **params).fit(X[: len(train)], faces.labels[train])
    return model.predict(X[len(train) :]) == faces.labels[test]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=6000)
    parser.add_argument("--networks", nargs="+", default=["ucm-f"])
    parser.add_argument(
        "--name", help="what the result is called; of ucm-f it is precision, of others to be given"
    )
    options = parser.parse_args()
    name = options.name or "precision"
    with recording(name if options.n == 6000 else f"{name}-{options.n}"):
        main(options.n, options.networks)
