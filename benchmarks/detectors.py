"""Face detectors on annotated photos: faces found at IoU 0.4, false boxes, milliseconds a photo.

dlib learned from photos of the same collection, so its figures here flatter it.
Run: python benchmarks/detectors.py FOLDER, with faces.csv (photo, left, top, width, height) and the photos.
"""

import csv
import sys
import time
from pathlib import Path

from recording import recording

from featurize.detect import DETECTORS, detector, iou
from featurize.faces import Box
from featurize.images import decode
from pipelines.predict import FACES_ACROSS, LOOK_BELOW, MIN_FACE


def annotated(folder):
    """Return photo -> boxes."""
    found = {}
    with (folder / "faces.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            left, top, width, height = (int(row[k]) for k in ("left", "top", "width", "height"))
            found.setdefault(row["photo"], []).append(Box(left, top, left + width, top + height, True))
    return found


def main():
    folder = Path(sys.argv[1])
    faces = annotated(folder)
    print(f"{len(faces)} photos, {sum(map(len, faces.values()))} faces")
    print(f"{'detector':<10}{'found':>6}{'false':>6}{'ms a photo':>12}")
    for name in DETECTORS:
        found = false = 0
        seconds = 0.0
        for photo, truth in faces.items():
            image, left = decode((folder / photo).read_bytes()), list(truth)
            smallest = round(max(LOOK_BELOW * MIN_FACE, max(image.shape[:2]) / FACES_ACROSS))
            started = time.perf_counter()
            boxes = detector(name)(image, smallest)
            seconds += time.perf_counter() - started
            for detection in boxes:
                match = max(left, key=lambda box: iou(detection.box, box), default=None)  # noqa: B023
                if match is not None and iou(detection.box, match) >= 0.4:
                    left.remove(match)
                    found += 1
                else:
                    false += 1
        print(f"{name:<10}{found:>6}{false:>6}{1000 * seconds / len(faces):>12.1f}", flush=True)


if __name__ == "__main__":
    with recording("detectors"):
        main()
