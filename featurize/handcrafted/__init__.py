"""Extractors that need no training."""
