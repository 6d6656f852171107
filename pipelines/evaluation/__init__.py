"""Comparisons: every extractor with every head under one protocol."""
