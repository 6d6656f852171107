"""Faces and images for the packages, raw on the disk, and their answers, kept until something changes."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rivals.environments import HERE, command
from rivals.registry import Rival


@dataclass(frozen=True)
class Job:
    """Faces and images on the disk.

    Attributes
    ----------
    folder : Path
    faces : Path
        (n, side, side) uint8, raw.
    side : int
    images : list of dict
        file, height, width.
    digest : str
        SHA-256 of all of it.
    """

    folder: Path
    faces: Path
    side: int
    images: list[dict[str, Any]]
    digest: str

    def text(self, repeats: int = 0) -> str:
        """Return it as a worker reads it."""
        job = {"faces": str(self.faces), "side": self.side, "images": self.images, "repeats": repeats}
        return json.dumps(job)


def written(folder: Path, faces: NDArray[np.uint8], images: Sequence[NDArray[np.uint8]]) -> Job:
    """Write (n, side, side) faces and (h, w, 3) images of RGB; return their job."""
    folder.mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256(faces.tobytes())
    faces.tofile(folder / "faces.u8")
    listed = []
    for k, image in enumerate(images):
        rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        file = folder / f"image-{k:04d}.u8"
        np.ascontiguousarray(rgb).tofile(file)
        sha.update(rgb.tobytes())
        listed.append({"file": str(file), "height": rgb.shape[0], "width": rgb.shape[1]})
    return Job(folder, folder / "faces.u8", faces.shape[1], listed, sha.hexdigest())


def answers(rival: Rival, environments: Path, job: Job) -> dict[str, Any]:
    """Return what a package says of a job, from the disk where the same was asked before."""
    kept = kept_at(rival, job)
    if not kept.exists():
        part = kept.with_suffix(".part")
        asked(rival, environments, job.text(), part)
        part.rename(kept)
    return json.loads(kept.read_text("utf-8"))


def times(rival: Rival, environments: Path, job: Job, repeats: int) -> dict[str, Any]:
    """Return the seconds that a package takes, on the wall and of the processor, measured now."""
    out = job.folder / "times.json"
    asked(rival, environments, job.text(repeats), out)
    return json.loads(out.read_text("utf-8"))


def asked(rival: Rival, environments: Path, job: str, out: Path) -> None:
    """Run an adapter in its environment.

    Raises
    ------
    RuntimeError
        If it ends with an error, or something ends it: its last line, or the signal.
    """
    file = out.with_name("job.json")
    file.write_text(job, "utf-8")
    words = command(rival.environment, environments, rival.adapter, rival.variant)
    done = subprocess.run([*words, str(file), str(out)], capture_output=True, text=True)
    if done.returncode < 0:
        raise RuntimeError(f"{rival.title}: ended by signal {-done.returncode}; is there memory enough?")
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise RuntimeError(f"{rival.title}: {lines[-1].strip()}")


def kept_at(rival: Rival, job: Job) -> Path:
    """Return where a package's answers to a job are kept: another file for another version or adapter."""
    source = hashlib.sha256((HERE / rival.adapter).read_bytes()).hexdigest()
    parts = [rival.package, rival.variant, job.digest, source]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]
    return job.folder / f"answers-{key}.json"
