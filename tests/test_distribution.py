"""Wheel and sdist: what is in them, and that what they install works away from the source."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile

import pytest
from PIL import Image
from skimage import data

from tests.helpers import built
from tests.helpers.pages import ROOT

#: What must be in both; a folder stands for each of its files here.
NEEDED = (
    "configs", "featurize/backbones/weights", "featurize/mediapipe", "featurize/handcrafted/fisher.npz",
    "pipelines/models/default", "pipelines/reporting/templates", "pipelines/exporting/templates",
    "pipelines/web/templates", "pipelines/web/static", "pipelines/reporting/reference.csv",
    "mueca/py.typed", "cli.py",
)  # fmt: skip
#: Megabytes of a wheel at most: its weights, and a little.
MOST = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return wheel, sdist and a folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("distribution")
    wheel, sdist = built.build(folder)
    return wheel, sdist, built.installed(wheel, folder / "installed")


def needed():
    """Return the files that must be there, relative to the source."""
    for name in NEEDED:
        path = ROOT / name
        files = [f for f in path.iterdir() if f.is_file()] if path.is_dir() else [path]
        yield from (f.relative_to(ROOT).as_posix() for f in files)


def test_both_hold_configs_weights_templates_and_the_default_model(made):
    wheel, sdist, _ = made
    inside = set(zipfile.ZipFile(wheel).namelist())
    shipped = {name.split("/data/share/mueca/")[-1] for name in inside}
    assert [name for name in needed() if name not in inside | shipped] == []
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert [name for name in needed() if name not in packed] == []


def test_the_wheel_is_small_and_has_no_tests(made):
    wheel, _, folder = made
    assert wheel.stat().st_size < MOST * 1e6
    tops = {p.name for p in folder.iterdir() if p.suffix != ".dist-info"}
    assert tops - {"__pycache__"} == {
        "bin",
        "classifiers",
        "cli.py",
        "featurize",
        "mueca",
        "pipelines",
        "share",
    }


def run(folder, here, *words):
    """Run a command of the installed package where the source is not."""
    env = {**os.environ, "PYTHONPATH": str(folder), "MUECA_CACHE": str(here / "cache")}
    return subprocess.run(words, cwd=here, env=env, capture_output=True, text=True, check=False)


def test_it_predicts_and_finds_recipes_by_name(made, tmp_path):
    folder = made[2]
    Image.fromarray(data.astronaut()).save(tmp_path / "photo.jpg")
    done = run(folder, tmp_path, folder / "bin" / "mueca", "predict", "photo.jpg")
    assert done.returncode == 0, done.stderr
    assert '"label": "happy"' in done.stdout
    program = (
        "import mueca, cli; print(mueca.__file__, cli.__file__, mueca.load_recipe('demo').name, "
        "mueca.load_recipe('configs/own.yaml').name)"
    )
    done = run(folder, tmp_path, sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    *files, demo, own = done.stdout.split()
    assert all(name.startswith(str(folder)) for name in files)
    assert (demo, own) == ("demo", "own")


def test_an_unknown_recipe_names_the_nearest(made, tmp_path):
    folder = made[2]
    done = run(folder, tmp_path, folder / "bin" / "mueca", "compare", "dmeo")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("no recipe dmeo; of those that come with mueca did you mean 'demo'?")
