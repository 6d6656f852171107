"""Grid searches that share their work between candidates, folds and bags."""

from classifiers.search._grid import SharedGridSearch, grid_search
from classifiers.search._held_out import Tried, try_candidates
from classifiers.search._protocols import by_subject, holdout, kfold, nested

__all__ = [
    "SharedGridSearch",
    "Tried",
    "by_subject",
    "grid_search",
    "holdout",
    "kfold",
    "nested",
    "try_candidates",
]
