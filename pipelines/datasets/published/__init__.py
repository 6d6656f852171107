"""Published sets of faces, each one file: its form, its labels, its counts, where to ask for it."""
