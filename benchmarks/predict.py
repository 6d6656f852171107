"""What `predict` costs with the model that ships: crops, one photo, a 720p video with one face, 1,000 photos.

The video is made here of scikit-image's picture of an astronaut, which wanders about in 1280 x 720; the
photos are mirrored and shifted copies of the nine annotated ones (in PHOTOS, with faces.csv). With --fer
PYTHON (an interpreter with `fer`, "setuptools<81" and "opencv-contrib-python<5": it runs with no newer) the
same photos are judged by it in the same run, in a process of its own; time is taken inside the process, after
one photo to warm up.

Beside what the clock says stands what the processor took, of all threads. On a machine that does other things
too, only that holds: on two free cores the rate can be at most 2000 / (milliseconds of processor).

Run: python benchmarks/predict.py ../shared/data/photos [--fer PYTHON] [--photos 1000] [--frames 3000]
[--only photo video]
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
from pipelines.media.video_file import VideoWriter
from pipelines.prediction.photos import predict_photos
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import predict_video

FER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import cv2
try:
    from fer import FER
except ImportError:
    from fer.fer import FER
files, mtcnn = json.load(sys.stdin)
judge = FER(mtcnn=mtcnn)
judge.detect_emotions(cv2.imread(files[0]))
faces, started, busy = 0, time.perf_counter(), time.process_time()
for file in files:
    faces += len(judge.detect_emotions(cv2.imread(file)) or [])
print(json.dumps([len(files), faces, time.perf_counter() - started, time.process_time() - busy]))
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


def one_photo(predictor, made, seconds=5.0):
    """Time a photo of 512 pixels with one face from the file to the JSON line."""
    path = made / "one.jpg"
    Image.fromarray(pictures.astronaut()).save(path, quality=90)
    for _ in range(5):
        predictor.look(decode(path.read_bytes(), path.name))
    times, busy, started = [], time.process_time(), time.perf_counter()
    while time.perf_counter() - started < seconds:
        begin = time.perf_counter()
        seen = predictor.look(decode(path.read_bytes(), path.name))
        json.dumps([face.as_dict() for face in seen.faces])
        times.append(time.perf_counter() - begin)
    busy = 1000 * (time.process_time() - busy) / len(times)
    median, slow = 1000 * np.percentile(times, [50, 95])
    print(f"one photo, one face: {median:.1f} ms (95 %: {slow:.1f}); {busy:.1f} ms of processor")


def film(path, frames=300):
    """Write a 720p video of one face that wanders about."""
    large = cv2.resize(pictures.astronaut(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    large = np.pad(large, ((400, 400), (700, 700), (0, 0)), constant_values=90)
    with VideoWriter(path, 30) as video:
        for i in range(frames):
            x, y = int(500 + 250 * np.sin(i / 40)), int(300 + 80 * np.sin(i / 25))
            video.write(large[y : y + 720, x : x + 1280], i / 30)


def videos(predictor, made, frames):
    """Time the whole way from file to row, without and with a copy drawn."""
    film(made / "one-face.mp4", frames)
    with predict_video(made / "one-face.mp4", predictor) as timeline:
        next(iter(timeline))
    for drawn in (None, made / "marked.mp4"):
        memory, faces, busy = 0.0, 0, time.process_time()
        started = time.perf_counter()
        with predict_video(made / "one-face.mp4", predictor, drawn=drawn) as timeline:
            for row in timeline:
                faces += len(row.faces)
                memory = peak() if row.frame == 60 else memory
        rate = timeline.frames / (time.perf_counter() - started)
        print(
            f"720p video, {faces / timeline.frames:.2f} faces a frame{', marked copy' if drawn else ''}: "
            f"{rate:.1f} frames a second; {1000 * (time.process_time() - busy) / timeline.frames:.1f} ms of "
            f"processor a frame; peak memory after 60 {memory:.0f} MiB, after {timeline.frames} "
            f"{peak():.0f} MiB"
        )


def many(folder, made, n):
    """Write n photos: mirrored and shifted copies of those in `folder`."""
    rng, sources = np.random.default_rng(0), [decode((folder / p).read_bytes()) for p in annotated(folder)]
    files = []
    for i in range(n):
        image = sources[i % len(sources)]
        image = image[:, ::-1] if i // len(sources) % 2 else image
        dy, dx = rng.integers(0, 16, 2)
        files.append(made / f"{i:05}.jpg")
        Image.fromarray(np.ascontiguousarray(image[dy:, dx:])).save(files[-1], quality=90)
    return files


def photos(name, predictor, files):
    """Judge many photos; say what memory it took at a tenth and at the end."""
    predict_photos(files[:5], predictor, StringIO())
    started, busy = time.perf_counter(), time.process_time()
    early = predict_photos(files[: len(files) // 10], predictor, StringIO())
    memory = [peak()]
    late = predict_photos(files[len(files) // 10 :], predictor, StringIO())
    rate = len(files) / (time.perf_counter() - started)
    busy = 1000 * (time.process_time() - busy) / len(files)
    print(
        f"{len(files)} photos, {name}, {early.faces + late.faces} faces: {rate:.1f} a second; {busy:.1f} "
        f"ms of processor each; peak memory after a tenth {memory[0]:.0f} MiB, after all {peak():.0f} MiB"
    )
    return rate


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fer(python, files, ours, mtcnn):
    """Let the package `fer` classify the same photos."""
    given = json.dumps([[str(f) for f in files], mtcnn])
    done = subprocess.run([python, "-c", FER], input=given, capture_output=True, text=True)
    name = f"fer, {'mtcnn' if mtcnn else 'its default (haar, faces from 50 px)'}"
    if done.returncode:
        print(f"{name}: does not run: {done.stderr.strip().splitlines()[-1]}")
        return
    n, faces, took, busy = json.loads(done.stdout.strip().splitlines()[-1])
    ratios = ", ".join(f"{label} {rate / (n / took):.1f}" for label, rate in ours.items())
    print(
        f"{name}: {n} photos, {faces} faces: {n / took:.1f} photos a second; {1000 * busy / n:.1f} ms of "
        f"processor each; mueca's rate over it: {ratios}"
    )


def main():
    words = argparse.ArgumentParser()
    words.add_argument("folder", type=Path)
    words.add_argument("--fer")
    words.add_argument("--photos", type=int, default=1000)
    words.add_argument("--frames", type=int, default=300)
    parts = ("crops", "photo", "video", "photos")
    words.add_argument("--only", nargs="+", choices=parts, default=parts)
    given = words.parse_args()
    with recording("predict"), tempfile.TemporaryDirectory() as made:
        predictor = Predictor.load()
        if "crops" in given.only:
            crops(predictor)
        if "photo" in given.only:
            one_photo(predictor, Path(made))
        if "video" in given.only:
            videos(predictor, Path(made), given.frames)
        if "photos" in given.only:
            many_photos(predictor, many(given.folder, Path(made), given.photos), given.fer)


def many_photos(predictor, files, python):
    """Time the photos by each detector, and by `fer`."""
    ours = {
        "as it ships": photos("as it ships (blazeface, faces from 29 px)", predictor, files),
        "dlib-hog": photos("dlib-hog, faces from 29 px", Predictor.load(None, "dlib-hog"), files[:200]),
    }
    if python:
        fer(python, files, ours, mtcnn=False)


if __name__ == "__main__":
    main()
