"""Small data, and a cache and a data folder that are nobody's."""

import pytest

from pipelines.datasets.synthetic.faces import load


@pytest.fixture(scope="session")
def tiny():
    """Return 140 synthetic faces of 10 people."""
    return load(n_per_class=20, seed=1, n_identities=10)
