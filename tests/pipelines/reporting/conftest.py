"""A folder of results, and the page made from it."""

import pickle
import sys
from pathlib import Path

import pytest

# The tests are no packages: what they share is imported by its bare name.
sys.path.insert(0, str(Path(__file__).parent))

from fabricate import fabricate  # noqa: E402

from pipelines.reporting.report import write_report  # noqa: E402
from tests.helpers.fixtures import svg_alone  # noqa: E402
from tests.helpers.once import once  # noqa: E402


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Return a folder of 25 made-up runs on made-up faces, and its report; nobody changes it."""
    return once(tmp_path_factory, "results", reported)


def reported(folder):
    """Make up the results; write the report, its charts as SVG, and what was said of it."""
    with svg_alone():
        made = write_report(fabricate(folder))
    (folder / "report.pickle").write_bytes(pickle.dumps(made))


@pytest.fixture(scope="session")
def made(folder):
    """Return the report of that folder."""
    return pickle.loads((folder / "report.pickle").read_bytes())
