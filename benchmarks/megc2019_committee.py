"""MEGC 2019 on motion maps: the ridge committee over assignments to inner folds, and its design tested.

Run: python benchmarks/megc2019_committee.py PATH [--assignments 10]
PATH is megc2019_flow.tar.xz, or the folder of its index.csv. Three tables: leaving out each subject and each
set; the mean over assignments to inner folds, beside systems that choose; and designs chosen on two sets and
tested on the third.
"""

import argparse
from itertools import combinations

import numpy as np
from recording import recording

from classifiers.candidates import MeanCandidate, RidgeCandidates
from pipelines.cross_validation.committee import (
    PLACES,
    REGIONS,
    VIEWS,
    WEIGHTS,
    design_kernels,
    members,
    subset,
)
from pipelines.cross_validation.megc2019_systems import maps_of
from pipelines.cross_validation.nested import cross_validate
from pipelines.cross_validation.table import pooled_rows
from pipelines.datasets import registry
from pipelines.metrics.scores import class_scores, confusion, uf1_uar

TARGET = (0.765, 0.785)
SYSTEM = "ridge committee"


def rows_of_protocols(dataset, cells):
    """Show the committee with each subject, and with each set, left out, and in a leaky split."""
    print(f"{'protocol':<14}{'set':<8}{'n':>4}{'UF1':>8}{'':16}{'UAR':>8}{'':16}{'acc':>8}")
    for protocol in ("loso", "lodo", "random-leaky"):
        found = cross_validate(
            cells, dataset.labels, dataset.groups, protocol=protocol, sources=dataset.split, n_jobs=1
        )
        for r in pooled_rows(dataset, found, "", SYSTEM, protocol, 0.0):
            (low, high), (below, above) = r.uf1_interval, r.uar_interval
            print(f"{r.protocol:<14}{r.part:<8}{r.n:>4}{r.uf1:>8.4f} [{low:.3f}, {high:.3f}]"
                  f"{r.uar:>8.4f} [{below:.3f}, {above:.3f}]{r.accuracy:>8.4f}", flush=True)  # fmt: skip
        print(f"  {found.words}")


def over_assignments(dataset, candidates, assignments):
    """Show each system's figures over assignments to inner folds; nested, each subject left out."""
    print("\nnested, each subject left out, by the assignment to 10 inner folds:")
    for name, cells in candidates.items():
        found = []
        for seed in range(assignments):
            result = cross_validate(cells, dataset.labels, dataset.groups, seed=seed, n_jobs=1)
            found.append(both(dataset.labels, result.predicted))
        print(f"{name}, of {len(cells.candidates)} to choose from:")
        for seed, (uf1, uar) in enumerate(found):
            print(f"  seed {seed}: UF1 {uf1:.4f}  UAR {uar:.4f}")
        (uf1, uar), (a, b) = np.mean(found, axis=0), np.std(found, axis=0)
        print(f"  mean of {assignments}: UF1 {uf1:.4f} (sd {a:.4f})  UAR {uar:.4f} (sd {b:.4f})", flush=True)


def both(y, predicted):
    """Return UF1 and UAR."""
    each = class_scores(confusion(y, predicted, int(y.max()) + 1))
    return each["f1"].mean(), each["recall"].mean()


def left_out(cells, groups):
    """Return every candidate's scores of each subject when it is left out, (candidates, n, 3)."""
    every, found = np.arange(len(groups)), np.empty((len(cells.candidates), len(groups), 3))
    for group in np.unique(groups):
        test = np.flatnonzero(groups == group)
        found[:, test] = cells.scores(np.setdiff1d(every, test), test)
    return found


def kernels_on(dataset, rows):
    """Return the designs' kernels of some rows alone, the placement of faces included."""
    return design_kernels(maps_of(dataset)[rows], dataset.groups[rows], dataset.split[rows])


def subsets(candidates):
    """Return every smaller committee as the places of its members, by its name."""
    kernels = [c["kernel"] for c in candidates]
    found = {}
    for places, regions, views in (
        (p, r, v) for p in _some(PLACES) for r in _some(REGIONS) for v in _some(VIEWS)
    ):
        titles = {design.title for design in subset(places, regions, views)}
        name = f"{'/'.join(places)}; {'/'.join(map(str, regions))} a side; views {views}"
        found[name] = [i for i, kernel in enumerate(kernels) if kernel in titles]
    return found


