"""The main job on all of FER2013, as the README says it."""

import pytest

from pipelines.api import fit
from pipelines.datasets.registry import add


@pytest.mark.slow
@pytest.mark.shared
def test_hog_and_svm_reach_the_published_figure(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path))
    report = add("fer2013", shared / "fer2013.tar.xz")
    assert report.complete
    _, outcome = fit("fer2013", "hog", "svm", C=10)
    rows = {row.split: row for row in outcome.rows}
    assert (rows["test"].n_train, rows["test"].n_test) == (28709, 7178)
    assert rows["test"].accuracy >= 0.595
    assert rows["test-clean"].accuracy < rows["test"].accuracy
