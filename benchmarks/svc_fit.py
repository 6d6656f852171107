"""One SVC fit: ours against scikit-learn's and scikit-learn-intelex's, same vectors, same run.

    python benchmarks/svc_fit.py FER2013_FOLDER [--n 6000]

FER2013_FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._fer import heading, hog, peak_gb, timed, warm_up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=6000)
    parser.add_argument("--C", type=float, default=10.0)
    parser.add_argument("--wide", action="store_true", help="2,048 numbers a face instead of 900")
    parser.add_argument("--ours", action="store_true", help="without the two slower ones")
    options = parser.parse_args()
    heading(f"SVC fit, C={options.C:g}, gamma=scale, {options.n} HOG vectors of FER2013")
    X, y, _ = hog(options.folder / "train", options.wide)
    test, truth, _ = hog(options.folder / "test", options.wide)
    chosen = np.random.default_rng(0).permutation(len(X))[: options.n]
    print(f"vectors: {len(chosen)} x {X.shape[1]}, tested on {len(test)}")
    print(f"compiling or loading the compiled solver: {warm_up()['s']:.1f} s")
    print(f"{'':24} {'fit s':>8} {'CPU s':>8} {'predict s':>10} {'accuracy':>9} {'vectors':>8}")
    seconds = {
        name: one(name, model, X[chosen], y[chosen], test, truth)
        for name, model in models(options.C, options.ours)
    }
    for name, took in list(seconds.items())[1:]:
        print(f"ours is {took / seconds['ours']:.1f} times faster than {name}")
    print(f"peak memory: {peak_gb():.1f} GB")


def models(C: float, only_ours: bool) -> list[tuple[str, Any]]:
    from sklearn.svm import SVC

    from classifiers import head

    found: list[tuple[str, Any]] = [("ours", head("svm", C=C))]
    if only_ours:
        return found
    try:
        from sklearnex import svm as intel

        found.append(("scikit-learn-intelex", intel.SVC(C=C)))
    except ImportError:
        print("scikit-learn-intelex is not installed")
    return [*found, ("scikit-learn", SVC(C=C))]


def one(name: str, model: Any, X: Any, y: Any, test: Any, truth: Any) -> float:
    with timed() as fit:
        model.fit(X, y)
    with timed() as predict:
        right = float((model.predict(test) == truth).mean())
    print(
        f"{name:24} {fit['s']:8.2f} {fit['cpu']:8.2f} {predict['s']:10.2f} {right:9.4f} "
        f"{len(model.support_):8}",
        flush=True,
    )
    return fit["s"]


if __name__ == "__main__":
    main()
