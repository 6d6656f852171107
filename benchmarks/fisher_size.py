"""Fisher vectors of FER2013 whole and on principal components: size of the model, and accuracy.

    mueca featurize --data fer2013 --backbone fisher    # first: the vectors, 2.4 GB of cache
    python benchmarks/fisher_size.py

SVMs are fitted on the 28,709 training faces. PublicTest chooses C, for the whole vectors and for each number
of components, and then the fewest components whose model takes 100 MB or less and is best. Both choices are
asked for PrivateTest once. The components are learned from the training faces; fewer are the first of more.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _fer import peak_gb, timed
from recording import recording
from sklearn.pipeline import Pipeline

from classifiers import Rows, head, save
from classifiers.projection import Projection
from classifiers.search import try_candidates
from pipelines import api

MOST_MB = 100


def size_mb(model: Any) -> float:
    """Return the size of a saved model, as ``mueca fit --out`` saves it."""
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder) / "head.skops")
        return (Path(folder) / "head.skops").stat().st_size / 1e6


def first(learned: Projection, components: int) -> Projection:
    """Return the first components of more."""
    fewer = Projection(components)
    fewer.__dict__.update(learned.__dict__ | {"n_components": components})
    fewer.components_ = np.ascontiguousarray(learned.components_[:components])
    return fewer


def tried(X: Any, y: Any, asked: Any, labels: Any, costs: list[float], memory: str) -> tuple[float, float]:
    """Return the best C of a grid by PublicTest, and its accuracy there."""
    found = try_candidates("svm", [{"C": c} for c in costs], X, y, asked, memory)
    right = [float((one.predicted == labels).mean()) for one in found]
    print("   " + ", ".join(f"C={c:g} {r:.4f}" for c, r in zip(costs, right, strict=True)), flush=True)
    return costs[int(np.argmax(right))], max(right)


def reduced_sets(found: Any, train: Any, most: int) -> tuple[Projection, Any]:
    """Return the components of the training vectors, and all vectors on them."""
    X = Rows(found.X)
    with timed() as took:
        learned = Projection(most).fit(X.take(train))
        reduced = learned.transform(X)
    print(f"{most} components learned and {len(X):,} vectors projected in {took['s']:.0f} s, "
          f"{learned.explained_variance_ratio_.sum():.1%} of the variance", flush=True)  # fmt: skip
    return learned, reduced


def on_components(
    sizes: list[int], costs: list[float], memory: str, faces: Any, learned: Projection, reduced: Any
) -> float:
    """Let PublicTest choose among models of 100 MB or less; return what PrivateTest says of the choice."""
    train, public, private = (faces.where(s) for s in ("train", "public", "private"))
    small: dict[int, tuple[float, float, Any]] = {}
    for k in sizes:
        V = np.ascontiguousarray(reduced[:, :k])
        print(f"{k} components, PublicTest:")
        cost, right = tried(V[train], faces.labels[train], V[public], faces.labels[public], costs, memory)
        with timed() as took:
            model = head("svm", C=cost).fit(V[train], faces.labels[train])
        size = size_mb(Pipeline([("pca", first(learned, k)), ("svm", model)]))
        print(f"   C={cost:g}: {size:.1f} MB, fitted in {took['s']:.0f} s", flush=True)
        if size <= MOST_MB:
            small[k] = right, cost, model
    chosen, (right, cost, model) = max(small.items(), key=lambda one: (one[1][0], -one[0]))
    got = float((model.predict(reduced[private][:, :chosen]) == faces.labels[private]).mean())
    print(f"chosen by PublicTest: {chosen} components, C={cost:g}, {right:.4f}; PrivateTest {got:.4f}",
          flush=True)  # fmt: skip
    return got


def on_whole(costs: list[float], memory: str, faces: Any, found: Any) -> float:
    """Let PublicTest choose C for the whole vectors; return what PrivateTest says of the choice.

    Both are asked in one pass, as a kernel of these vectors takes minutes; of PrivateTest only the answers of
    the chosen C are looked at.
    """
    train, public, private = (faces.where(s) for s in ("train", "public", "private"))
    X, y = np.asarray(found.X[train], np.float32), faces.labels[train]
    asked = np.asarray(found.X[np.concatenate([public, private])], np.float32)
    with timed() as took:
        answers = try_candidates("svm", [{"C": c} for c in costs], X, y, asked, memory)
    right = [float((one.predicted[: len(public)] == faces.labels[public]).mean()) for one in answers]
    print(f"whole vectors, {X.nbytes / 1e6:,.0f} MB to fit on, grid in {took['s']:.0f} s, PublicTest:")
    print("   " + ", ".join(f"C={c:g} {r:.4f}" for c, r in zip(costs, right, strict=True)), flush=True)
    best = int(np.argmax(right))
    got = float((answers[best].predicted[len(public) :] == faces.labels[private]).mean())
    print(f"chosen by PublicTest: C={costs[best]:g}, {right[best]:.4f}; PrivateTest {got:.4f}", flush=True)
    return got


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--components", default="256,384,512")
    parser.add_argument("--C", default="1,4")
    parser.add_argument("--memory", default="6GB")
    options = parser.parse_args()
    costs = [float(c) for c in options.C.split(",")]
    sizes = sorted({int(k) for k in options.components.split(",")})
    faces, found = api.featurize("fer2013", "fisher")
    print(f"{len(found.X):,} Fisher vectors of {found.X.shape[1]:,}")
    reduced = reduced_sets(found, faces.where("train"), sizes[-1])
    got = on_components(sizes, costs, options.memory, faces, *reduced)
    print(f"peak memory so far {peak_gb():.1f} GB")
    del reduced
    gc.collect()
    full = on_whole(costs, options.memory, faces, found)
    print(f"principal components lose {100 * (full - got):+.2f} points of PrivateTest; peak memory "
          f"{peak_gb():.1f} GB")  # fmt: skip


if __name__ == "__main__":
    with recording("fisher-size"):
        main()
