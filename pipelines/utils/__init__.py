"""What several parts of the pipelines share, and that knows of none of them."""
