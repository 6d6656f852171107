"""Synthetic faces and clips, drawn by our own code."""
