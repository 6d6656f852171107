"""What finding and cropping costs in accuracy: FER2013's faces in photos, found, cropped, classified.

Each face of PrivateTest is pasted, 100 to 160 pixels large and upright or tilted, into an annotated photo.
The detector must find it and cut it out again; the model that ships then classifies it. Beside it stands what
the same model gets right when the same faces are given directly. The faces chose nothing here: the constants
of the crops are from the training split (benchmarks/framing.py), the model was chosen on PublicTest.

"found" counts faces whose crop overlaps the pasted one by at least a third; "of all" is right out of all
faces (one that is not found is wrong). A detector that finds harder faces too is not to be blamed for them:
so "of both's" is out of the faces that every detector found, with what the same faces give directly.
"against" counts those of them that this crop gets right and the first row's wrong, and the reverse, with the
p of the exact McNemar test.

Run: python benchmarks/pasted_faces.py ../shared/data/photos FER2013/test [--faces 1200]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from detectors import annotated, framed
from recording import recording

from featurize.detect import iou
from featurize.detectors.base import tilt
from featurize.faces import Box
from featurize.images import decode
from pipelines.metrics.significance import mcnemar
from pipelines.prediction.predictor import Predictor

TILTS = (0, -20, 40)
COLUMNS, ROWS, CELL = 4, 3, 240
#: Detector -> ways to crop.
WAYS = {"dlib-hog": ("box",), "blazeface": ("box", "eyes")}


def chosen(folder, n):
    """Return n faces of PrivateTest with their classes, evenly over the files."""
    files = sorted(folder.glob("*/PrivateTest_*.jpg"))
    if not files:
        raise SystemExit(f"no CLASS/PrivateTest_*.jpg in {folder}")
    picked = [files[i] for i in np.linspace(0, len(files) - 1, n).astype(int)]
    return [decode(f.read_bytes()) for f in picked], [f.parent.name for f in picked]


def paste(image, face, x, y, side, degrees):
    """Put a face into a picture, its middle at (x, y), turned clockwise."""
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), -degrees, 1)
    turn[:, 2] += x - (side - 1) / 2, y - (side - 1) / 2
    size = image.shape[1], image.shape[0]
    there = cv2.warpAffine(np.full((side, side), 255, np.uint8), turn, size, flags=cv2.INTER_LINEAR) / 255.0
    moved = cv2.warpAffine(large, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.uint8(np.rint(image * (1 - there[..., None]) + moved[..., None] * there[..., None]))


def scenes(photos, faces, degrees):
    """Yield (picture, boxes) with `COLUMNS` times `ROWS` faces each."""
    rng = np.random.default_rng(0)
    each = COLUMNS * ROWS
    for start in range(0, len(faces), each):
        photo = photos[start // each % len(photos)]
        image, boxes = cv2.resize(photo, (COLUMNS * CELL, ROWS * CELL), interpolation=cv2.INTER_CUBIC), []
        for place, face in enumerate(faces[start : start + each]):
            side = int(rng.integers(100, 160))
            x, y = (place % COLUMNS + 0.5) * CELL, (place // COLUMNS + 0.5) * CELL
            image = paste(image, face, x, y, side, degrees)
            edges = x - side / 2, y - side / 2, x + side / 2, y + side / 2
            boxes.append(Box(*(round(v) for v in edges), True))
        yield image, boxes


def matched(predictor, image, boxes):
    """Return what was found of each pasted face, None where nothing was."""
    found = predictor.search(image)
    for truth in boxes:
        best = max(found, key=lambda d: iou(framed(predictor.find, d.box), truth), default=None)
        yield best if best and iou(framed(predictor.find, best.box), truth) >= 1 / 3 else None


def crop(predictor, way, image, found):
    """Return the crop of a face that was found."""
    angle = tilt(found.points) if way == "eyes" else 0.0
    return predictor.find.crop(image, found.box, predictor.side, angle)


def accuracy(predictor, images, truth):
    """Return the share of images, None among them, whose label is right."""
    labels = iter(predictor.predict([image for image in images if image is not None]))
    right = [image is not None and next(labels) == label for image, label in zip(images, truth, strict=True)]
    return np.array(right)


def main():
    words = argparse.ArgumentParser()
    words.add_argument("photos", type=Path)
    words.add_argument("faces", type=Path)
    words.add_argument("--faces", dest="count", type=int, default=1200)
    given = words.parse_args()
    photos = [decode((given.photos / name).read_bytes()) for name in annotated(given.photos)]
    faces, truth = chosen(given.faces, given.count)
    direct = accuracy(Predictor.load(detector="none"), faces, truth)
    with recording("pasted-faces"):
        print(f"{len(faces)} faces given directly: {direct.mean():.1%} right\n")
        print("tilt  detector  crop    found  of all   of both's  direct     n   against, p")
        for degrees in TILTS:
            pictures = list(scenes(photos, faces, degrees))
            report(pictures, truth, direct, degrees)


def report(pictures, truth, direct, degrees):
    """Print a line for each detector and way to crop."""
    rows = {}
    for name, ways in WAYS.items():
        predictor = Predictor.load(detector=name)
        found = [(image, d) for image, boxes in pictures for d in matched(predictor, image, boxes)]
        there = np.array([d is not None for _, d in found])
        for way in ways:
            cut = [None if d is None else crop(predictor, way, image, d) for image, d in found]
            rows[name, way] = there, accuracy(predictor, cut, truth)
    both = np.all([there for there, _ in rows.values()], axis=0)
    first = next(iter(rows.values()))[1][both]
    for (name, way), (there, right) in rows.items():
        mine = right[both]
        won, lost = int((mine & ~first).sum()), int((first & ~mine).sum())
        print(
            f"{degrees:>+4}  {name:<10}{way:<5}{there.mean():>8.1%}{right.mean():>8.1%}{mine.mean():>12.1%}"
            f"{direct[both].mean():>8.1%}{both.sum():>6}   +{won} -{lost}, {mcnemar(won, lost):.2g}",
            flush=True,
        )


if __name__ == "__main__":
    main()
