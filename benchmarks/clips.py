"""Clips a second of the clip extractors on all cores, and the memory that reading a long video takes.

Needs no data: clips are drawn. Run: python benchmarks/clips.py
"""

import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from recording import recording

from featurize.clips.sampling import resize_clip, sample
from featurize.registry import extractor
from pipelines.datasets import registry
from pipelines.datasets.micro_expressions.videos import read_video

CASES = (  # extractor, parameters, frames, side, clips a second to reach
    ("lbp-top", {}, 18, 64, 100),
    ("hog-top", {}, 18, 64, None),
    ("flow", {"apex": "last"}, 2, 128, 100),
    ("flow", {"apex": "last", "method": "farneback"}, 2, 128, 100),
    ("flow", {}, 18, 128, None),
    ("pooled", {"of": "hog"}, 18, 64, None),
)
THREADS = 2


def rate(built, clips):
    """Return clips a second over two threads, each with half of the clips."""
    built.transform(clips[:1])
    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(built.transform, [clips[k::THREADS] for k in range(THREADS)]))
    return len(clips) / (time.perf_counter() - started)


def speeds():
    drawn = registry.load("synthetic-clips", n_subjects=20, clips_per_subject=3)
    cv2.setNumThreads(1)  # two threads of ours, no more
    print(f"{'extractor':<58}{'frames':>7}{'side':>6}{'clips/s':>9}{'target':>8}")
    for name, params, frames, side, target in CASES:
        clips = [resize_clip(sample(c, max(frames, 18)), side) for c in drawn.samples] * 4
        clips = [c[[0, len(c) // 2]] if frames == 2 else c for c in clips]
        words = name + (f"({', '.join(f'{k}={v}' for k, v in params.items())})" if params else "")
        print(
            f"{words:<58}{frames:>7}{side:>6}{rate(extractor(name, **params), clips):>9.0f}{target or '':>8}"
        )


def write_video(path, seconds):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (640, 480))
    frame = cv2.resize(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8), (640, 480))
    for k in range(30 * seconds):
        writer.write(np.roll(frame, k, axis=1))
    writer.release()


def peak(path):
    """Print the frames kept and this process's peak memory in MB; run in a process of its own."""
    clip = read_video(Path(path))
    print(len(clip), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def memory():
    print(f"\n{'video of':<12}{'frames':>8}{'kept':>6}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (10, 60, 180):
            path = Path(folder) / f"{seconds}.avi"
            write_video(path, seconds)
            found = subprocess.run(
                [sys.executable, __file__, "--peak", str(path)], capture_output=True, text=True, check=True
            )
            kept, megabytes = found.stdout.split()
            print(f"{seconds:>4} s{'':6}{30 * seconds:>8}{kept:>6}{megabytes:>9}", flush=True)


if __name__ == "__main__":
    if "--peak" in sys.argv:
        peak(sys.argv[-1])
    else:
        with recording("clips"):
            speeds()
            memory()
