"""Grid searches that share their work, against GridSearchCV: same vectors, same folds, same run.

    python benchmarks/grid_search.py svm FER2013_FOLDER     12 cells x 3 folds on 28,709 x 900 (--n: fewer)
    python benchmarks/grid_search.py knn FER2013_FOLDER     42 cells against one search for each metric
    python benchmarks/grid_search.py forest FER2013_FOLDER  100 to 1000 trees against 1000
    python benchmarks/grid_search.py r1 FER2013_FOLDER      every head grid of R1, 25,838 x 2048

FER2013_FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg. --cells N measures N cells of the slow way
and says what the others would take; without it all are run. r1 --part "1 svm" runs the grids whose title
holds that; each grid is printed as it ends, and on the error stream, every half minute, how far it is.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _fer import hog, peak_gb, timed, warm_up
from recording import recording

SVM = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": ["scale", 1.0, 0.1]}
KNN = {
    "n_neighbors": [1, 5, 10, 30, 50, 70, 100],
    "weights": ["uniform", "distance"],
    "metric": ["minkowski", "euclidean", "manhattan"],
}
FOREST = {"n_estimators": [100, 250, 500, 750, 1000]}
#: R1's grids as published: first itinerary (the CNN's embeddings), then the second (VGGFace2's).
R1: list[tuple[str, str, dict[str, list[Any]]]] = [
    ("1 svm", "svm", {"C": [0.1, 1.0, 10.0, 100.0, 1000.0], "gamma": [0.001, 0.01, 0.1]}),
    ("1 knn", "knn", KNN),
    ("1 knn, second look", "knn", {**KNN, "n_neighbors": list(range(20, 46))}),
    (
        "1 forest",
        "forest",
        {
            "max_depth": [20, None],
            "bootstrap": [True, False],
            "min_samples_split": [3, 5],
            "min_samples_leaf": [3, 5],
            "criterion": ["gini", "entropy"],
            "n_estimators": [1000, 1250],
        },
    ),
    ("2 svm", "svm", {"C": [1.0, 10.0, 100.0], "gamma": ["scale"]}),
    (
        "2 forest",
        "forest",
        {
            "max_depth": [25],
            "bootstrap": [False],
            "min_samples_split": [5],
            "min_samples_leaf": [3],
            "n_estimators": [2000],
        },
    ),
    ("2 bagged-svm 100 x 0.1", "bagged-svm", {"n_estimators": [100], "max_samples": [0.1], "C": [1.0]}),
    ("2 bagged-svm 10 x 0.2", "bagged-svm", {"n_estimators": [10], "max_samples": [0.2], "C": [1.0, 10.0]}),
    (
        "2 bagged-svm 5 x 0.5",
        "bagged-svm",
        {"n_estimators": [5], "max_samples": [0.5], "C": [1.0, 10.0, 100.0]},
    ),
]


def svm(X: Any, y: Any, cells: int | None) -> None:
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import SVC

    from classifiers import head
    from classifiers._kernels import Work
    from classifiers.search import GridSearchCV

    folds = list(StratifiedKFold(3).split(X, y))
    Work.multiply_adds = 0
    with timed() as took:
        search = GridSearchCV(head("svm"), SVM, cv=folds, refit=False).fit(X, y)
    print(f"shared search, 12 cells x 3 folds: {_seconds(took)}, peak memory {peak_gb():.1f} GB")
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        print(f"  {params}: {score:.4f}")
    naive = sum((a.size + b.size) * a.size * X.shape[1] * 12 for a, b in folds)
    print(
        f"multiply-adds for kernels: {Work.multiply_adds:.3g}, one fit a cell {naive:.3g}: "
        f"1/{naive / Work.multiply_adds:.1f}"
    )
    if cells == 0:
        return
    from sklearnex import svm as intel

    slow_way("scikit-learn-intelex", intel.SVC, SVM, folds, X, y, took, cells, search)
    slow_way("scikit-learn", SVC, SVM, folds, X, y, took, None if cells is None else 1, search)


def slow_way(
    name: str,
    make: Callable[..., Any],
    grid: dict[str, list[Any]],
    folds: Any,
    X: Any,
    y: Any,
    ours: dict[str, float],
    cells: int | None,
    search: Any,
) -> None:
    """Fit and score cells of the first fold (all cells if `cells` is None); say what the grid takes."""
    from sklearn.model_selection import ParameterGrid

    points = list(ParameterGrid(grid))
    chosen = (
        range(len(points))
        if cells is None
        else np.argsort([p["gamma"] != "scale" for p in points], kind="stable")
    )
    chosen = list(chosen)[: len(points) if cells is None else cells] if cells != 1 else [_middle(points)]
    used = folds if cells is None else folds[:1]
    total, busy, apart = 0.0, 0.0, []
    for c in chosen:
        for s, (train, test) in enumerate(used):
            with timed() as took:
                right = float((make(**points[c]).fit(X[train], y[train]).predict(X[test]) == y[test]).mean())
            total += took["s"]
            busy += took["cpu"]
            apart.append(right - search.cv_results_[f"split{s}_test_score"][c])
            print(
                f"  {name} {points[c]} fold {s}: {_seconds(took)}, {right:.4f} ({apart[-1]:+.4f})", flush=True
            )
    n = len(points) * len(folds)
    measured = len(chosen) * len(used)
    whole, cpu = total / measured * n, busy / measured * n
    how = "measured" if measured == n else f"from {measured} of {n} cells of the same size"
    print(
        f"{name}: {whole:.0f} s for {n} cells ({how}); shared is {whole / ours['s']:.1f} times faster "
        f"({cpu / ours['cpu']:.1f} by processor seconds)"
    )
    print(f"  largest difference of a cell's accuracy: {np.abs(apart).max():.4f}")


def _middle(points: list[dict[str, Any]]) -> int:
    return points.index({"C": 10.0, "gamma": "scale"})


def knn(X: Any, y: Any, cells: int | None) -> None:
    from sklearn.model_selection import StratifiedKFold

    from classifiers import head
    from classifiers._neighbours import neighbours
    from classifiers.search import GridSearchCV

    folds = list(StratifiedKFold(3).split(X, y))
    # minkowski is with p = 2, and so euclidean: there are two searches to make, not three.
    each = {}
    for metric in ("euclidean", "manhattan"):
        with timed() as took:
            for train, test in folds:
                neighbours(X[train], X[test], 100, metric)
        each[metric] = took
        print(f"one search for k=100 in 3 folds, {metric}: {_seconds(took)}", flush=True)
    with timed() as took:
        search = GridSearchCV(head("knn"), KNN, cv=folds, refit=False).fit(X, y)
    print(f"shared search, 42 cells x 3 folds: {_seconds(took)}, best {_best(search)}")
    wall, cpu = (took[of] / sum(t[of] for t in each.values()) for of in ("s", "cpu"))
    print(
        f"that is {wall:.2f} times the euclidean and the manhattan search ({cpu:.2f} by processor seconds); "
        "minkowski (p = 2) is euclidean, and no third search is counted for it"
    )


def forest(X: Any, y: Any, cells: int | None) -> None:
    from classifiers import head
    from classifiers.search import GridSearchCV, holdout

    mask = np.arange(len(y)) % 10 == 0
    for fixed in ({"bootstrap": False, "min_samples_leaf": 3, "min_samples_split": 5}, {"bootstrap": True}):
        with timed() as one:
            largest = head("forest", n_estimators=1000, **fixed).fit(X[~mask], y[~mask])
            right = float((largest.predict(X[mask]) == y[mask]).mean())
        del largest
        print(f"1000 trees {fixed}: fitted and scored in {_seconds(one)}, {right:.4f}", flush=True)
        with timed() as took:
            search = GridSearchCV(head("forest", **fixed), FOREST, cv=holdout(mask), refit=False).fit(X, y)
        means = [f"{p['n_estimators']}: {m:.4f}" for p, m in _pairs(search)]
        wall, cpu = took["s"] / one["s"], took["cpu"] / one["cpu"]
        print(f"grid 100 to 1000: {_seconds(took)} ({', '.join(means)})")
        print(f"that is {wall:.2f} times the largest forest ({cpu:.2f} by processor seconds)", flush=True)


def _seconds(took: dict[str, float]) -> str:
    """Return wall and processor seconds: on a busy machine the second says what the first would be."""
    return f"{took['s']:.1f} s (processor {took['cpu']:.1f} s)"


def _best(search: Any) -> str:
    return f"{search.best_params_} {search.best_score_:.4f}"


def _pairs(search: Any) -> Any:
    return zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True)


def r1(X: Any, y: Any, cells: int | None, part: str = "") -> None:
    from sklearn.model_selection import train_test_split

    from classifiers import head
    from classifiers.search import GridSearchCV, holdout

    _, held = train_test_split(np.arange(len(y)), test_size=0.1, stratify=y, random_state=0)
    mask = np.isin(np.arange(len(y)), held)
    print(f"fitted on {(~mask).sum()} x {X.shape[1]}, chosen on {mask.sum()} held out by class", flush=True)
    total = 0.0
    for title, name, grid in (g for g in R1 if part in g[0]):
        with timed() as took:
            search = GridSearchCV(head(name), grid, cv=holdout(mask), refit=False).fit(X, y)
        total += took["s"]
        n = len(search.cv_results_["params"])
        shared = "" if search.shared_ else " (not shared)"
        print(f"{title}: {n} cells{shared}, {_seconds(took)}, best {_best(search)}, ", end="")
        print(f"{total:.0f} s so far", flush=True)
    what = f"grids named {part!r}" if part else "all"
    print(f"{what}: {total:.0f} s = {total / 60:.1f} min; peak memory {peak_gb():.1f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["svm", "knn", "forest", "r1"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int)
    parser.add_argument("--n", type=int, help="take so many faces only, drawn from a seed")
    parser.add_argument("--part", default="", help="r1: the grids whose title holds this")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("classifiers").setLevel(logging.INFO)
    title = f"grid_search_{options.what}" + (f"_{options.n}" if options.n else "")
    title += f"_{options.part.replace(' ', '-')}" if options.part else ""
    extra = {"part": options.part} if options.what == "r1" else {}
    with recording(title):
        X, y, _ = hog(options.folder / "train", wide=options.what == "r1")
        chosen = np.sort(np.random.default_rng(0).permutation(len(X))[: options.n])
        X, y = X[chosen], y[chosen]
        print(f"HOG vectors of FER2013's training split: {X.shape[0]} x {X.shape[1]}")
        print(f"compiling or loading compiled loops: {warm_up()['s']:.1f} s")
        globals()[options.what](X, y, options.cells, **extra)


if __name__ == "__main__":
    main()
