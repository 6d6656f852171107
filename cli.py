"""The command line: parses words and makes one call into `pipelines`."""


def main() -> None:
    """Run ``mueca``."""
    raise SystemExit("mueca: not written yet")
