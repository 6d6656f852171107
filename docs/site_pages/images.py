"""The images of README and site, made by the commands beside them: ``python docs/build.py --images``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

#: Longer side of an image, in pixels: small enough for a page, large enough for its letters.
SIDE = 900
#: Figure of the report -> image.
TAKEN = {
    "accuracy-by-extractor-and-head.png": "report.png",
    "accuracy-against-time.png": "accuracy-against-time.png",
}


def write_images(folder: Path) -> None:
    """Write ``astronaut.jpg`` by ``mueca predict``, and `TAKEN` by ``mueca report``, into a folder."""
    from PIL import Image
    from skimage.data import astronaut

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        Image.fromarray(astronaut()).save(work / "photo.png")
        _mueca("predict", work / "photo.png", "--draw", work / "marked", "--out", work / "photo.jsonl")
        (marked,) = (work / "marked").iterdir()
        _save(Image.open(marked).convert("RGB"), folder / "astronaut.jpg")
        _mueca("compare", "configs/demo.yaml", "--out", work / "demo")
        _mueca("report", work / "demo", "--projection", "none")
        figures = work / "demo" / "report" / "figures"
        for name, taken in TAKEN.items():
            _save(Image.open(figures / name).convert("RGB"), folder / taken)


def _mueca(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "cli", *map(str, words)], check=True)


def _save(image: object, path: Path) -> None:
    image.thumbnail((SIDE, SIDE))  # type: ignore[attr-defined]
    image.save(path, optimize=True, quality=88)  # type: ignore[attr-defined]
