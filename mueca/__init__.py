"""Facial-expression recognition by features and classical ensembles: the public names, in one flat namespace.

``import mueca`` takes milliseconds: a name's module is imported when the name is first asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from classifiers import head as head
    from classifiers import list_heads as list_heads
    from classifiers.registry import HeadParams as HeadParams
    from classifiers.registry import register_head as register_head
    from classifiers.search import GridSearchCV as GridSearchCV
    from classifiers.search import by_subject as by_subject
    from classifiers.search import grid_search as grid_search
    from classifiers.search import holdout as holdout
    from classifiers.search import kfold as kfold
    from classifiers.search import nested as nested
    from featurize import extractor as extractor
    from featurize import list_extractors as list_extractors
    from featurize.base import Extractor as _Extractor
    from featurize.base import Params as Params
    from featurize.detect import crop_face as crop_face
    from featurize.detect import detector as detector
    from featurize.images import decode as decode
    from featurize.registry import register_extractor as register_extractor
    from featurize.store import Store as Store
    from featurize.transformer import Extractor as Extractor
    from pipelines.api import compare as compare
    from pipelines.api import connect as connect
    from pipelines.api import estimate as estimate
    from pipelines.api import featurize as featurize
    from pipelines.api import load_dataset as load_dataset
    from pipelines.api import load_model as load_model
    from pipelines.api import load_recipe as load_recipe
    from pipelines.datasets.base import Dataset as Dataset
    from pipelines.datasets.indexing import write_index as write_index
    from pipelines.datasets.votes import weighted_samples as weighted_samples
    from pipelines.evaluation.recipe import recipe_from as recipe_from
    from pipelines.exporting.export import export as export
    from pipelines.exporting.quantize import quantize as quantize
    from pipelines.models.model import Model as Model
    from pipelines.notebook.fitting import fit as fit
    from pipelines.notebook.plots import plot_confusion as plot_confusion
    from pipelines.notebook.plots import plot_embedding as plot_embedding
    from pipelines.notebook.plots import plot_grid as plot_grid
    from pipelines.notebook.plots import plot_roc as plot_roc
    from pipelines.prediction.annotate import draw as draw
    from pipelines.prediction.predictor import Predictor as Predictor
    from pipelines.prediction.video import predict_video as predict_video
    from pipelines.reporting.report import Options as _ReportOptions
    from pipelines.reporting.report import write_report as write_report
    from pipelines.results.load import load_results as load_results
    from pipelines.web.server import Options as _ServeOptions
    from pipelines.web.server import run as _run

    BaseExtractor = _Extractor
    ReportOptions = _ReportOptions
    ServeOptions = _ServeOptions
    serve = _run

#: Public names of the last version -> what to call now.
_GONE = {
    "loso_recipe": "mueca.recipe_from(...)",
    "run_loso": "mueca.compare(recipe, out).pooled",
}

#: Public name -> module, or module and the name there.
_HOMES: dict[str, str] = {
    "BaseExtractor": "featurize.base:Extractor",
    "Dataset": "pipelines.datasets.base",
    "Extractor": "featurize.transformer",
    "GridSearchCV": "classifiers.search",
    "HeadParams": "classifiers.registry",
    "Model": "pipelines.models.model",
    "Params": "featurize.base",
    "Predictor": "pipelines.prediction.predictor",
    "ReportOptions": "pipelines.reporting.report:Options",
    "ServeOptions": "pipelines.web.server:Options",
    "Store": "featurize.store",
    "by_subject": "classifiers.search",
    "compare": "pipelines.api",
    "connect": "pipelines.api",
    "crop_face": "featurize.detect",
    "decode": "featurize.images",
    "detector": "featurize.detect",
    "draw": "pipelines.prediction.annotate",
    "estimate": "pipelines.api",
    "export": "pipelines.exporting.export",
    "extractor": "featurize",
    "featurize": "pipelines.api",
    "fit": "pipelines.notebook.fitting",
    "grid_search": "classifiers.search",
    "head": "classifiers",
    "holdout": "classifiers.search",
    "kfold": "classifiers.search",
    "list_extractors": "featurize",
    "list_heads": "classifiers",
    "load_dataset": "pipelines.api",
    "load_model": "pipelines.api",
    "load_recipe": "pipelines.api",
    "load_results": "pipelines.results.load",
    "nested": "classifiers.search",
    "plot_confusion": "pipelines.notebook.plots",
    "plot_embedding": "pipelines.notebook.plots",
    "plot_grid": "pipelines.notebook.plots",
    "plot_roc": "pipelines.notebook.plots",
    "predict_video": "pipelines.prediction.video",
    "quantize": "pipelines.exporting.quantize",
    "recipe_from": "pipelines.evaluation.recipe",
    "register_extractor": "featurize.registry",
    "register_head": "classifiers.registry",
    "serve": "pipelines.web.server:run",
    "weighted_samples": "pipelines.datasets.votes",
    "write_index": "pipelines.datasets.indexing",
    "write_report": "pipelines.reporting.report",
}

#: Names of the version before, for one version -> the names of now.
_RENAMED = {"SharedGridSearch": "GridSearchCV"}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - one list, of which the tests hold the imports above to be the same


def _find(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name == "__version__":
        from importlib.metadata import version

        return version("mueca")
    if name in _RENAMED:
        from warnings import warn

        warn(f"mueca.{name} is now mueca.{_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        return getattr(sys.modules[__name__], _RENAMED[name])
    if name in _GONE:
        raise AttributeError(f"mueca.{name} is now {_GONE[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module 'mueca' has no attribute {name!r}{_meant(name)}")
    module, _, attribute = _HOMES[name].partition(":")
    found = getattr(import_module(module), attribute or name)
    globals()[name] = found
    return found


def _meant(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, _HOMES, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


if not TYPE_CHECKING:  # which then takes any name for one of mueca's
    __getattr__ = _find


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
