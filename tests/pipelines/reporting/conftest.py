"""A folder of results, and the page made from it."""

import sys
from pathlib import Path

import pytest

# The tests are no packages: what they share is imported by its bare name.
sys.path.insert(0, str(Path(__file__).parent))

from fabricate import fabricate  # noqa: E402

from pipelines.reporting.report import write_report  # noqa: E402


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Return a folder of 25 made-up runs on made-up faces."""
    return fabricate(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def made(folder):
    """Return the report of that folder."""
    return write_report(folder)
