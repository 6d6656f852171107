"""Protocols of folds: nested, by subject, and the leaky ones that show the optimism."""
