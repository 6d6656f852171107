"""A data set that is refused, in one line that says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.datasets import registry


def refused(name: str, root: Path, *words: str, **options: Any) -> None:
    """Assert that loading a set is an error of one line with these words."""
    with pytest.raises((ValueError, OSError)) as caught:
        registry.load(name, path=root, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line
