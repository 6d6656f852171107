"""Names of what is being written, and the removal of what a killed run has left.

A temporary name says which process of which machine writes there. What belongs to a process that is dead, or
was not touched for a day, is left over.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

#: Characters of a name, and of an ending, that the temporary name keeps: no name gets too long for a disk.
_STEM, _ENDING = 40, 10
#: Seconds after which what nobody touches is left over, also where it cannot be asked whether its run lives.
IDLE = 86_400.0
_NAME = re.compile(r"\..*\.(?P<machine>[0-9a-f]{6})(?P<process>[0-9a-f]{8})-[0-9a-f]{6}\.(tmp|old)(\..*)?")
#: Folders that this process has looked through.
SWEPT: set[tuple[int, int]] = set()


def beside(path: Path, mark: str) -> Path:
    """Return a hidden name in the same folder that no other run takes.

    Parameters
    ----------
    path : Path
    mark : {"tmp", "old"}
        What stands there: something that is written, or what was set aside for it.
    """
    return path.with_name(
        f"{_prefix(path)}{machine_digits()}{os.getpid():08x}-{os.urandom(3).hex()}.{mark}{_ending(path)}"
    )


def set_aside(path: Path) -> Path | None:
    """Return what a killed run had set aside for `path` and not put back; None as a rule."""
    if path.exists() or not path.parent.is_dir():
        return None
    found = path.parent.glob(f"{_escaped(_prefix(path))}*.old{_escaped(_ending(path))}")
    return next((p for p in found if _NAME.fullmatch(p.name) and _is_left_over(p)), None)


def sweep(folder: Path) -> None:
    """Remove from a folder what killed runs have left there; looked through once a process."""
    with suppress(OSError):
        found = folder.stat()
        if (found.st_dev, found.st_ino) in SWEPT:
            return
        SWEPT.add((found.st_dev, found.st_ino))
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name[0] == "."]
        for name in names:
            if (said := _NAME.fullmatch(name)) and said[3] == "tmp" and _is_left_over(folder / name):
                remove(folder / name)


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    return f".{path.stem[:_STEM]}."


def _ending(path: Path) -> str:
    return path.suffix if len(path.suffix) <= _ENDING else ""


def _escaped(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def _is_left_over(path: Path) -> bool:
    said = _NAME.fullmatch(path.name)
    if said is None:
        return False
    if said["machine"] == machine_digits() and not _is_alive(int(said["process"], 16)):
        return True
    return time.time() - _last_touched(path) > IDLE


def _last_touched(path: Path) -> float:
    """Return when a file, or anything in a folder, was last written."""
    times = [path.lstat().st_mtime]
    for place, folders, files in os.walk(path):
        for name in (*folders, *files):
            with suppress(OSError):
                times.append(os.lstat(os.path.join(place, name)).st_mtime)  # noqa: PTH118
    return max(times)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


@cache
def machine_digits() -> str:
    """Return six digits of this machine, and of the container whose process numbers are its own."""
    try:
        numbers = os.readlink("/proc/self/ns/pid")  # noqa: PTH115
    except OSError:
        numbers = ""
    return hashlib.sha256(f"{platform.node()} {numbers}".encode()).hexdigest()[:6]
