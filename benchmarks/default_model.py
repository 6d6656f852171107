"""What the model that ships gets right, class by class, on the faces of FER2013 that chose nothing of it.

Run: python benchmarks/default_model.py, with FER2013 where `mueca data add fer2013` put it.
"""

import time
from itertools import product

import numpy as np
from recording import recording
from sklearn.metrics import confusion_matrix

from pipelines.datasets.registry import load
from pipelines.prediction.predictor import Predictor

VIEWS = ("one", "flip", "six")
PRECISIONS = ("f32", "bf16")


def asked(predictor, faces, split):
    """Return the (n,) classes of a split's faces, and those that it names."""
    rows = np.flatnonzero(faces.split == split)
    truth = np.array([predictor.classes.index(faces.classes[k]) for k in faces.labels[rows]])
    blocks = ([faces.samples[int(i)] for i in rows[k : k + 64]] for k in range(0, len(rows), 64))
    return truth, np.concatenate([predictor.classify(block).argmax(axis=1) for block in blocks])


def looks(faces):
    """Print what it gets right with more views of each face, in either precision, and what they cost."""
    for views, precision in product(VIEWS, PRECISIONS):
        predictor, shown = Predictor.load(views=views, precision=precision), []
        for split in ("public", "private"):
            started = time.perf_counter()
            truth, found = asked(predictor, faces, split)
            milliseconds = 1000 * (time.perf_counter() - started) / len(truth)
            shown.append(f"{split} {100 * (truth == found).mean():.2f} %, {milliseconds:.2f} ms a face")
        print(f"--tta {views:<5} --precision {precision:<5} {'; '.join(shown)}", flush=True)


def main():
    predictor, faces = Predictor.load(), load("fer2013")
    names = predictor.classes
    truth, found = asked(predictor, faces, "private")
    table = confusion_matrix(truth, found)
    scores = predictor.card["scores"].items()
    print("its card: " + ", ".join(f"{split} {100 * s['accuracy']:.2f} %" for split, s in scores))
    print(
        f"{predictor.card['title']}: {len(truth)} faces of PrivateTest, {100 * (truth == found).mean():.2f} %"
    )
    print(
        f"{'':<10}{'faces':>7}{'recall %':>10}{'precision %':>13}   taken for, %: "
        + "".join(f"{n:>10}" for n in names)
    )
    for k, name in enumerate(names):
        recall, precision = 100 * table[k, k] / table[k].sum(), 100 * table[k, k] / table[:, k].sum()
        shares = "".join(f"{100 * v / table[k].sum():>10.1f}" for v in table[k])
        print(f"{name:<10}{table[k].sum():>7}{recall:>10.1f}{precision:>13.1f}{'':>17}{shares}")
    looks(faces)


if __name__ == "__main__":
    with recording("default-model"):
        main()
