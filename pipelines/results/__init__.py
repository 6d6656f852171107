"""The files of results: rows, predictions, and how they are read."""
