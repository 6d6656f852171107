"""Vectors in, emotions out: heads, searches over them, and their files."""

from classifiers.persist import PersistError, load, save
from classifiers.registry import head, list_heads
from classifiers.scoring import probabilities, scores

__all__ = ["PersistError", "head", "list_heads", "load", "probabilities", "save", "scores"]
