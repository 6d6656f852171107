"""Faces in, vectors out: extractors, preprocessing and the embedding cache."""

from featurize.base import Extractor, ExtractorSpec
from featurize.registry import extractor, list_extractors, parse, with_params

__all__ = ["Extractor", "ExtractorSpec", "extractor", "list_extractors", "parse", "with_params"]
