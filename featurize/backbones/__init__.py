"""Networks as extractors: one file a family, each layer worth embedding named."""
