"""Old names of modules work for one version, and say where to go."""

import importlib
import sys

import pytest

import mueca
import pipelines


@pytest.mark.parametrize("name", pipelines.MOVED)
def test_an_old_name_gives_the_new_things_and_warns(name):
    sys.modules.pop(name, None)
    with pytest.warns(DeprecationWarning, match=f"{name} has moved: import mueca, or pipelines"):
        found = importlib.import_module(name)
    home = importlib.import_module(f"pipelines.{pipelines.MOVED[name][0]}")
    public = next(n for n, v in vars(home).items() if getattr(v, "__module__", "") == home.__name__)
    assert getattr(found, public) is getattr(home, public)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = found.nothing


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_the_pages_showed_before():
    from pipelines.predict import Predictor, draw
    from pipelines.report import write_report
    from pipelines.video import predict_video

    new = (mueca.Predictor, mueca.draw, mueca.write_report, mueca.predict_video)
    assert (Predictor, draw, write_report, predict_video) == new


def test_what_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pipelines.nothing")


def test_a_public_name_of_the_last_version_names_the_new_one():
    with pytest.raises(AttributeError, match=r"mueca.run_loso is now mueca.compare\(recipe, out\).pooled"):
        _ = mueca.run_loso
