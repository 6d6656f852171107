"""Landmarks by dlib and by the face mesh: what an SVM makes of them, and how fast they are found.

Each extractor embeds some faces of FER2013's training split, evenly over the files, and of PublicTest. C is
chosen on a fifth of the training faces, then the SVM is fitted on all of them and PublicTest is read once.
"found" is the share of PublicTest faces that the detector, or the mesh, found. Speed is of finding the points
alone, one process: faces a second by the clock, and milliseconds of processor a face, which say more on a
machine that does other things too.

Run: python benchmarks/facemesh.py FER2013 [--train 6000] [--test 1500] [--extractors aligned fisher ...]
(the folder with train/CLASS/*.jpg and test/CLASS/PublicTest_*.jpg)
"""

import argparse
import time
from pathlib import Path

import numpy as np
from recording import recording

from classifiers import head
from featurize import extractor, faces, mesh
from featurize.handcrafted.located import mesh_68
from featurize.images import decode, fit_to

#: Name -> parameters.
EXTRACTORS = (
    ("landmarks", {}),
    ("facemesh", {}),
    ("aligned", {}),
    ("aligned", {"points": "mesh"}),
    ("fisher", {}),
    ("fisher", {"points": "mesh"}),
)
COSTS = (1.0, 3.0, 10.0, 30.0)


def images(root, pattern, n):
    """Return n images and their classes, evenly over the files."""
    files = sorted(root.glob(pattern))
    if not files:
        raise SystemExit(f"no {pattern} in {root}")
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, min(n, len(files))).astype(int)]
    return [decode(file.read_bytes()) for file in chosen], np.array([file.parent.name for file in chosen])


def chosen(X, y):
    """Return the C that is best on a fifth of the training faces."""
    held = np.arange(len(y)) % 5 == 0
    fits = {C: head("svm", C=C).fit(X[~held], y[~held]) for C in COSTS}
    return max(COSTS, key=lambda C: float(np.mean(fits[C].predict(X[held]) == y[held])))


def accuracy(name, params, train, test):
    """Print what an SVM on an extractor's vectors gets right."""
    one = extractor(name, **params)
    started = time.perf_counter()
    X, Z = one.transform(train[0]), one.transform(test[0])
    took = time.perf_counter() - started
    C = chosen(X, train[1])
    right = head("svm", C=C).fit(X, train[1]).predict(Z) == test[1]
    half = 1.96 * float(np.sqrt(right.mean() * (1 - right.mean()) / len(right)))
    found = 1 - one.fallbacks(Z) / len(Z)
    rate = (len(X) + len(Z)) / took
    row = f"{name} {params.get('points', '')}"
    print(
        f"{row:<24}{one.dim:>6}{C:>6.0f}{right.mean():>9.1%} +-{half:>5.1%}{found:>8.1%}{rate:>11,.0f}",
        flush=True,
    )


def speed(crops):
    """Print how fast points are found."""
    for name, find in (("68, dlib", faces.locate), ("468, mesh", mesh.fit_crops), ("68, mesh", mesh_68)):
        find(crops[:8])
        wall, cpu = time.perf_counter(), time.process_time()
        find(crops)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name:<12}{len(crops) / wall:>8,.0f} faces a second{1000 * cpu / len(crops):>8.2f} ms a face")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("root", type=Path)
    words.add_argument("--train", type=int, default=6000)
    words.add_argument("--test", type=int, default=1500)
    words.add_argument("--extractors", nargs="+", default=["landmarks", "facemesh", "aligned"])
    given = words.parse_args()
    train = images(given.root, "train/*/*.jpg", given.train)
    test = images(given.root, "test/*/PublicTest_*.jpg", given.test)
    with recording("facemesh"):
        print(f"{len(train[0]):,} training faces, {len(test[0]):,} of PublicTest; SVM, RBF kernel\n")
        print(f"{'':<24}{'dim':>6}{'C':>6}{'accuracy':>9}{'95 %':>9}{'found':>7}{'faces/s':>11}")
        for name, params in EXTRACTORS:
            if name in given.extractors:
                accuracy(name, params, train, test)
        print()
        speed(np.stack([fit_to(image, faces.CROP_SIZE, 1) for image in test[0][:600]]))


if __name__ == "__main__":
    main()
