"""What every test can ask for."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.fixtures import (  # noqa: F401 - fixtures for all tests
    fer2013,
    model_folder,
    run_cli,
    svg_charts,
    video_file,
)

# A busy machine is no failure.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is imported by now: a tenth of the time went to looking at it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --disable-dev-shm-usage "
    "--force-prefers-reduced-motion --window-size=1400,900"
)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data beside the checkout; the test skips where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return a function that starts a headless Chromium with more flags; skips where there is none."""
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    started: list[Any] = []

    def start(*flags: str) -> Any:
        if not binary or not driver:
            pytest.skip("no Chromium with its driver; on Debian: apt-get install chromium chromium-driver")
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for flag in [*CHROMIUM.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}", *flags]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        started.append(webdriver.Chrome(options=options, service=Service(driver)))
        started[-1].set_page_load_timeout(60)
        return started[-1]

    yield start
    for browser in started:
        browser.quit()


@pytest.fixture(scope="session", autouse=True)
def nobodys_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep cache and data of the tests away from the user's; return the cache."""
    cache_folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUECA_CACHE", str(cache_folder))
        patch.setenv("MUECA_DATA", str(tmp_path_factory.mktemp("data")))
        yield cache_folder


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """Draw each synthetic face and clip once in a process, whatever data sets it is in."""
    from pipelines.datasets.synthetic import clips, faces

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((faces, "draw_one"), (clips, "draw_clip")):
            drawn = cache(getattr(module, name))
            patch.setattr(module, name, lambda *given, drawn=drawn: drawn(*given).copy())
        yield
