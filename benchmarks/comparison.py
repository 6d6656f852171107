"""Run a recipe as a user would, and keep its table, its time and its peak memory.

Run: python benchmarks/comparison.py configs/fer2013-handcrafted.yaml results/fer2013-handcrafted
What the folder already holds is not computed again: for the whole time, give an empty one.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from recording import recording

from pipelines.metrics.significance import compare_hits
from pipelines.results.predictions import load_predictions
from pipelines.results.rows import read_rows

MEMORY_GB = 8


def said_of_cells(folder):
    """Return where the cells come from: a folder may be finished over several runs."""
    rows = [row for row in read_rows(folder / "rows.csv") if row.split == "test" and row.status == "ok"]
    commits = ", ".join(dict.fromkeys(row.git_sha or "no commit" for row in rows))
    minutes = sum(row.fit_s for row in rows) / 60
    return f"{len(rows)} cells, computed at {commits}; fitting what was chosen took {minutes:.0f} minutes"


def against_own(folder):
    """Say what every cell adds to the first network by itself, with its 95 % interval, and what it costs."""
    rows = [row for row in read_rows(folder / "rows.csv") if row.split == "test" and row.status == "ok"]
    own = next((row for row in rows if row.head == "network-softmax"), None)
    if own is None:
        return
    print(f"\nmore right than {own.extractor} by itself, in points (all {own.n_test} faces; test-clean)")
    print("(intervals by paired bootstrap, p by McNemar's test):")
    right, clean = hits(folder, own)
    for row in rows:
        if row is not own and row.n_test == own.n_test:
            theirs, _ = hits(folder, row)
            print(f"  {points(theirs, right)}; clean {points(theirs[clean], right[clean])}:")
            print(f"    {row.head} on {row.extractor}; {row.predict_ms_per_sample:.2f} ms a face, "
                  f"{row.model_bytes / 1e6:.1f} MB")  # fmt: skip


def points(theirs, right):
    """Return the difference of two cells in points, with its interval and p, in words."""
    test = compare_hits(theirs, right)
    difference, low, high = (100 * v for v in (test.difference, test.low, test.high))
    return f"{difference:+.2f} ({low:+.2f} to {high:+.2f}), p {test.p:.2g}"


def hits(folder, row):
    """Return which test faces a cell is right about, and which are in test-clean."""
    kept = load_predictions(folder / "predictions" / f"{row.run}.npz")
    return kept.predicted == kept.true, kept.clean


def main(recipe, out):
    started = time.perf_counter()
    words = [sys.executable, "-m", "cli", "compare", recipe, "--out", out]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"MUECA_VERBOSE": "1"})
    minutes = (time.perf_counter() - started) / 60
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    print(done.stdout)
    print(said_of_cells(Path(out)))
    against_own(Path(out))
    print("this run alone:")
    print(f"exit code {done.returncode}, {minutes:.1f} minutes")
    print(f"peak memory of the largest process {peak:.2f} GB (target for the whole: under {MEMORY_GB} GB)")


if __name__ == "__main__":
    with recording(f"comparison-{Path(sys.argv[1]).stem}"):
        main(*sys.argv[1:3])
