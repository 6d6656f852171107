"""Principal components of vectors in blocks: see `classifiers._projection`."""

from classifiers._projection import Projection

__all__ = ["Projection"]
