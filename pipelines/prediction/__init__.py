"""Predictions of files, cameras and videos, as records."""
