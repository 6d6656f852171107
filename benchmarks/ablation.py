"""What parts of the best FER2013 systems bring: augmentation, networks, vectors; forests over three seeds.

Run: python benchmarks/ablation.py, and python benchmarks/ablation.py machines for a machine for each face
(`local-svm`, which has no seed), from the weights that ship; vectors come from the cache where they are.
Read on PrivateTest after every choice was made, on PublicTest: nothing is chosen by this table. The networks
were trained once each, two hours a training on two cores: intervals are over the faces, seeds those of heads.
"""

import sys

import numpy as np
from recording import recording

from classifiers import head
from featurize import extractor
from pipelines.datasets.audit import clean_test
from pipelines.datasets.registry import load
from pipelines.embedding.embed import embed
from pipelines.metrics.significance import DRAWS

NETWORKS = ("own-small", "own-small-taught", "own-small-second", "own-small-36")
LOOKS = ("one", "flip", "six")
SEEDS = (0, 1, 2)
CLASSIC = ("hog", "lbp", "landmarks")
VECTORS = {name: f'own-small(weights="{name}", views="six")' for name in NETWORKS[:3]}
#: Vectors of the forests, each with what is left out or added beside the line before.
JOINED = {
    "HOG, LBP, landmarks": CLASSIC,
    "own-small": [VECTORS["own-small"]],
    "own-small, own-small-taught": [VECTORS[n] for n in NETWORKS[:2]],
    "three networks": list(VECTORS.values()),
    "three networks, HOG, LBP, landmarks": [*VECTORS.values(), *CLASSIC],
}
#: Vectors of `local-svm` likewise, and what configs/own.yaml chose for it on PublicTest.
MACHINES = {
    "fisher": ["fisher"],
    "three networks": JOINED["three networks"],
    "three networks, HOG, LBP, landmarks": JOINED["three networks, HOG, LBP, landmarks"],
    "own-small, fisher": [VECTORS["own-small"], "fisher"],
    "three networks, fisher": [*VECTORS.values(), "fisher"],
}
CHOSEN = {"n_neighbors": 150, "C": 3}


class Table:
    """Lines of accuracy, each against an earlier one, with 95 % intervals by drawing faces."""

    def __init__(self, truth, clean):
        self.truth, self.clean, self.right = truth, clean, {}

    def line(self, name, predictions, against=None):
        """Print how often predictions, (n,) or one a seed, are right."""
        each = np.atleast_2d(predictions) == self.truth
        self.right[name] = right = each.mean(axis=0)
        said = f"{name:<44}{100 * right.mean():7.2f}{100 * right[self.clean].mean():7.2f}"
        if len(each) > 1:
            said += "  seeds " + ", ".join(f"{100 * e.mean():.2f}" for e in each)
        if against is not None:
            won = right - self.right[against]
            said += f"  {points(won)}; clean {points(won[self.clean])} than {against}"
        print(said, flush=True)


def points(won):
    """Return a difference in points with its interval, in words; of n faces each is won by -1 to 1."""
    values, counts = np.unique(won.round(6), return_counts=True)
    drawn = np.random.default_rng(0).multinomial(len(won), counts / len(won), DRAWS) @ values / len(won)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{100 * won.mean():+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"


def looks(table, pictures):
    """Print what looking again brings to each network; return its probabilities over six looks."""
    said = {}
    for name in NETWORKS:
        before = None
        for views in LOOKS:
            network = extractor("own-small", layer="scores", weights=name, views=views)
            said[name] = network.transform(pictures)
            table.line(f"{name}, views={views}", said[name].argmax(1), before)
            before = f"{name}, views={views}"
    return said


def votes(table, said):
    """Print plain means of the networks' probabilities: a network more each time, and one left out of all."""
    before = f"{NETWORKS[0]}, views=six"
    for count in range(2, len(NETWORKS) + 1):
        name = "mean of " + " + ".join(NETWORKS[:count])
        table.line(name, np.mean([said[n] for n in NETWORKS[:count]], axis=0).argmax(1), before)
        before = name
    for left in NETWORKS:
        rest = [said[n] for n in NETWORKS if n != left]
        table.line(f"all but {left}", np.mean(rest, axis=0).argmax(1), before)


def forests(table, faces, train, test):
    """Print forests on joined vectors, from three seeds, against the first network by itself."""
    for name, parts in JOINED.items():
        X = embed(faces, "+".join(parts)).X
        fitted = (head("forest", n_estimators=500, min_samples_leaf=3, random_state=s) for s in SEEDS)
        answers = [f.fit(X[train], faces.labels[train]).predict(X[test]) for f in fitted]
        table.line(f"forest: {name}", answers, f"{NETWORKS[0]}, views=six")


def machines(table, faces, train, test):
    """Print a machine for each face on joined vectors, against the first network by itself."""
    own = f"{NETWORKS[0]}, views=six"
    table.line(own, embed(faces, 'own-small(layer="scores", views="six")').X[test].argmax(1))
    for name, parts in MACHINES.items():
        X = embed(faces, "+".join(parts)).X
        fitted = head("local-svm", **CHOSEN).fit(X[train], faces.labels[train])
        table.line(f"local-svm: {name}", fitted.predict(X[test]), own)


def main(part=None):
    faces = load("fer2013")
    train, test = np.flatnonzero(faces.split == "train"), np.flatnonzero(faces.split == "private")
    table = Table(faces.labels[test], clean_test(faces)[test])
    print(f"{'PrivateTest':<44}{'right':>7}{'clean':>7}  in %; differences in points with 95 % intervals")
    if part == "machines":
        machines(table, faces, train, test)
    else:
        votes(table, looks(table, np.stack([faces.samples[int(i)] for i in test])))
        forests(table, faces, train, test)


if __name__ == "__main__":
    given = sys.argv[1:]
    with recording("-".join(["ablation", *given])):
        main(*given)
