"""Where each detector's box lies in FER2013's crops, and so how to crop around a box found in a photo.

Training crops are enlarged four times, with a border that repeats their edge, and searched. The faces found
give the side of the crop and the place of its centre, in sides of the box: the constants `framing` in
featurize/detectors. BlazeFace, Haar and dlib-cnn take the median; dlib-hog the mean, because its boxes come
in steps of a fifth (its pyramid) and the median lies on one of them.

Run: python benchmarks/framing.py ../shared/data/fer2013 [DETECTOR ...]
(the folder of mueca data add, or of train/CLASS/*.jpg)
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from recording import recording

from featurize.detect import detector
from featurize.images import decode

ENLARGE, BORDER = 4, 24
FACES = {"blazeface": 1000, "haar": 1000, "dlib-hog": 1000, "dlib-cnn": 150}


def crops(root, n):
    """Return n training crops, evenly over the files in order of their names."""
    files = sorted(root.glob("train/*/*.jpg"))
    if not files:
        raise SystemExit(f"no train/CLASS/*.jpg in {root}")
    return [decode(files[i].read_bytes()) for i in np.linspace(0, len(files) - 1, n).astype(int)]


def boxes(name, faces):
    """Return (left, top, right, bottom) of the best box in each crop, in crop pixels, where there is one."""
    found = []
    for face in faces:
        padded = cv2.copyMakeBorder(face, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE)
        large = cv2.resize(padded, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_CUBIC)
        here = detector(name)(large)
        if here:
            best = max(here, key=lambda d: d.confidence)
            found.append(np.array(best.box[:4]) / ENLARGE - BORDER)
    return np.array(found)


def report(name, faces):
    side = faces[0].shape[0]
    found = boxes(name, faces)
    size = (found[:, 2] - found[:, 0] + found[:, 3] - found[:, 1]) / 2
    centre = (found[:, 0] + found[:, 2]) / 2, (found[:, 1] + found[:, 3]) / 2
    crop = np.percentile(side / size, [25, 50, 75])
    mean = (side / size).mean()
    down = np.percentile((side / 2 - centre[1]) / size, [25, 50, 75])
    right = np.median((side / 2 - centre[0]) / size)
    print(f"{name:<10}{len(faces):>6}{len(found) / len(faces):>8.1%}"
          f"{mean:>8.2f}{crop[1]:>8.2f} ({crop[0]:.2f} to {crop[2]:.2f})"
          f"{down[1]:>9.2f} ({down[0]:.2f} to {down[2]:.2f}){right:>8.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with recording("framing"):
        print(
            f"{'':<10}{'crops':>6}{'found':>8}    mean  median side (quartiles)   centre below box's   right"
        )
        for detector_name in sys.argv[2:] or FACES:
            report(detector_name, crops(folder, FACES[detector_name]))
