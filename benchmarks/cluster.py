"""Synthetic faces embedded and classified by two processes of a local cluster, and by one process.

    python benchmarks/cluster.py --faces 100000
    python benchmarks/cluster.py --faces 2000

The rows must be equal. What the cluster adds is the time of one worker beyond that of one process; with two
free cores two workers should take half.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from _fer import heading

from featurize.store import Store
from pipelines import api
from pipelines.evaluation.recipe import recipe_from

TIMES = {"extract_s", "fit_s", "predict_ms_per_sample", "model_bytes"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--extractor", default="lbp")
    parser.add_argument("--head", default="linear-svm")
    options = parser.parse_args()
    heading(f"{options.faces} faces on two workers and in one process")
    each = max(20, options.faces // 7)
    recipe = recipe_from(
        {
            "name": "cluster",
            "data": {"name": "synthetic", "options": {"n_per_class": each, "n_identities": 50}},
            "protocols": [{"protocol": "holdout", "validation": 0.1}],
            "extractors": [options.extractor],
            "heads": [{"head": options.head, "grid": "default"}],
        }
    )
    found = {}
    for workers in (None, 1, 2):
        with tempfile.TemporaryDirectory() as folder, api.connect(workers=workers) as cluster:
            started = time.perf_counter()
            jobs = 1 if workers is None else None
            done = api.compare(recipe, folder, store=Store(Path(folder) / "c"), n_jobs=jobs, cluster=cluster)
            took = time.perf_counter() - started
        found[workers] = took, [{k: v for k, v in asdict(r).items() if k not in TIMES} for r in done.rows]
        name = "one process" if workers is None else f"{workers} workers"
        print(f"{name:12} {took:8.1f} s", flush=True)
    equal = all(str(found[w][1]) == str(found[None][1]) for w in (1, 2))
    print(f"rows equal: {equal}; one worker costs {found[1][0] / found[None][0] - 1:+.1%}")
    print(f"two workers are {found[None][0] / found[2][0]:.2f} times as fast")


if __name__ == "__main__":
    main()
