"""An environment of its own for each kind of package: nothing of it is installed beside this toolkit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements"
#: Two of Python's, one of Node's.
ENVIRONMENTS = ("keras", "torch", "node")
OWN = "own"


def command(environment: str, folder: Path, adapter: str, variant: str) -> list[str]:
    """Return the words that start an adapter, without its job and output."""
    if environment == OWN:
        return [sys.executable, str(HERE / "worker.py"), str(HERE / adapter), variant]
    if environment == "node":
        return ["node", str(HERE / "worker.js"), str(HERE / adapter), str(folder / "node" / "node_modules")]
    return [
        str(folder / environment / "bin" / "python"),
        str(HERE / "worker.py"), str(HERE / adapter), variant,
    ]  # fmt: skip


def is_there(environment: str, folder: Path) -> bool:
    """Say whether an environment was installed to its end, as the files here ask now."""
    if environment == OWN:
        return True
    mark = folder / environment / "installed.json"
    return mark.exists() and json.loads(mark.read_text("utf-8")) == asked_for(environment)


def asked_for(environment: str) -> dict[str, str]:
    """Return the text of each file that says what is installed."""
    names = (
        ["package.json"] if environment == "node" else [f"{environment}.txt", f"{environment}-packages.txt"]
    )
    return {name: (REQUIREMENTS / name).read_text("utf-8") for name in names}


def install(environment: str, folder: Path) -> None:
    """Make an environment from its pinned list, anew where the list has changed.

    Raises
    ------
    SystemExit
        If its installer fails: which, and where its output is.
    """
    if is_there(environment, folder):
        return
    place = folder / environment
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    steps = of_node(place) if environment == "node" else of_python(environment, place)
    with (place / "install.log").open("w", encoding="utf-8") as log:
        for step in steps:
            if subprocess.run(step, cwd=place, stdout=log, stderr=log).returncode:
                raise SystemExit(f"{environment}: not installed; see {log.name}")
    (place / "installed.json").write_text(json.dumps(asked_for(environment)), "utf-8")


def of_python(environment: str, place: Path) -> list[list[str]]:
    """Return the steps of a virtual environment.

    The packages of the table are installed without what they ask for: their own lists ask for several builds
    of OpenCV, or for versions of NumPy and Pillow that this Python has no wheels of.
    """
    python = str(place / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [
        [sys.executable, "-m", "venv", str(place)],
        [*pip, "-r", str(REQUIREMENTS / f"{environment}.txt")],
        [*pip, "--no-deps", "-r", str(REQUIREMENTS / f"{environment}-packages.txt")],
    ]


def of_node(place: Path) -> list[list[str]]:
    """Return the steps of a folder of Node; install scripts, which would download more, are left out."""
    shutil.copy(REQUIREMENTS / "package.json", place / "package.json")
    return [["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]]
