"""JSON as it is taken from a disk: a mapping in UTF-8, of bounded size and depth, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from featurize.regular import open_regular

#: Bytes of a file that holds a card, a manifest or a recipe; more is none.
LARGEST = 2**28


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping that a JSON file holds.

    Raises
    ------
    OSError
        If it is not there, or cannot be read.
    ValueError
        If it holds something else, in words that go behind the file's name.
    """
    with open_regular(path) as file:
        return mapping_of(file.read(LARGEST + 1))


def mapping_of(data: bytes) -> dict[str, Any]:
    """Return the mapping that JSON holds; as `read_mapping`."""
    if len(data) > LARGEST:
        raise ValueError(f"more than {LARGEST >> 20} MB, which is no such file")
    try:
        found = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON (line {error.lineno}, column {error.colno})") from None
    except (RecursionError, ValueError):  # of a number with too many digits
        raise ValueError("not JSON of any use: nested too deep, or a number without end") from None
    if not isinstance(found, dict):
        raise ValueError("not a mapping")
    return found
