"""What a result was made with: library versions, machine, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

_LIBRARIES = (
    "mueca",
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-learn-intelex",
    "opencv-python-headless",
    "scikit-image",
    "dlib-bin",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "openvino",
    "numba",
)


@cache
def library_versions() -> dict[str, str]:
    """Return the installed version of Python and of each library that can move a number."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def git_sha() -> str:
    """Return the commit of this source tree, with ``+`` if it was changed; "" outside a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return ""
    try:
        sha = _git(here, "rev-parse", "--short=12", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return sha + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout.strip()


def machine() -> str:
    """Return the processor, its cores and the memory, in words."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (OSError, ValueError, StopIteration):
        return f"{model}, {os.cpu_count()} cores"
    return f"{model}, {os.cpu_count()} cores, {gib:.0f} GiB, {platform.system()}"
