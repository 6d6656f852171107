"""Data sets: one form for all, whatever they come from."""
