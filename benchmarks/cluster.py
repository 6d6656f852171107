"""Synthetic faces embedded and classified by two processes of a local cluster, and by one process.

    python benchmarks/cluster.py --faces 100000
    python benchmarks/cluster.py --faces 2000 --extractor lbp

The faces are drawn once, before any clock starts. The rows must be equal in all but times: scores to a
millionth, as one thread sums in another order than two, and everything else exactly. What differs is printed.

What a cluster adds is told in two ways: the time of one worker beyond that of one process, and the processor
seconds of all processes of two workers beyond those of one process. One process uses as many threads as there
are cores for a head, and as one worker does for an embedding, one.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recording import recording

from featurize.store import Store
from pipelines import api
from pipelines.datasets import registry
from pipelines.evaluation.recipe import Recipe, recipe_from

#: What depends on the clock, or on how often a value has travelled (`model_bytes`).
TIMES = {"extract_s", "fit_s", "predict_ms_per_sample", "model_bytes"}


def recipe(faces: int, extractor: str, head: str) -> Recipe:
    """Return one extractor with one head and its grid on synthetic faces."""
    each = max(20, faces // 7)
    return recipe_from(
        {
            "name": "cluster",
            "data": {"name": "synthetic", "options": {"n_per_class": each, "n_identities": 50}},
            "protocols": [{"protocol": "holdout", "validation": 0.1}],
            "extractors": [extractor],
            "heads": [{"head": head, "grid": "default"}],
        }
    )


def processor_seconds() -> float:
    """Return what this process and those that it started and that have ended have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def one_run(plan: Recipe, workers: int | None) -> tuple[float, float, list[dict[str, Any]]]:
    """Return the seconds of a comparison, the processor seconds with all of its processes, and its rows."""
    used = processor_seconds()
    with tempfile.TemporaryDirectory() as folder, api.connect(workers=workers) as cluster:
        started = time.perf_counter()
        jobs = 1 if workers is None else None
        done = api.compare(plan, folder, store=Store(Path(folder) / "c"), n_jobs=jobs, cluster=cluster)
        took = time.perf_counter() - started
    rows = [{k: v for k, v in asdict(r).items() if k not in TIMES} for r in done.rows]
    return took, processor_seconds() - used, rows


def nearly(a: Any, b: Any) -> bool:
    """Say whether two values are numbers with a point that differ by a millionth at most."""
    return isinstance(a, float) and isinstance(b, float) and abs(a - b) <= 1e-6 * max(abs(a), abs(b))


def differences(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    """Return what differs between rows, column by column; empty where nothing does."""
    return ", ".join(
        f"{a['split']} {name} {a[name]} for {b[name]}"
        for a, b in zip(ours, theirs, strict=True)
        for name in a
        if str(a[name]) != str(b[name]) and not nearly(a[name], b[name])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--extractor", default="hog")
    parser.add_argument("--head", default="linear-svm")
    options = parser.parse_args()
    plan = recipe(options.faces, options.extractor, options.head)
    started = time.perf_counter()
    faces = registry.load(plan.data.name, **plan.data.options)
    print(f"{len(faces):,} faces drawn in {time.perf_counter() - started:.0f} s")
    with tempfile.TemporaryDirectory() as folder:  # what is imported and compiled once is no part of it
        api.compare(recipe(140, options.extractor, options.head), folder, store=Store(Path(folder) / "c"))
    registry.load = lambda *_a, **_k: faces
    found = {}
    print("                     s   processor s")
    for workers in (None, 1, 2):
        found[workers] = one_run(plan, workers)
        name = "one process" if workers is None else f"{workers} worker{'s' if workers > 1 else ''}"
        print(f"{name:12}{found[workers][0]:10.1f}{found[workers][1]:14.1f}", flush=True)
    alone, one, two = (found[w] for w in (None, 1, 2))
    for name, run in (("one worker", one), ("two workers", two)):
        print(f"rows of {name}: {differences(run[2], alone[2]) or 'equal'}")
    print(f"one worker costs {one[0] / alone[0] - 1:+.1%} of the time of one process")
    print(f"two workers cost {two[1] / alone[1] - 1:+.1%} of its processor seconds (their start among them)")
    print(f"two workers are {alone[0] / two[0]:.2f} times as fast")


if __name__ == "__main__":
    with recording("cluster"):
        main()
