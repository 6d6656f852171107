"""Face detectors, one file a family; `featurize.detect` gives them by name."""
