"""Vectors in, emotions out: heads, searches over them, and their files."""

from classifiers.registry import head, list_heads

__all__ = ["head", "list_heads"]
