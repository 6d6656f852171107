"""One SVC fit: ours against scikit-learn's and scikit-learn-intelex's, same vectors, same run.

    python benchmarks/svc_fit.py FER2013_FOLDER [--n 6000]
    python benchmarks/svc_fit.py FER2013_FOLDER --wide --n 25838

FER2013_FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg. scikit-learn's fit, which takes an hour at
the second size, is stopped after --limit seconds; then the ratio is a lower bound, and said to be one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _fer import hog, peak_gb, timed, warm_up
from recording import recording


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=6000)
    parser.add_argument("--C", type=float, default=10.0)
    parser.add_argument("--wide", action="store_true", help="2,048 numbers a face instead of 900")
    parser.add_argument("--ours", action="store_true", help="without the two slower ones")
    parser.add_argument("--limit", type=float, default=1200.0, help="seconds that scikit-learn is given")
    options = parser.parse_args()
    with recording("svc-fit" + ("-wide" if options.wide else "")):
        measure(options)


def measure(options: argparse.Namespace) -> None:
    X, y, _ = hog(options.folder / "train", options.wide)
    test, truth, _ = hog(options.folder / "test", options.wide)
    chosen = np.random.default_rng(0).permutation(len(X))[: options.n]
    print(f"SVC fit, C={options.C:g}, gamma=scale, HOG vectors of FER2013")
    print(f"vectors: {len(chosen)} x {X.shape[1]}, tested on {len(test)}")
    print(f"compiling or loading the compiled solver: {warm_up()['s']:.1f} s")
    print(f"{'':24} {'fit s':>8} {'CPU s':>8} {'predict s':>10} {'accuracy':>9} {'vectors':>8}", flush=True)
    seconds = {}
    for name, model in models(options.C, options.ours):
        limit = options.limit if name == "scikit-learn" else None
        seconds[name], whole = one(name, model, (X[chosen], y[chosen], test, truth), limit)
        if name != "ours":
            least = "" if whole else "at least "
            print(f"ours is {least}{seconds[name] / seconds['ours']:.1f} times faster than {name}")
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


def one(name: str, model: Any, data: tuple[Any, ...], limit: float | None) -> tuple[float, bool]:
    """Print a row; return the seconds of the fit, and whether it was done within `limit` seconds."""
    found = fitted(model, *data) if limit is None else within(limit, model, *data)
    if found is None:
        print(f"{name:24} {'>':>2}{limit:6.0f}   stopped, not done with fitting", flush=True)
        return float(limit or 0), False
    fit, cpu, predict, right, vectors = found
    print(f"{name:24} {fit:8.2f} {cpu:8.2f} {predict:10.2f} {right:9.4f} {vectors:8}", flush=True)
    return fit, True


def fitted(
    model: Any, X: Any, y: Any, test: Any, truth: Any, done: Any = lambda _: None
) -> tuple[float, float, float, float, int]:
    with timed() as fit:
        model.fit(X, y)
    done(True)
    with timed() as predict:
        right = float((model.predict(test) == truth).mean())
    return fit["s"], fit["cpu"], predict["s"], right, len(model.support_)


def within(limit: float, model: Any, *data: Any) -> Any:
    """Return `fitted` from a process of its own; None if the fit takes longer, and then it is ended."""
    context = multiprocessing.get_context("fork")  # the vectors need not be sent
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=lambda: theirs.send(fitted(model, *data, theirs.send)), daemon=True)
    child.start()
    found = ours.poll(limit) and ours.recv() and ours.recv()
    child.kill()
    return found or None


if __name__ == "__main__":
    main()
