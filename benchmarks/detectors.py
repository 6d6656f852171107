"""Face detectors: faces found at IoU 0.4, false boxes, milliseconds an image; on the photos and beyond them.

dlib learned from photos of the collection that the nine annotated ones are of, so its figures on them flatter
it. So also: the photos tilted, halved and doubled, with the lower third or one side of each face covered,
dark and bright; images without any face; and faces of FER2013's test split (with --faces) pasted at random
sizes on textures. Of pasted faces the crop that a detector gives is compared with the pasted one. Searched as
`mueca predict` does (`Predictor.search`); annotated faces under 32 pixels count neither way. The thresholds
of blazeface were chosen on these sets, but for covered, dark and bright.

No package on PyPI was found that ships the weights of YuNet beside OpenCV below 5.

Run: python benchmarks/detectors.py ../shared/data/photos --faces FER2013/test
(the photos with faces.csv: photo, left, top, width, height; the faces as CLASS/*.jpg)
"""

import argparse
import csv
import time
from pathlib import Path

import cv2
import numpy as np
from recording import recording
from skimage import data as pictures

from featurize.detect import DETECTORS, iou
from featurize.faces import Box
from featurize.images import decode
from pipelines.prediction.faces import side_of
from pipelines.prediction.predictor import Predictor

#: A detector that takes seconds a picture is run on these alone.
SLOW = {"dlib-cnn": ("photos", "pasted")}
TILTS = (-90, -60, -30, -15, 15, 30, 60, 90)
SCENES, ON_SCENE = 24, 6
#: Drawn and photographed, none with a face.
NO_FACE = ("page", "text", "coins", "checkerboard", "coffee", "moon", "clock", "colorwheel", "horse")


def annotated(folder):
    """Return photo -> boxes."""
    found = {}
    with (folder / "faces.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            left, top, width, height = (int(row[k]) for k in ("left", "top", "width", "height"))
            found.setdefault(row["photo"], []).append(Box(left, top, left + width, top + height, True))
    return found


def tilted(image, boxes, degrees):
    """Return a picture turned about its middle on a larger ground, and its boxes, as large as before."""
    height, width = image.shape[:2]
    side = int(np.hypot(height, width)) + 1
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    moved = []
    for box in boxes:
        x, y = turn @ ((box.left + box.right) / 2, (box.top + box.bottom) / 2, 1)
        half = side_of(box) / 2
        moved.append(Box(*(round(v) for v in (x - half, y - half, x + half, y + half)), True))
    return cv2.warpAffine(image, turn, (side, side), flags=cv2.INTER_LINEAR), moved


def scaled(image, boxes, scale):
    """Return a picture and its boxes at another size."""
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=how), [
        Box(*(round(v * scale) for v in box[:4]), True) for box in boxes
    ]


