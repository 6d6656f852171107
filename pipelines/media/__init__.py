"""Videos and cameras as streams of frames."""
