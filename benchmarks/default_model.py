"""What the model that ships gets right, class by class, on the faces of FER2013 that chose nothing of it.

Run: python benchmarks/default_model.py, with FER2013 where `mueca data add fer2013` put it.
"""

import numpy as np
from recording import recording
from sklearn.metrics import confusion_matrix

from pipelines.datasets import load
from pipelines.predict import Predictor


def main():
    predictor, faces = Predictor.load(), load("fer2013")
    names, rows = predictor.classes, np.flatnonzero(faces.split == "private")
    truth = np.array([names.index(faces.classes[k]) for k in faces.labels[rows]])
    found = np.concatenate(
        [
            predictor.classify([faces.samples[int(i)] for i in rows[k : k + 64]]).argmax(axis=1)
            for k in range(0, len(rows), 64)
        ]
    )
    table = confusion_matrix(truth, found)
    scores = predictor.card["scores"].items()
    print("its card, in f32: " + ", ".join(f"{split} {100 * s['accuracy']:.2f} %" for split, s in scores))
    print(
        f"{predictor.card['title']}: {len(rows)} faces of PrivateTest, {100 * (truth == found).mean():.2f} %"
    )
    print(
        f"{'':<10}{'faces':>7}{'recall %':>10}{'precision %':>13}   taken for, %: "
        + "".join(f"{n:>10}" for n in names)
    )
    for k, name in enumerate(names):
        recall, precision = 100 * table[k, k] / table[k].sum(), 100 * table[k, k] / table[:, k].sum()
        shares = "".join(f"{100 * v / table[k].sum():>10.1f}" for v in table[k])
        print(f"{name:<10}{table[k].sum():>7}{recall:>10.1f}{precision:>13.1f}{'':>17}{shares}")


if __name__ == "__main__":
    with recording("default-model"):
        main()
