"""Classify images of one face each: python predict.py FACE.jpg ... (needs numpy, pillow, onnxruntime)."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

here = Path(__file__).resolve().parent
card = json.loads((here / "export.json").read_text("utf-8"))
if card["input"]["preprocess"]["equalize"] != "none":
    sys.exit("this model takes equalised faces, and this example does not equalise; see export.json")
network = onnxruntime.InferenceSession(here / "extractor.onnx")
head = onnxruntime.InferenceSession(here / "head.onnx")


def taps(n, size):
    """Return (size, n): the mean of the area when shrinking, cubic (a = -0.75) when enlarging."""
    at, i = (np.arange(size)[:, None] + 0.5) * n / size, np.arange(-2, n + 2)
    if n > size:
        low, high = at - n / size / 2, at + n / size / 2
        rows = np.clip(np.minimum(i + 1, high) - np.maximum(i, low), 0, None) * size / n
    else:
        x = np.abs(at - 0.5 - i)
        far = np.where(x < 2, -0.75 * x**3 + 3.75 * x**2 - 6 * x + 3, 0)
        rows = np.where(x <= 1, 1.25 * x**3 - 2.25 * x**2 + 1, far)
    rows[:, 2] += rows[:, :2].sum(axis=1)
    rows[:, -3] += rows[:, -2:].sum(axis=1)
    return rows[:, 2:-2]


def resized(face, size):
    """Return (size, size, c) from (h, w, c), whole numbers of 0..255."""
    planes = taps(face.shape[0], size) @ face.transpose(2, 0, 1) @ taps(face.shape[1], size).T
    return np.rint(planes.transpose(1, 2, 0)).clip(0, 255)


for name in sys.argv[1:]:
    image = ImageOps.exif_transpose(Image.open(name)).convert(
        "L" if card["input"]["channels"] == 1 else "RGB"
    )
    face = np.atleast_3d(np.asarray(image, np.float64))
    most = card["input"]["reduce_to"]
    if most and max(face.shape) > most:
        face = resized(face, most)
    pixels = resized(face, card["input"]["size"])[None].astype(np.float32)
    vectors = network.run(["vectors"], {"pixels": pixels})[0]
    scores, label = head.run(["scores", "label"], {"vectors": vectors})
    numbers = dict(zip(card["classes"], scores[0].astype(float).round(5).tolist(), strict=True))
    print(json.dumps({"file": name, "label": card["classes"][label[0]], card["scores"]: numbers}))
