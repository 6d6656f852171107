"""Face detectors: faces found at IoU 0.4, false boxes, time; on the photos and beyond them.

dlib learned from photos of the collection that the nine annotated ones are of, so its figures on them flatter
it. So also: the photos tilted, halved and doubled, with the lower third or one side of each face covered,
dark and bright; images without any face; with --faces, faces of FER2013's test split pasted at random sizes
on textures; with --clip, three frames of the real clip whose nine faces look to the side, annotated by eye.
Of pasted faces the crop that a detector gives is compared with the pasted one. Searched as `mueca predict`
does (`Predictor.search`); annotated faces under 32 pixels count neither way. The thresholds of blazeface were
chosen on these sets, but for covered, dark, bright and the clip.

YuNet is not measured: OpenCV below 5 has code for it without weights, and the four packages of PyPI whose
summary names it (alchemyface 1.2.0, detekface 0.1.0, moca-face-matcher 0.2.2, unicorner-face-detector 0.1.0)
hold no weights: they download them or expect them.

"ms" is by the clock; "of processor" is summed over threads, and says more on a machine that does other things
too. A line that was measured is kept in the folder for temporary files, under a hash of the code that decides
it: a run that was ended goes on where it was, and --sections measures a part. docs/results/detectors.txt is
written when all sections are there.

Run: python benchmarks/detectors.py DATA/photos --faces FER2013/test --clip DATA/short_clip.mp4
(DATA: ../shared/data; photos with faces.csv: photo, left, top, width, height; the faces as CLASS/*.jpg)
"""

import argparse
import csv
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from recording import recording
from skimage import data as pictures

from featurize.detect import DETECTORS, iou
from featurize.faces import Box
from featurize.images import decode
from pipelines.media.video_file import VideoFile
from pipelines.prediction.faces import side_of
from pipelines.prediction.predictor import Predictor

#: A detector that takes seconds a picture is run on these alone.
SLOW = {"dlib-cnn": ("photos",)}
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
    """Return faces, faces found, false boxes, and milliseconds an image by the clock and of the processor."""
    faces = found = false = 0
    seconds = busy = 0.0
    for image, truth in scenes:
        large = [box for box in truth if side_of(box) >= predictor.min_face]
        left, small = list(large), [box for box in truth if side_of(box) < predictor.min_face]
        started, before = time.perf_counter(), time.process_time()
        boxes = predictor.search(image)
        seconds, busy = seconds + time.perf_counter() - started, busy + time.process_time() - before
        faces += len(large)
        for detection in boxes:
            found_box = framed(predictor.find, detection.box) if crops else detection.box
            overlap = [iou(found_box, box) for box in left]
            if overlap and max(overlap) >= 0.4:
                left.pop(int(np.argmax(overlap)))
                found += 1
            elif not any(iou(detection.box, box) >= 0.2 for box in small):
                false += 1
    return faces, found, false, 1000 * seconds / len(scenes), 1000 * busy / len(scenes)


#: Frames of the real clip and the faces in them that are turned to the side: left, top, right, bottom.
TURNED = {
    30: ((300, 120, 480, 340),),
    215: ((40, 70, 105, 130), (165, 75, 230, 165), (310, 55, 375, 125), (380, 80, 455, 170)),
    274: ((45, 70, 105, 130), (170, 75, 235, 170), (320, 60, 385, 125), (395, 85, 465, 175)),
}


def turned(clip):
    """Return the frames of `TURNED` with their boxes."""
    with VideoFile(clip, max_seconds=60) as video:
        return [
            (frame.image, [Box(*box, True) for box in TURNED[frame.index]])
            for frame in video
            if frame.index in TURNED
        ]


def sections(folder, faces, clip):
    """Return name -> callable that makes the scenes."""
    photos = [(decode((folder / photo).read_bytes()), boxes) for photo, boxes in annotated(folder).items()]

    def changed(how, *given):
        return lambda: [how(*photo, *given) for photo in photos]

    made: dict[str, Callable] = {"photos": lambda: photos}
    made |= {f"tilted {degrees:+}": changed(tilted, degrees) for degrees in TILTS}
    made |= {f"size x {scale}": changed(scaled, scale) for scale in (0.5, 2)}
    made |= {f"{part} covered": changed(covered, part) for part in ("mouth", "side")}
    made |= {name: changed(lit, gamma) for name, gamma in (("dark", 3.0), ("bright", 0.4))}
    made["no face"] = empty
    if faces:
        made["pasted"] = partial(pasted, faces)
    if clip:
        made["to the side"] = partial(turned, clip)
    return made


class Kept:
    """Lines that were measured, in a file of their own for each state of the code."""

    def __init__(self, path):
        self.path = path
        self.lines = {}
        if path.is_file():
            self.lines = dict(map(json.loads, path.read_text().splitlines()))

    def add(self, key, line):
        """Keep a line."""
        self.lines[key] = line
        with self.path.open("a") as file:
            file.write(json.dumps([key, line]) + "\n")


def state():
    """Return a hash of the code that decides what is measured."""
    root = Path(__file__).resolve().parents[1]
    code = [
        Path(__file__),
        root / "pipelines/prediction/predictor.py",
        *sorted((root / "featurize/detectors").glob("*.py")),
    ]
    code += [root / "featurize" / name for name in ("mesh.py", "tflite.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in code)).hexdigest()[:12]


def measure(kept, made, names, detectors):
    """Measure the lines that are not there; return all, a section and a detector a line."""
    for name in names:
        scenes = None
        for detector in detectors:
            if name not in SLOW.get(detector, (name,)) or f"{name}/{detector}" in kept.lines:
                continue
            scenes = scenes or made[name]()
            predictor = Predictor.load(detector=detector)
            predictor.search(scenes[0][0])
            kept.add(f"{name}/{detector}", [len(scenes), *score(predictor, scenes, name == "pasted")])
            print(f"{name}, {detector}: {kept.lines[f'{name}/{detector}']}", flush=True)
    return [(*key.split("/"), *kept.lines[key]) for key in keys(names, detectors) if key in kept.lines]


def keys(names, detectors):
    """Return the lines of a table in their order."""
    return [f"{n}/{d}" for n in names for d in detectors if n in SLOW.get(d, (n,))]


def table(lines):
    """Print the lines."""
    heads = ("images", "faces", "found", "false")
    print(
        f"{'':<14}{'detector':<10}{''.join(f'{h:>7}' for h in heads)}{'ms an image':>13}{'of processor':>14}"
    )
    for name, detector, images, faces, found, false, ms, busy in lines:
        print(f"{name:<14}{detector:<10}{images:>7}{faces:>7}{found:>7}{false:>7}{ms:>13.1f}{busy:>14.1f}")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("photos", type=Path)
    words.add_argument("--faces", type=Path)
    words.add_argument("--clip", type=Path)
    words.add_argument("--sections", nargs="+", help="measure these alone, such as: photos pasted")
    words.add_argument(
        "--detectors", nargs="+", default=[name for name, d in DETECTORS.items() if not d.whole]
    )
    given = words.parse_args()
    made = sections(given.photos, given.faces, given.clip)
    kept = Kept(Path(tempfile.gettempdir()) / f"mueca-detectors-{state()}.jsonl")
    lines = measure(kept, made, given.sections or list(made), given.detectors)
    if given.sections:
        table(lines)
        return
    with recording("detectors"):
        table(lines)


if __name__ == "__main__":
    main()
