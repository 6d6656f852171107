"""What ``mueca predict`` shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.utils.console import as_json, printable, say

if TYPE_CHECKING:
    from pipelines.datasets.base import Fault
    from pipelines.prediction.faces import Summary


def tally(done: Summary) -> str:
    """Return what ``mueca predict`` did, in one line."""
    small = f", {done.skipped} too small to judge" if done.skipped else ""
    if done.videos:
        where = f"{_count(done.frames, 'frame')} of {_count(done.videos, 'video')}"
        return f"{_count(done.faces, 'track')} in {where}{small}"
    return f"{done.faces} faces in {done.photos} photos{small}"


def print_notes(notes: Sequence[Fault], most: int = 20) -> None:
    """Say of each file what was left out of it."""
    for note in notes[:most]:
        say(f"mueca: {printable(note.path)}: left out {note.reason}")
    if len(notes) > most:
        say(f"mueca: and of {len(notes) - most} more files")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def files_met(done: Summary) -> str:
    """Return what became of every file that was met, in one line; empty if all were read, or it was one."""
    from pipelines.datasets.walk import fault_names, not_looked_at

    faults, ignored = fault_names(done.faults), done.ignored.total()
    if not ignored and (not faults or done.files == 1):
        return ""
    words = [f"{done.files:,} files: {done.files - faults.total() - ignored:,} read"]
    if faults:
        words.append(f"{faults.total():,} not read ({not_looked_at(faults)})")
    if ignored:
        words.append(f"{ignored:,} not looked at ({not_looked_at(done.ignored)})")
    videos = any(key.endswith("(video)") for key in done.ignored)
    return ", ".join(words) + "; give the videos in a command of their own" * videos


def print_tally(done: Summary, last_line: bool) -> None:
    """Print what became of every file as JSON; after records, as one more line of them, named "summary"."""
    if last_line:
        print(json.dumps({"summary": done.as_dict()}, ensure_ascii=False))
    else:
        as_json(done.as_dict())
