"""What ``mueca cache`` shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featurize.store import Listing

if TYPE_CHECKING:
    pass


def cache_records(entries: Sequence[Listing]) -> list[dict[str, Any]]:
    """Return cache entries as records for a table."""
    return [
        {
            "key": e.key[:12],
            "state": e.state,
            "extractor": e.extractor,
            "dataset": e.dataset,
            "rows": e.rows,
            "dim": e.dim,
            "mb": e.bytes / 1e6,
            "last_used": time.strftime("%Y-%m-%d %H:%M", time.localtime(e.last_used)),
        }
        for e in entries
    ]
