"""The images of README and site, made by the commands that stand beside them: ``python docs/build.py --images``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

#: Longer side of an image, in pixels: small enough for a page, large enough for its letters.
SIDE = 900


def write_images(folder: Path) -> None:
    """Write ``astronaut.jpg`` (by ``mueca predict``) and ``report.png`` (by ``mueca report``) into a folder."""
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
        _save(Image.open(figures / "accuracy-by-extractor-and-head.png").convert("RGB"), folder / "report.png")
        _save(Image.open(figures / "accuracy-against-time.png").convert("RGB"), folder / "accuracy-against-time.png")


def _mueca(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "cli", *map(str, words)], check=True)


def _save(image: object, path: Path) -> None:
    image.thumbnail((SIDE, SIDE))  # type: ignore[attr-defined]
    image.save(path, optimize=True, quality=88)  # type: ignore[attr-defined]
