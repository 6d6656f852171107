"""What ``mueca data`` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.store import Store
from pipelines.utils.progress import Progress

if TYPE_CHECKING:
    pass


def audit(data: str, threshold: int | None, out: Path | None, progress: Progress) -> tuple[Any, list[Path]]:
    """Audit a data set by name or path; return the audit and the files written."""
    from pipelines.datasets import registry
    from pipelines.datasets.audit import audit as run_audit

    dataset = registry.load(data, cache=Store().root, progress=progress)
    options = {} if threshold is None else {"near_threshold": threshold}
    found = run_audit(dataset, progress=progress, **options)
    return found, list(found.write_csv(out)) if out else []
