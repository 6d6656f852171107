"""Heads on hundreds of thousands of vectors: time, memory and growth, each fit in a process of its own.

    python benchmarks/scale_heads.py --rows 288000     # ten or eleven changed copies of each training face
    python benchmarks/scale_heads.py --rows 4000 --made --heads softmax,linear-svm

The faces are embedded once by a face network and kept in ``--folder`` as one .npy file, which every fit
reads memory-mapped. What chooses among a grid are the faces of PublicTest, and copies of them: no other test
face is read. With ``--made`` the vectors are clusters of numbers instead. Every head is fitted on
``--base`` rows and on ``--rows``: the last column is how many times as long the larger fit took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from _fer import peak_gb, timed
from recording import recording

#: Head -> its grid, and how many held-out vectors are predicted.
GRIDS = {
    "softmax": [{"C": c} for c in (0.001, 0.01, 0.1, 1.0)],
    "linear-svm": [{"C": c} for c in (0.0001, 0.001, 0.01, 0.1)],
    "nystroem-svm": [
        {"C": c, "gamma": g, "n_components": 4096} for g in ("scale", "half") for c in (0.3, 1.0, 3.0, 10.0)
    ],
    "knn": [
        {"n_neighbors": k, "weights": w} for k in (1, 5, 10, 30, 50, 70, 100) for w in ("uniform", "distance")
    ],
    "forest": [{"n_estimators": 500}],
    "svm": [{"C": 3.0}, {"C": 10.0}],
    "nystroem-svm:alone": [{"C": 1.0, "n_components": 4096, "n_neighbors": 0}],
}
ASKED = 5000


def changed(image, copy, rng):
    """Return a copy of a face: mirrored, turned, moved and lighter or darker by a little."""
    import cv2

    side = len(image)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-12, 12), rng.uniform(0.92, 1.08))
    turn[:, 2] += rng.uniform(-2.5, 2.5, 2)
    found = cv2.warpAffine(image, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    found = cv2.flip(found, 1) if copy % 2 else found
    return np.clip(found * rng.uniform(0.8, 1.2) + rng.uniform(-12, 12), 0, 255).astype(np.uint8)


def write_vectors(folder: Path, data: str, backbone: str, rows: int) -> None:
    """Embed changed copies of a set's training faces, and the faces that test as they are."""
    from featurize.registry import parse
    from pipelines import api

    dataset, rng = api.load_dataset(data), np.random.default_rng(0)
    (one,) = parse(backbone)
    train, public = dataset.where("train"), dataset.where("public")
    if not len(public):
        raise SystemExit(f"{data} has no split 'public' that chooses; take fer2013, or --made")
    X = np.lib.format.open_memmap(folder / "X.npy.tmp", "w+", np.float32, (rows + ASKED, one.dim))
    shown = np.concatenate([np.resize(train, rows), np.resize(public, ASKED)])
    copies = np.concatenate([np.arange(rows) // len(train) + 1, np.arange(ASKED) // len(public)])
    for start in range(0, len(shown), 2048):
        part = slice(start, start + 2048)
        X[part] = one.transform(
            changed(dataset.samples[int(i)], copy, rng) if copy else dataset.samples[int(i)]
            for i, copy in zip(shown[part], copies[part], strict=True)
        )
    X.flush()
    np.save(folder / "y.npy", dataset.labels[shown])
    _finish(folder, rows)


def _finish(folder: Path, train: int) -> None:
    (folder / "about.json").write_text(json.dumps({"train": train}))
    (folder / "X.npy.tmp").rename(folder / "X.npy")


def make_vectors(folder: Path, rows: int, dims: int, classes: int = 7) -> None:
    """Write noisy clusters whose numbers lie along some hundred directions, as embeddings do."""
    rng, asked = np.random.default_rng(0), min(ASKED, max(200, rows // 10))
    X = np.lib.format.open_memmap(folder / "X.npy.tmp", "w+", np.float32, (rows + asked, dims))
    y = rng.integers(0, classes, rows + asked)
    centres, axes = rng.normal(size=(classes, 128)), rng.normal(size=(128, dims)) / np.sqrt(128)
    for start in range(0, len(X), 4096):
        part = slice(start, start + 4096)
        inner = centres[y[part]] + 4 * rng.normal(size=(len(y[part]), 128))
        X[part] = inner @ axes + 0.3 * rng.normal(size=(len(y[part]), dims))
    X.flush()
    np.save(folder / "y.npy", y)
    _finish(folder, rows)


def one_fit(folder: Path, name: str, rows: int, memory: str) -> None:
    """Fit a head's grid and the best again on memory-mapped vectors; print a JSON line.

    What stands behind a colon in a name is a grid of its own.
    """
    from _fer import warm_up

    from classifiers import Rows, answers, head
    from classifiers._kernels import gamma_value
    from classifiers.costs import cost_of
    from classifiers.memory import bounded
    from classifiers.search import try_candidates

    warm_up()
    X, y = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    known = int(json.loads((folder / "about.json").read_text())["train"])
    order = np.sort(np.random.default_rng(1).permutation(known)[:rows])
    asked = np.arange(known, len(X))
    train, held = Rows(X, index=order), Rows(X, index=asked)
    title, grid = name, [dict(point) for point in GRIDS[name]]
    name = name.partition(":")[0]
    if any(point.get("gamma") == "half" for point in grid):
        half = gamma_value("scale", train) / 2
        grid = [{**p, "gamma": half} if p["gamma"] == "half" else p for p in grid]
    expected = cost_of(name, grid, len(train), X.shape[1], 7, len(asked), memory)
    labels = y[order]
    with timed() as choosing:
        if len(grid) > 1:
            found = try_candidates(name, grid, train, labels, held, memory)
            right = [float((one.predicted == y[asked]).mean()) for one in found]
            best = grid[int(np.argmax(right))]
        else:
            best = grid[0]
    with timed() as fitting:
        fitted = bounded(head(name, **best), memory).fit(train, labels)
    with timed() as asking:
        predicted = answers(fitted, held)[0]
    print(
        json.dumps(
            {
                "head": title, "rows": len(train), "grid_s": choosing["s"], "refit_s": fitting["s"],
                "ask_s": asking["s"], "expected_s": expected.seconds, "gb": peak_gb(),
                "accuracy": float((predicted == y[asked]).mean()), "best": best,
            }
        )
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=288_000)
    parser.add_argument("--base", type=int, default=28_709, help="the smaller fit that growth is measured by")
    parser.add_argument("--dims", type=int, default=1024, help="of --made")
    parser.add_argument("--heads", default="softmax,linear-svm,nystroem-svm,knn,forest")
    parser.add_argument("--data", default="fer2013")
    parser.add_argument("--backbone", default="vggface2-mobilenet(size=112)")
    parser.add_argument("--made", action="store_true")
    parser.add_argument("--memory", default="8GB")
    parser.add_argument("--folder", type=Path, default=Path("results/scale"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one_fit(options.folder, options.one, options.rows, options.memory)
    with recording("scale-heads" if options.rows == 288_000 else f"scale-heads-{options.rows}"):
        every_head(options)
    return None


def every_head(options: argparse.Namespace) -> None:
    """Make the vectors where they are not there, and fit each head on few and on all of them."""
    options.folder.mkdir(parents=True, exist_ok=True)
    if not (options.folder / "X.npy").exists():
        if options.made:
            make_vectors(options.folder, options.rows, options.dims)
        else:
            write_vectors(options.folder, options.data, options.backbone, options.rows)
    titles = ("rows", "grid s", "refit s", "ask s", "expected s", "GB", "accuracy", "growth")
    print(
        f"{'head':20}" + "".join(f"{t:>{w}}" for t, w in zip(titles, (9, 9, 9, 8, 12, 6, 10, 8), strict=True))
    )
    for name in options.heads.split(","):
        first = None
        for rows in sorted({min(options.base, options.rows), options.rows}):
            command = [sys.executable, __file__, "--one", name, "--rows", str(rows), "--memory",
                       options.memory,
                       "--folder", str(options.folder)]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{name:20}{rows:>9}  {done.stderr.strip().splitlines()[-1]}", flush=True)
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            took = found["grid_s"] + found["refit_s"]
            growth = "" if first is None else f"{took / first:.1f}"
            first = first or took
            print(
                f"{name:20}{found['rows']:>9}{found['grid_s']:>9.1f}{found['refit_s']:>9.1f}{found['ask_s']:>8.1f}"
                f"{found['expected_s']:>12.1f}{found['gb']:>6.1f}{found['accuracy']:>10.4f}{growth:>8}",
                flush=True,
            )


if __name__ == "__main__":
    main()
