"""Fisher vectors as they are computed now against how they were computed before, in one run: time and cosine.

    python benchmarks/fisher_speed.py --faces 200            # faces that are drawn
    python benchmarks/fisher_speed.py --data fer2013 --faces 2000

Processor time is what counts: before, each product of matrices was shared among threads that waited for
each other.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
from recording import recording

from featurize import extractor
from featurize.handcrafted import fisher
from featurize.handcrafted.gradients import BINS, LENGTH, MIRRORED, pooled, rooted
from featurize.images import fit_to
from pipelines import api


# Before ----------------------------------------------------------------------------------------------------
def old_maps(face):
    smooth = cv2.GaussianBlur(face.astype(np.float32), (0, 0), 0.8)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, i, 1 - i, ksize=1) for i in (1, 0))
    magnitude, angle = cv2.cartToPolar(dx, dy)
    place = angle.ravel() * np.float32(BINS / (2 * np.pi))
    lower = np.floor(place).astype(np.intp)
    part, pixels = place - lower, np.arange(place.size)
    maps = np.zeros((place.size, BINS), np.float32)
    maps[pixels, lower % BINS] = magnitude.ravel() * (1 - part)
    maps[pixels, (lower + 1) % BINS] = magnitude.ravel() * part
    return maps.reshape(*face.shape, BINS)


def old_on_grid(maps, grid, size):
    reach = (np.arange(4) - 1.5) * size
    cells = grid[:, None] + (np.sign(reach) * np.ceil(np.abs(reach))).astype(np.intp)
    cells = cells.clip(0, len(maps) - 1)
    found = maps[cells][:, :, cells]
    return rooted(found.transpose(0, 2, 1, 3, 4).reshape(-1, LENGTH), 4.0 * size, 0.2)


def old_sift(face, sizes=(2, 3, 4, 6), step=3):
    side, maps = len(face), old_maps(face)
    grid = np.arange((side - 1) % step // 2, side, step)
    along = ((2 * grid + 1) / side - 1).astype(np.float32)
    places = np.stack([np.tile(along, len(grid)), np.repeat(along, len(grid))], axis=1)
    descriptors = [old_on_grid(pooled(maps, size), grid, size) for size in sizes]
    return np.concatenate(descriptors), np.tile(places, (len(sizes), 1))


def old_of_points(book, points):
    squares = np.hstack([points**2, points])
    shares = squares @ book._slopes + book._offsets
    shares -= shares.max(axis=1, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    given = shares.sum(axis=0)[:, None] / len(points)
    second, first = np.hsplit(shares.T @ squares / np.float32(len(points)), 2)
    apart, roots = first - given * book.means, np.sqrt(book.weights)[:, None]
    spread = second - 2 * book.means * first + (book.means**2 - book.variances) * given
    to_means = apart / (np.sqrt(book.variances) * roots)
    to_variances = spread / (book.variances * roots * np.float32(np.sqrt(2)))
    slope = np.hstack([to_means, to_variances]).ravel()
    root = np.sign(slope) * np.sqrt(np.abs(slope))
    return root / max(float(np.linalg.norm(root)), 1e-12)


def old_transform(batch):
    book = fisher.load_codebook(fisher.CODEBOOK)
    faces, found = fisher.upright(batch)
    vectors = []
    for face in faces:
        descriptors, places = old_sift(face)
        mirrored = book.project(descriptors[:, MIRRORED], places * np.array((-1, 1), np.float32))
        vectors.append(old_of_points(book, np.concatenate([book.project(descriptors, places), mirrored])))
    return np.hstack([fisher.LENGTH * np.stack(vectors), np.float32(0.1) * found[:, None]])


# Both ------------------------------------------------------------------------------------------------------
def timed(work, batch):
    work(batch[:4])
    wall, used = time.perf_counter(), time.process_time()
    found = work(batch)
    each = 1000 / len(batch)
    return found, (time.process_time() - used) * each, (time.perf_counter() - wall) * each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--faces", type=int, default=200)
    options = parser.parse_args()
    one, dataset = extractor("fisher"), api.load_dataset(options.data)
    n = min(options.faces, len(dataset))
    batch = np.stack([fit_to(dataset.samples[i], one.size, one.channels) for i in range(n)])
    before, used_before, wall_before = timed(old_transform, batch)
    now, used, wall = timed(one.transform, batch)
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(now, axis=1)
    cosine = (before * now).sum(axis=1) / lengths
    print(f"{n} faces of {options.data}")
    print(f"before: {used_before:6.2f} ms of processor a face, {wall_before:6.2f} ms in all")
    print(f"now:    {used:6.2f} ms of processor a face, {wall:6.2f} ms in all")
    print(f"{used_before / used:.1f} and {wall_before / wall:.1f} times; smallest cosine {cosine.min():.7f}")


if __name__ == "__main__":
    with recording("fisher-speed"):
        main()
