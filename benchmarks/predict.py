"""What judging costs with the model that ships: face crops, a 720p video with one face, 1,000 photos.

The video is made here of scikit-image's picture of an astronaut, which wanders about in 1280 x 720; the
photos are mirrored and shifted copies of the nine annotated ones (in PHOTOS, with faces.csv). With --fer
PYTHON (an interpreter with `fer`, "setuptools<81" and "opencv-contrib-python<5", without which it does not
run),
the same photos are judged by it in the same run, in a process of its own, with its default detector; time is
taken inside the process, after one photo to warm up.

Run: python benchmarks/predict.py ../shared/data/photos [--fer PYTHON] [--photos 1000]
"""

import argparse
import json
import resource
import subprocess
import tempfile
import time
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
from detectors import annotated
from PIL import Image
from recording import recording
from skimage import data as pictures

from featurize.images import decode
from pipelines.frames import VideoWriter
from pipelines.photos import predict_photos
from pipelines.predict import Predictor
from pipelines.video import predict_video

FER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import cv2
try:
    from fer import FER
except ImportError:
    from fer.fer import FER
files = json.load(sys.stdin)
judge = FER()
judge.detect_emotions(cv2.imread(files[0]))
faces, started = 0, time.perf_counter()
for file in files:
    faces += len(judge.detect_emotions(cv2.imread(file)) or [])
print(json.dumps([len(files), faces, time.perf_counter() - started]))
"""


def crops(predictor, seconds=5.0):
    """Time face crops one by one and 64 at once."""
    rng = np.random.default_rng(0)
    faces = list(rng.integers(0, 255, (64, 48, 48), np.uint8))
    for n in (1, 64):
        times, started = [], time.perf_counter()
        predictor.classify(faces[:n])
        while time.perf_counter() - started < seconds:
            begin = time.perf_counter()
            predictor.classify(faces[:n])
            times.append(time.perf_counter() - begin)
        median, slow = np.percentile(times, [50, 95])
        rate = f"{n / median:,.0f} a second"
        print(f"face crops, batch {n:>2}: {1000 * median:.2f} ms (95 %: {1000 * slow:.2f}), {rate}")


def film(path, frames=300):
    """Write a 720p video of one face that wanders about."""
    large = cv2.resize(pictures.astronaut(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    large = np.pad(large, ((400, 400), (700, 700), (0, 0)), constant_values=90)
    with VideoWriter(path, 30) as video:
        for i in range(frames):
            x, y = int(500 + 250 * np.sin(i / 40)), int(300 + 80 * np.sin(i / 25))
            video.write(large[y : y + 720, x : x + 1280], i / 30)


def videos(predictor, made):
    """Time the whole way from file to row, without and with a copy drawn."""
    film(made / "one-face.mp4")
    for drawn in (None, made / "marked.mp4"):
        started = time.perf_counter()
        with predict_video(made / "one-face.mp4", predictor, drawn=drawn) as timeline:
            rows = list(timeline)
        took = time.perf_counter() - started
        faces = np.mean([len(row.faces) for row in rows])
        print(
            f"720p video, {faces:.2f} faces a frame{', drawn copy' if drawn else ''}: "
            f"{len(rows) / took:.1f} frames a second"
        )


def photos(predictor, folder, made, n):
    """Judge many photos; say what memory it took at a tenth and at the end."""
    rng, sources = np.random.default_rng(0), [decode((folder / p).read_bytes()) for p in annotated(folder)]
    files = []
    for i in range(n):
        image = sources[i % len(sources)]
        image = image[:, ::-1] if i % 2 else image
        dy, dx = rng.integers(0, 16, 2)
        files.append(made / f"{i:05}.jpg")
        Image.fromarray(np.ascontiguousarray(image[dy:, dx:])).save(files[-1], quality=90)
    predict_photos(files[:5], predictor, StringIO())
    started = time.perf_counter()
    early = predict_photos(files[: n // 10], predictor, StringIO())
    memory = [peak()]
    late = predict_photos(files[n // 10 :], predictor, StringIO())
    took = time.perf_counter() - started
    memory.append(peak())
    print(
        f"{n} photos, {early.faces + late.faces} faces: {n / took:.1f} photos a second; peak memory after "
        f"{n // 10} photos {memory[0]:.0f} MiB, after all {memory[1]:.0f} MiB"
    )
    return files, n / took


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fer(python, files, ours):
    """Let the package `fer` judge the same photos."""
    words = [python, "-c", FER]
    done = subprocess.run(words, input=json.dumps([str(f) for f in files]), capture_output=True, text=True)
    if done.returncode:
        print(f"fer: does not run: {done.stderr.strip().splitlines()[-1]}")
        return
    n, faces, took = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"fer: {n} photos, {faces} faces: {n / took:.1f} photos a second; ratio {ours / (n / took):.1f}")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("folder", type=Path)
    words.add_argument("--fer")
    words.add_argument("--photos", type=int, default=1000)
    given = words.parse_args()
    with recording("predict"), tempfile.TemporaryDirectory() as made:
        predictor = Predictor.load()
        crops(predictor)
        videos(predictor, Path(made))
        files, ours = photos(predictor, given.folder, Path(made), given.photos)
        if given.fer:
            fer(given.fer, files, ours)


if __name__ == "__main__":
    main()
