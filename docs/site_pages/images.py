"""The images of README and site, made by the commands beside them: ``python docs/build.py --images``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Longer side of an image, in pixels: small enough for a page, large enough for its letters.
SIDE = 900
#: Figure of the report -> image.
TAKEN = {
    "accuracy-by-extractor-and-head.png": "report.png",
    "accuracy-against-time.png": "accuracy-against-time.png",
}


def write_images(folder: Path) -> None:
    """Write an image of ``mueca predict``, `TAKEN` by ``mueca report``, and one of ``mueca serve``."""
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
        Image.fromarray(astronaut()).save(work / "photo.jpg", quality=95)
        _page(work / "photo.jpg", work / "page.png")
        page = Image.open(work / "page.png").convert("RGB")
        page.thumbnail((SIDE, SIDE))
        _save(page.quantize(200), folder / "serve.png")


def _page(photo: Path, image: Path) -> None:
    """Write the page of ``mueca serve`` after it has classified a photo; needs Chromium and its driver."""
    from selenium.webdriver.support.ui import WebDriverWait

    with _served() as address, _browser() as browser:
        browser.set_window_size(1000, 1200)
        browser.get(address)
        browser.find_element("id", "files").send_keys(str(photo))
        WebDriverWait(browser, 120).until(lambda b: b.find_elements("css selector", "#results h3"))
        WebDriverWait(browser, 120).until(lambda b: not b.find_element("id", "progress").is_displayed())
        bottom = "return Math.ceil(document.querySelector('#results').getBoundingClientRect().bottom) + 16"
        browser.set_window_size(1000, browser.execute_script(bottom))
        browser.execute_script("scrollTo(0, 0)")
        browser.save_screenshot(str(image))


@contextmanager
def _served() -> Iterator[str]:
    """Serve the page on a free port of this machine; yield its address."""
    words = [sys.executable, "-m", "cli", "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            lines = iter(server.stdout or ())
            yield next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        finally:
            server.terminate()


@contextmanager
def _browser() -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield browser
    finally:
        browser.quit()


def _mueca(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "cli", *map(str, words)], check=True)


def _save(image: object, path: Path) -> None:
    image.thumbnail((SIDE, SIDE))  # type: ignore[attr-defined]
    image.save(path, optimize=True, quality=88)  # type: ignore[attr-defined]
