"""MEGC 2019 composite on motion maps: leave one subject out, beside what leaky protocols would print.

Run: python benchmarks/megc2019.py PATH [SYSTEM ...]
PATH is megc2019_flow.tar.xz, or the folder of its index.csv; the systems are by default the 25 cells, whose
time has a target, and the best. All of them: benchmarks/comparison.py configs/megc2019-gap.yaml
"""

import sys
import tempfile
import time

from recording import recording

from pipelines.cross_validation.megc2019_systems import SYSTEMS, VIEWS, maps_of
from pipelines.cross_validation.nested import cross_validate
from pipelines.cross_validation.table import pooled_rows
from pipelines.datasets import registry
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import recipe_from

TARGET = (0.75, 0.76)
TIMED, BEST = "RBF SVM, 25 cells", "invariant ridge"
SECONDS = 60


def show(rows):
    for row in rows:
        low, high = row.uf1_interval
        below, above = row.uar_interval
        print(
            f"{row.system:<20}{row.protocol:<22}{row.part:<8}{row.n:>4}"
            f"{row.uf1:>8.4f} [{low:.3f}, {high:.3f}]"
            f"{row.uar:>8.4f} [{below:.3f}, {above:.3f}]{row.accuracy:>8.4f}{row.seconds:>8.1f}"
            f"  {' '.join(row.marks)}",
            flush=True,
        )


def spread(dataset):
    """Show how much the assignment to inner folds decides: other seeds, and folds of one subject each."""
    name = BEST
    cells = SYSTEMS[name].build(maps_of(dataset), dataset.labels)
    subjects = len(set(dataset.groups))
    print(f"\n{name}, nested, by the assignment to inner folds:")
    for inner, seed in [(10, s) for s in range(5)] + [(subjects, 0)]:
        found = cross_validate(cells, dataset.labels, dataset.groups, inner=inner, seed=seed)
        row = pooled_rows(dataset, found, "", name, "loso", 0.0)[0]
        how = "one subject each" if inner == subjects else f"{inner}, seed {seed}"
        print(f"  inner folds: {how:<18} UF1 {row.uf1:.4f}  UAR {row.uar:.4f}", flush=True)


def timed(dataset):
    """Show what the nested protocol of the 25 cells takes, kernels included: wall clock and processor."""
    maps, began, used = maps_of(dataset), time.perf_counter(), time.process_time()
    cross_validate(SYSTEMS[TIMED].build(maps, dataset.labels), dataset.labels, dataset.groups)
    wall, processor = time.perf_counter() - began, time.process_time() - used
    print(f"{TIMED}, 68 folds, each with 10 inner folds of subjects: {wall:.1f} s of wall clock, "
          f"{processor:.1f} s of processor (target: {SECONDS} s)\n")  # fmt: skip


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(SYSTEMS):
        raise SystemExit(f"{__doc__}\nSYSTEM: {', '.join(SYSTEMS)}")
    systems = sys.argv[2:] or [TIMED, BEST]
    dataset = registry.load("megc2019", path=sys.argv[1], strict=True)
    print(f"{len(dataset)} clips, {len(set(dataset.groups))} subjects; intervals: 95 %, bootstrap by subject")
    print(f"target of the nested rows, all sets: UF1 {TARGET[0]}, UAR {TARGET[1]}")
    print(f"views of the invariant systems: {VIEWS}\n")
    timed(dataset)
    print(
        f"{'system':<20}{'protocol':<22}{'set':<8}{'n':>4}{'UF1':>8}{'':17}{'UAR':>8}{'':17}{'acc':>8}{'s':>8}"
    )
    protocols = ["loso", "random-leaky", {"protocol": "loso", "selection": "on-test"}]
    data = {"name": "megc2019", "options": {"path": sys.argv[1]}}
    recipe = recipe_from({"name": "megc2019", "data": data, "protocols": protocols, "systems": systems})
    with tempfile.TemporaryDirectory() as out:
        rows = compare(recipe, out, strict=True).pooled
    show(rows)
    spread(dataset)
    print("\nprotocols:")
    for words in dict.fromkeys(f"{r.protocol}: {r.words}" for r in rows if r.system == systems[-1]):
        print("  " + words)


if __name__ == "__main__":
    with recording("megc2019"):
        main()
