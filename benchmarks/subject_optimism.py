"""What random folds add to figures of still images whose subjects are known: the optimism in points.

Run: python benchmarks/subject_optimism.py [SEEDS] [OUT], by default three seeds of the synthetic faces. Every
system is tested by ten folds of whole subjects and by ten random folds, hyperparameters chosen by inner folds
of the same kind. The difference is of the same faces; its 95 % interval draws whole subjects.
"""

import sys
import tempfile

import numpy as np
from recording import recording

import mueca
from pipelines.evaluation.recipe import recipe_from
from pipelines.metrics.significance import compare_hits
from pipelines.results.predictions import load_predictions

PROTOCOLS = ("grouped-kfold", "random-leaky")
EXTRACTORS = ("pixels", "hog", "lbp")
HEADS = [
    {"head": "svm", "grid": {"C": [1, 10]}},
    {"head": "knn", "grid": {"n_neighbors": [1, 5]}},
    {"head": "softmax", "grid": {"C": [0.01, 0.1]}},
]


def compared(seed, out):
    """Run the recipe on the faces of one seed; return (extractor, head, protocol) -> predictions."""
    data = {"name": "synthetic", "options": {"n_per_class": 60, "n_identities": 20, "seed": seed}}
    recipe = recipe_from(
        {
            "name": "subject-optimism", "data": data, "extractors": list(EXTRACTORS), "heads": HEADS,
            "protocols": [{"protocol": name, "folds": 10, "inner_folds": 5} for name in PROTOCOLS],
        }
    )  # fmt: skip
    found = mueca.compare(recipe, f"{out}/{seed}")
    systems = [(row.system, row.protocol) for row in found.pooled if row.part == "all"]
    runs = [row.run for row in found.pooled if row.part == "all"]
    kept = [load_predictions(found.folder / "predictions" / f"{run}.npz") for run in runs]
    return dict(zip(systems, kept, strict=True))


def main(seeds, out):
    found = {seed: compared(seed, out) for seed in range(seeds)}
    systems = list(dict.fromkeys(system for system, _ in found[0]))
    print(f"accuracy in % of {seeds} x 420 synthetic faces, 20 subjects each; the difference is the optimism")
    print(
        f"{'system':<18}{'by subject':>12}{'random folds':>14}{'difference':>12}{'95 % interval':>18}{'p':>8}"
    )
    for system in systems:
        honest, leaky, groups = [], [], []
        for seed in range(seeds):
            a, b = (found[seed][system, name] for name in PROTOCOLS)
            honest.append(a.predicted == a.true)
            leaky.append(b.predicted == b.true)
            groups.append([f"{seed}/{who}" for who in a.groups.tolist()])
        right, flattered = np.concatenate(honest), np.concatenate(leaky)
        test = compare_hits(flattered, right, np.concatenate(groups))
        interval = f"{100 * test.low:+.2f} to {100 * test.high:+.2f}"
        print(f"{system:<18}{100 * right.mean():12.2f}{100 * flattered.mean():14.2f}"
              f"{100 * test.difference:+12.2f}{interval:>18}{test.p:8.2g}", flush=True)  # fmt: skip


if __name__ == "__main__":
    with recording("subject-optimism"), tempfile.TemporaryDirectory() as elsewhere:
        given = sys.argv[1:]
        main(int(given[0]) if given else 3, given[1] if len(given) > 1 else elsewhere)
