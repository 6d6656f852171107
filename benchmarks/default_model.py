"""What the model that ships gets right, class by class, on the test faces of FER2013.

Run: python benchmarks/default_model.py FER2013/test (the folder of CLASS/*.jpg)
"""

import sys
from pathlib import Path

import numpy as np
from recording import recording
from sklearn.metrics import confusion_matrix

from featurize.images import decode
from pipelines.predict import Predictor


def main():
    predictor, names = Predictor.load(), Predictor.load().classes
    files = [
        (file, k) for k, name in enumerate(names) for file in sorted((Path(sys.argv[1]) / name).iterdir())
    ]
    truth = np.array([k for _, k in files])
    found = np.concatenate(
        [
            predictor.classify([decode(file.read_bytes()) for file, _ in files[i : i + 64]]).argmax(axis=1)
            for i in range(0, len(files), 64)
        ]
    )
    table = confusion_matrix(truth, found)
    print(f"{predictor.card['title']}: {len(files)} faces, {100 * (truth == found).mean():.2f} % right")
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
