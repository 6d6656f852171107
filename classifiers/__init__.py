"""Vectors in, emotions out: heads, searches over them, and their files."""

from classifiers._rows import Rows
from classifiers.persist import PersistError, load, save
from classifiers.registry import head, list_heads
from classifiers.scoring import answers, label_is_largest, probabilities, scores

__all__ = [
    "PersistError",
    "Rows",
    "answers",
    "head",
    "label_is_largest",
    "list_heads",
    "load",
    "probabilities",
    "save",
    "scores",
]