def _some(values):
    """Return all selections of one or more."""
    return [one for size in range(1, len(values) + 1) for one in combinations(values, size)]


def two_of_three(dataset, whole):
    """Show what designs that are chosen on two sets, without the third, do on the third."""
    y, sets, candidates = dataset.labels, dataset.split, subsets(whole.candidates)
    scores = left_out(whole, dataset.groups)
    ways = ("one member", "one smaller committee", "mean of the better half", "mean of all")
    said = {way: np.empty(len(y), int) for way in ways}
    print(f"\ndesigns chosen on two sets (the third unseen), tested on the third, of {len(scores)} members, "
          f"{len(candidates)} smaller committees:")  # fmt: skip
    for third in np.unique(sets):
        rows, test = np.flatnonzero(sets != third), sets == third
        pair = left_out(members(kernels_on(dataset, rows), y[rows]), dataset.groups[rows])
        each = np.array([uf1_uar(y[rows], one.argmax(axis=1)) for one in pair])
        by_committee = {
            name: uf1_uar(y[rows], pair[who].mean(axis=0).argmax(axis=1)) for name, who in candidates.items()
        }
        name = max(by_committee, key=by_committee.__getitem__)
        better = np.argsort(-each, kind="stable")[: len(each) // 2]
        chosen = {ways[0]: [int(each.argmax())], ways[1]: candidates[name], ways[2]: better,
                  ways[3]: range(len(each))}  # fmt: skip
        print(f"  third {third}: members on the pair {each.mean():.4f} (best {each.max():.4f}), committees "
              f"{np.mean(list(by_committee.values())):.4f} (best {by_committee[name]:.4f})")  # fmt: skip
        print(f"    member: {whole.candidates[chosen[ways[0]][0]]}\n    committee: {name}")
        for way, who in chosen.items():
            said[way][test] = scores[list(who)].mean(axis=0)[test].argmax(axis=1)
            uf1, uar = both(y[test], said[way][test])
            print(f"    {way:<26} on the third: UF1 {uf1:.4f}  UAR {uar:.4f}", flush=True)
    print("  the three thirds pooled:")
    for way, predicted in said.items():
        uf1, uar = both(y, predicted)
        print(f"    {way:<26} UF1 {uf1:.4f}  UAR {uar:.4f}")
    spread(y, scores, candidates)


def spread(y, scores, candidates):
    """Show how far members, and smaller committees, lie apart on the composite."""
    for name, each in (
        ("members", list(scores)),
        ("smaller committees", [scores[w].mean(axis=0) for w in candidates.values()]),
    ):
        found = np.array([both(y, one.argmax(axis=1)) for one in each])
        (uf1, uar), (a, b) = found.mean(axis=0), found.std(axis=0)
        print(f"  all {len(found)} {name}: UF1 {uf1:.4f} (sd {a:.4f}), UAR {uar:.4f} (sd {b:.4f})")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("--assignments", type=int, default=10)
    given = parser.parse_args()
    if given.assignments < 1:
        parser.error("--assignments: give 1 or more")
    return given


def main(path, assignments):
    dataset = registry.load("megc2019", path=path, strict=True)
    print(f"{len(dataset)} clips, {len(set(dataset.groups))} subjects; intervals: 95 %, bootstrap by subject")
    print(f"target, mean over assignments: UF1 {TARGET[0]}, UAR {TARGET[1]}\n")
    kernels = kernels_on(dataset, np.arange(len(dataset)))
    every = members(kernels, dataset.labels)
    rows_of_protocols(dataset, MeanCandidate(every))
    two_of_three(dataset, every)
    by_title = {design.title: K for design, K in kernels.items()}
    designs = RidgeCandidates(by_title, dataset.labels, (0.4,), {"balanced": WEIGHTS["balanced"]})
    over_assignments(dataset, {SYSTEM: MeanCandidate(every), "one design": designs}, assignments)


if __name__ == "__main__":
    given = arguments()
    with recording("megc2019-committee"):
        main(given.path, given.assignments)
