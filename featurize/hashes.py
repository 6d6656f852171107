"""Content hashes: of what decides an embedding, and of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from featurize.regular import open_regular


def canonical_json(fields: Mapping[str, Any]) -> str:
    """Return `fields` as JSON with one spelling: sorted keys, no spaces, no NaN.

    Raises
    ------
    ValueError
        If a value is NaN or infinite (it would not compare equal to itself).
    TypeError
        If a value is no JSON type.
    """
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def key_of(fields: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of `fields`."""
    return hashlib.sha256(canonical_json(fields).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