def covered(image, boxes, part):
    """Return a picture with grey over the lower third of each face, or over the side to the left."""
    image = image.copy()
    for left, top, right, bottom, _ in boxes:
        if part == "mouth":
            image[max(0, top + 2 * (bottom - top) // 3) : bottom, max(0, left) : right] = 128
        else:
            image[max(0, top) : bottom, max(0, left) : (left + right) // 2] = 128
    return image, boxes


def lit(image, boxes, gamma):
    """Return a picture darker (gamma above 1) or brighter."""
    return np.uint8(np.rint(255 * (image / 255) ** gamma)), boxes


def framed(find, box):
    """Return the box of the crop around a detector's box."""
    half = find.framing.side * max(box.right - box.left, box.bottom - box.top) / 2
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2 + find.framing.down * (box.bottom - box.top)
    return Box(*(round(v) for v in (x - half, y - half, x + half, y + half)), True)


def texture(seed, height=600, width=800):
    """Return a cloudy picture: noise whose power falls with frequency, as that of photos does."""
    rng = np.random.default_rng(seed)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    power = 1 / np.maximum(np.hypot(x, y), 1 / width) ** rng.uniform(0.6, 1.6)
    layers = [
        np.fft.irfft2(power * np.exp(2j * np.pi * rng.random(power.shape)), (height, width)) for _ in range(3)
    ]
    grey = np.stack(layers, axis=-1) @ rng.uniform(-1, 1, (3, 3))
    low, high = np.percentile(grey, [1, 99])
    return np.clip(255 * (grey - low) / (high - low), 0, 255).astype(np.uint8)


def empty():
    """Return pictures without a face."""
    known = [np.asarray(getattr(pictures, name)()) for name in NO_FACE]
    known = [np.uint8(255 * p) if p.dtype == bool else p[..., :3] if p.ndim == 3 else p for p in known]
    return [(p, []) for p in [*known, *(texture(seed) for seed in range(SCENES))]]


def pasted(folder):
    """Return textures with faces of 48 pixels pasted on them, 40 to 180 pixels large."""
    files = sorted(folder.glob("*/*.jpg"))
    if not files:
        raise SystemExit(f"no CLASS/*.jpg in {folder}")
    rng, scenes = np.random.default_rng(0), []
    chosen = iter(rng.permutation(len(files)))
    for seed in range(SCENES):
        image, boxes = texture(1000 + seed), []
        for place in range(ON_SCENE):
            side = int(rng.integers(40, 180))
            left = int(place % 3 * 266 + rng.integers(0, 266 - side))
            top = int(place // 3 * 300 + rng.integers(0, 300 - side))
            face = cv2.resize(
                decode(files[next(chosen)].read_bytes()), (side, side), interpolation=cv2.INTER_CUBIC
            )
            image[top : top + side, left : left + side] = face[..., None]
            boxes.append(Box(left, top, left + side, top + side, True))
        scenes.append((image, boxes))
    return scenes


def score(predictor, scenes, crops=False):
    """Return faces, faces found, false boxes and milliseconds a picture."""
    faces = found = false = 0
    seconds = 0.0
    for image, truth in scenes:
        large = [box for box in truth if side_of(box) >= predictor.min_face]
        left, small = list(large), [box for box in truth if side_of(box) < predictor.min_face]
        started = time.perf_counter()
        boxes = predictor.search(image)
        seconds += time.perf_counter() - started
        faces += len(large)
        for detection in boxes:
            found_box = framed(predictor.find, detection.box) if crops else detection.box
            overlap = [iou(found_box, box) for box in left]
            if overlap and max(overlap) >= 0.4:
                left.pop(int(np.argmax(overlap)))
                found += 1
            elif not any(iou(detection.box, box) >= 0.2 for box in small):
                false += 1
    return faces, found, false, 1000 * seconds / len(scenes)


def sets(folder, faces):
    """Yield (name, scenes)."""
    photos = [(decode((folder / photo).read_bytes()), boxes) for photo, boxes in annotated(folder).items()]
    yield "photos", photos
    for degrees in TILTS:
        yield f"tilted {degrees:+}", [tilted(*photo, degrees) for photo in photos]
    for scale in (0.5, 2):
        yield f"size x {scale}", [scaled(*photo, scale) for photo in photos]
    for part in ("mouth", "side"):
        yield f"{part} covered", [covered(*photo, part) for photo in photos]
    for name, gamma in (("dark", 3.0), ("bright", 0.4)):
        yield name, [lit(*photo, gamma) for photo in photos]
    yield "no face", empty()
    if faces:
        yield "pasted", pasted(faces)


def main():
    words = argparse.ArgumentParser()
    words.add_argument("photos", type=Path)
    words.add_argument("--faces", type=Path)
    words.add_argument(
        "--detectors", nargs="+", default=[name for name, d in DETECTORS.items() if not d.whole]
    )
    given = words.parse_args()
    with recording("detectors"):
        print(
            f"{'':<14}{'detector':<10}{'pictures':>9}{'faces':>7}{'found':>7}{'false':>7}{'ms a picture':>14}"
        )
        for name, scenes in sets(given.photos, given.faces):
            for detector in (d for d in given.detectors if name in SLOW.get(d, (name,))):
                predictor = Predictor.load(detector=detector)
                predictor.search(scenes[0][0])
                faces, found, false, ms = score(predictor, scenes, name == "pasted")
                print(
                    f"{name:<14}{detector:<10}{len(scenes):>9}{faces:>7}{found:>7}{false:>7}{ms:>14.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
