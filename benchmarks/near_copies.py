"""How much of a system's gain stands on test faces that have a near copy among the training faces.

Run: python benchmarks/near_copies.py RESULTS [NAME]. RESULTS is a folder of configs/own.yaml. With a NAME for
the record it is any whose heads are fitted again on PublicTest: all of its systems are shown, and near copies
are looked for there too. test-clean leaves out exact copies; the same photo, cropped or lit otherwise, stays
in it, and a head that looks for neighbours finds it. Here the likeness of a face is the largest cosine of its
Fisher vector to those of the training faces. Of forty pairs looked at with .4 to .8, those from .5 on were
the same photo, or one taken beside it.
"""

import sys
from pathlib import Path

import numpy as np
from recording import recording

from pipelines.datasets.registry import load
from pipelines.embedding.embed import embed
from pipelines.embedding.near_copies import EXTRACTOR, largest_cosines, near_copies
from pipelines.results.predictions import load_predictions
from pipelines.results.rows import read_rows

#: Likeness from which a face is left out, one line each; the first leaves all in.
LIMITS = (1.01, 0.99, 0.9, 0.8, 0.7, 0.6, 0.5)
#: Head and how its vectors' name begins.
SHOWN = (
    ("network-softmax", "own-small(layer='scores', views='six')"),
    ("svm", "fisher"),
    ("local-svm", "fisher+"),
    ("vote", "all"),
)


def shown(rows):
    """Yield the rows of the systems that are compared."""
    for head, start in SHOWN:
        yield next(r for r in rows if r.split == "test" and r.head == head and r.extractor.startswith(start))


def likeness(faces, public):
    """Return id -> likeness to the training faces, or to all faces but those of PrivateTest."""
    if not public:
        found = near_copies(faces)
        return dict(zip(faces.ids[found.test].tolist(), found.likeness.tolist(), strict=True))
    asked, X = faces.split == "private", embed(faces, EXTRACTOR).X[:, :-1]
    return dict(zip(faces.ids[asked].tolist(), largest_cosines(X[asked], X[~asked])[0].tolist(), strict=True))


def main(folder, name=None):
    near = likeness(load("fer2013"), public=bool(name))
    rows = read_rows(folder / "rows.csv")
    rows = [r for r in rows if r.split == "test" and r.status == "ok"] if name else list(shown(rows))
    answers = [load_predictions(folder / "predictions" / f"{row.run}.npz") for row in rows]
    alike = np.array([near[i] for i in answers[0].ids.tolist()])
    right = [a.predicted == a.true for a in answers]
    known = "training face or face of PublicTest" if name else "training face"
    print(f"accuracy in % on the PrivateTest faces whose nearest {known} is less alike than the limit")
    names = [f"[{number}]" for number in range(1, len(rows) + 1)]
    for number, row in zip(names, rows, strict=True):
        print(f"{number} {row.head} on {row.extractor}")
    print(f"{'limit':>6}{'faces':>7}" + "".join(f"{number:>8}" for number in names))
    for limit in LIMITS:
        kept = alike < limit
        print(f"{limit:6.2f}{kept.sum():7}" + "".join(f"{100 * r[kept].mean():8.2f}" for r in right))


if __name__ == "__main__":
    with recording("-".join(["near-copies", *sys.argv[2:]])):
        main(Path(sys.argv[1]), *sys.argv[2:])
