"""Grid searches that share their work between candidates, folds and bags."""

from classifiers.memory import bounded, gigabytes
from classifiers.search._grid import SharedGridSearch, grid_search
from classifiers.search._held_out import CandidateResult, try_candidates
from classifiers.search._protocols import by_subject, holdout, kfold, nested

__all__ = [
    "SharedGridSearch",
    "CandidateResult",
    "bounded",
    "by_subject",
    "gigabytes",
    "grid_search",
    "holdout",
    "kfold",
    "nested",
    "try_candidates",
]
