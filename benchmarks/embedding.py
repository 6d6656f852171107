"""Seconds to embed all of FER2013, into an empty cache and from a full one.

Needs FER2013 (mueca data add fer2013 PATH). Run: python benchmarks/embedding.py [EXTRACTOR ...]
"""

import sys
import tempfile
import time
from pathlib import Path

from recording import recording

from featurize.store import Store
from pipelines.api import load_dataset
from pipelines.embedding.embed import embed

TARGETS = {"hog": 15, "lbp": 15, "landmarks": 120}  # seconds


def timed(dataset, name, store):
    started = time.perf_counter()
    found = embed(dataset, name, store=store)
    return found, time.perf_counter() - started


def main():
    dataset = load_dataset("fer2013")
    titles = ("dim", "first s", "target s", "again s", "target s")
    print(f"{'extractor':<12}" + "".join(f"{title:>10}" for title in titles) + "  fallbacks")
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or ["pixels", *TARGETS, "dlib-face"]:
            found, first = timed(dataset, name, Store(Path(folder)))
            _, again = timed(dataset, name, Store(Path(folder)))
            target = TARGETS.get(name, "")
            print(
                f"{name:<12}{found.X.shape[1]:>10}{first:>10.2f}{target:>10}{again:>10.2f}{1:>10}"
                f"  {sum(found.fallbacks.values())} of {len(found.X):,}",
                flush=True,
            )


if __name__ == "__main__":
    with recording("embedding"):
        main()
