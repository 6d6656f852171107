"""FER2013, in each of its published forms."""
