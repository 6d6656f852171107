"""`mueca.GridSearchCV` against scikit-learn's: the same estimator, grid, folds and jobs, in one run.

Vectors are drawn from a seed: 6,000 x 300, seven classes of unequal sizes.

    python benchmarks/drop_in_grid.py svc knn forest pipeline
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
from recording import recording
from sklearn import model_selection
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mueca import GridSearchCV

CASES: dict[str, tuple[Any, dict[str, list[Any]]]] = {
    "svc": (SVC(), {"C": [0.1, 1, 10, 100], "gamma": ["scale", 0.001, 0.01]}),
    "knn": (
        KNeighborsClassifier(),
        {"n_neighbors": [1, 3, 5, 10, 20, 50, 100], "weights": ["uniform", "distance"], "p": [1, 2]},
    ),
    "forest": (RandomForestClassifier(random_state=0), {"n_estimators": [100, 200, 300, 400, 500]}),
    "pipeline": (
        make_pipeline(StandardScaler(), PCA(100, random_state=0), LogisticRegression(max_iter=300)),
        {"logisticregression__C": [0.001, 0.01, 0.1, 1]},
    ),
}


def vectors(n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return n x 300 vectors of standard deviation 1, and labels."""
    X, y = make_classification(
        n, 300, n_informative=30, n_redundant=50, n_classes=7, n_clusters_per_class=2,
        weights=[0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05], class_sep=1.2, flip_y=0.05, random_state=0,
    )  # fmt: skip
    return X / X.std(), y


def timed(kind: Any, case: str, X: Any, y: Any, jobs: int) -> tuple[Any, float, float]:
    """Return the fitted search, and its seconds by the clock and of this process."""
    estimator, grid = CASES[case]
    search = kind(estimator, grid, cv=StratifiedKFold(3, shuffle=True, random_state=0), n_jobs=jobs)
    started, used = time.perf_counter(), time.process_time()
    search.fit(X, y)
    return search, time.perf_counter() - started, time.process_time() - used


def compare(case: str, X: Any, y: Any, jobs: int) -> None:
    """Print both sides of a case."""
    ours, our_s, our_cpu = timed(GridSearchCV, case, X, y, jobs)
    theirs, their_s, _ = timed(model_selection.GridSearchCV, case, X, y, jobs)
    scores = [
        np.array([s.cv_results_[f"split{f}_test_score"] for f in range(s.n_splits_)]) for s in (ours, theirs)
    ]
    apart, mean = np.abs(scores[0] - scores[1]).max(), np.abs(scores[0].mean(0) - scores[1].mean(0)).max()
    alike = (ours.predict(X) == theirs.predict(X)).mean()
    print(f"{case}: {len(ours.cv_results_['params'])} cells, 3 folds, {jobs} jobs on both sides")
    print(f"  mueca {our_s:.1f} s ({our_cpu:.1f} s of a processor), scikit-learn {their_s:.1f} s")
    print(f"  {their_s / our_s:.1f} times faster; scores apart by at most {apart:.4f}, means by {mean:.4f}")
    print(f"  chosen {ours.best_params_}, {theirs.best_params_}; {alike:.2%} of the labels alike")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="+", choices=list(CASES))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--n", type=int, default=6000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with recording(f"drop-in-grid-{'-'.join(options.what)}" + f"-{options.n}" * (options.n != 6000)):
        X, y = vectors(options.n)
        small = vectors(400)
        for case in options.what:
            timed(GridSearchCV, case, *small, 1)  # compiled loops are loaded
        print(
            f"vectors: {X.shape[0]} x {X.shape[1]}, {len(np.unique(y))} classes of {np.bincount(y).tolist()}"
        )
        for case in options.what:
            compare(case, X, y, options.jobs)


if __name__ == "__main__":
    main()
