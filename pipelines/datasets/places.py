"""Where sets that are read in place lie: asked for by a list of sets, so it imports nothing of them."""

from __future__ import annotations

import json
from pathlib import Path


def place_file(root: Path, name: str) -> Path:
    """Return the file that says where a set lies."""
    return root / f"{name}.json"


def place_of(root: Path, name: str) -> Path | None:
    """Return the folder that a set was added from, None if it was not added so."""
    try:
        return Path(json.loads(place_file(root, name).read_text("utf-8"))["path"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
