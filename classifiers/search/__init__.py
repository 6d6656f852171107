"""Grid searches that share their work between candidates, folds and bags."""

from classifiers.memory import bounded, gigabytes
from classifiers.search._grid import GridSearchCV, grid_search
from classifiers.search._held_out import CandidateResult, try_candidates
from classifiers.search._protocols import by_subject, folds_of, holdout, kfold, nested

#: The old name, for one version; `mueca` warns of it.
SharedGridSearch = GridSearchCV

__all__ = [
    "CandidateResult",
    "GridSearchCV",
    "SharedGridSearch",
    "bounded",
    "by_subject",
    "folds_of",
    "gigabytes",
    "grid_search",
    "holdout",
    "kfold",
    "nested",
    "try_candidates",
]
