"""From a data set to cached vectors, and what a network has seen of it."""
