"""Scores, curves, calibration and significance."""
