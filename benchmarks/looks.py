"""Which test-time augmentation helps a network by itself: on FER2013's PublicTest, which chooses.

Run: python benchmarks/looks.py own-small own-small-36, names of weights of own-small. Each face is moved,
turned or scaled about its middle, as it is and mirrored, and the network's probabilities are averaged.
"""

import sys

import cv2
import numpy as np
from recording import recording

from featurize import extractor
from featurize.backbones.views import SCALES
from pipelines.datasets.registry import load

#: What an extractor can do, with its number of looks.
VIEWS = {"one": 1, "six": 2 * len(SCALES), "ten": 10}
SHIFT = 3
#: Name -> shift right and down in pixels, scale, degrees.
CHANGES = {
    "as it is": (0, 0, 1.0, 0),
    **{
        f"moved by {x}, {y}": (x, y, 1.0, 0) for x in (-SHIFT, 0, SHIFT) for y in (-SHIFT, 0, SHIFT) if x or y
    },
    **{f"scaled by {s}": (0, 0, s, 0) for s in (0.85, 0.92, 1.08, 1.16)},
    **{f"turned by {r}": (0, 0, 1.0, r) for r in (-10, -5, 5, 10)},
}
MOVED = [name for name in CHANGES if name.startswith("moved")]
SETS = {
    "the face and its mirror image": ["as it is"],
    "three sizes": ["as it is", "scaled by 0.92", "scaled by 1.08"],
    "turned by 5 degrees": ["as it is", "turned by -5", "turned by 5"],
    "three sizes, and turned": [
        "as it is",
        "scaled by 0.92",
        "scaled by 1.08",
        "turned by -5",
        "turned by 5",
    ],
    "moved in four directions": ["as it is", *(m for m in MOVED if "by 0" in m or ", 0" in m)],
    "moved in eight directions": ["as it is", *MOVED],
    "all": list(CHANGES),
}


def changed(pictures, right, down, scale, degrees):
    h, w = pictures.shape[1:]
    matrix = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), degrees, scale)
    matrix[:, 2] += right, down
    return np.stack([cv2.warpAffine(p, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE) for p in pictures])


def asked(network, pictures):
    """Return what the network says after each change: name -> the mean of both looks."""
    both = {name: changed(pictures, *how) for name, how in CHANGES.items()}
    return {name: (network.transform(p) + network.transform(p[:, :, ::-1])) / 2 for name, p in both.items()}


def line(label, looks, answers, truth):
    """Print accuracy and loss with each network."""
    rows = np.arange(len(truth))
    cells = [
        f"{100 * (p.argmax(1) == truth).mean():9.2f} {-np.log(p[rows, truth]).mean():7.4f}" for p in answers
    ]
    print(f"{label:<34}{looks:>6}" + "".join(cells))


def main(names):
    faces = load("fer2013")
    public = np.flatnonzero(faces.split == "public")
    pictures, truth = np.stack([faces.samples[int(i)] for i in public]), faces.labels[public]
    networks = {
        name: {how: extractor("own-small", layer="scores", weights=name, views=how) for how in VIEWS}
        for name in names
    }
    said = [asked(network["one"], pictures) for network in networks.values()]
    print(f"PublicTest, {len(truth)} faces; right in %, log loss")
    print(f"{'':<34}{'looks':>6}" + "".join(f"{n:>17}" for n in names))
    for name in CHANGES:
        line(name, 2, [answers[name] for answers in said], truth)
    for name, parts in SETS.items():
        line(name, 2 * len(parts), [np.mean([a[p] for p in parts], axis=0) for a in said], truth)
    for how, looks in VIEWS.items():
        line(f"views={how}", looks, [n[how].transform(pictures) for n in networks.values()], truth)


if __name__ == "__main__":
    with recording("looks"):
        main(sys.argv[1:])
