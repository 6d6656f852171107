"""Which layers of MobileNet of VGGFace2 tell expressions best: its pooled layer, earlier ones, and both.

Run: python benchmarks/mobilenet_layers.py [--n 3000] [--size 160]
Needs fer2013 (mueca data add). An SVM is fitted on so many training faces and asked about PublicTest, which
is what choices are made on here: these figures choose, and are no result. Each layer is averaged over a grid
of 1, 4 or 9 parts of the face; "root" takes square roots first; every part of a joined vector has length one
times its weight.
"""

import argparse

import numpy as np
import openvino
from recording import recording

from classifiers import head
from featurize import extractor
from featurize.backbones.frame import keras
from pipelines.datasets.registry import load

BATCH = 64
POOLED = [(7, 2), (9, 2), (11, 1), (11, 2), (11, 4), (12, 2), (12, 3), (13, 1), (13, 2)]
JOINED = [
    {(13, 1): 1.0, (11, 1): 1.0}, {(13, 1): 1.0, (11, 2): 0.7}, {(13, 1): 1.0, (11, 2): 1.0},
    {(13, 1): 1.0, (11, 2): 1.4}, {(13, 1): 1.0, (12, 3): 1.0}, {(13, 1): 1.0, (12, 3): 1.0, (11, 2): 1.0},
]  # fmt: skip


def main(n, size):
    faces = load("fer2013")
    rng = np.random.default_rng(0)
    train = np.sort(rng.permutation(np.flatnonzero(faces.split == "train"))[:n])
    public = np.flatnonzero(faces.split == "public")
    y = faces.labels[train], faces.labels[public]
    found = pooled([faces.samples[int(i)] for i in np.concatenate([train, public])], size)
    print(f"{n:,} training faces, {len(public):,} of PublicTest, side {size}; accuracy % of an SVM")
    print("block x parts, weight                     numbers  C = 3   C = 10")
    for part in POOLED:
        report(f"{named(part)}", unit(found[part]), y)
        report(f"{named(part)} root", unit(np.sqrt(found[part])), y)
    for parts in JOINED:
        X = np.hstack([weight * unit(np.sqrt(found[part])) for part, weight in parts.items()])
        report(" + ".join(f"{named(part)} root * {w}" for part, w in parts.items()), X, y)


def named(part):
    return f"pointwise_{part[0]}, {part[1]} x {part[1]}"


def report(name, X, y):
    n = len(y[0])
    right = [100 * (head("svm", C=c).fit(X[:n], y[0]).predict(X[n:]) == y[1]).mean() for c in (3.0, 10.0)]
    print(f"{name}\n{X.shape[1]:49}  {right[0]:5.2f}    {right[1]:5.2f}", flush=True)


def unit(X):
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9)


def pooled(given, size):
    """Return the averages of blocks over parts of the image, by (block, parts a side)."""
    one = extractor("vggface2-mobilenet", size=size, precision="f32")
    run = compiled(one.model(), sorted({block for block, _ in POOLED}))
    vectors = {part: [] for part in POOLED}
    for at in range(0, len(given), BATCH):
        batch = np.stack([one.sized.form.prepared(face) for face in given[at : at + BATCH]])
        blocks = run(one.sized.form.arranged(batch).astype(np.float32))
        for block, parts in POOLED:
            vectors[block, parts].append(averages(blocks[block], parts))
    return {part: np.concatenate(found) for part, found in vectors.items()}


def compiled(model, blocks):
    k = keras()
    outputs = [model.get_layer(f"pointwise_{b}_relu").output for b in blocks]
    network = openvino.convert_model(k.Model(model.input, outputs))
    ready = openvino.Core().compile_model(network, "CPU")
    return lambda pixels: dict(zip(blocks, ready(pixels).to_tuple(), strict=True))


def averages(block, parts):
    edges = np.linspace(0, block.shape[1], parts + 1).round().astype(int)
    cut = [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]
    return np.stack([block[:, i, j].mean((1, 2)) for i in cut for j in cut], 1).reshape(len(block), -1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--size", type=int, default=160)
    options = parser.parse_args()
    with recording("mobilenet-layers"):
        main(options.n, options.size)
