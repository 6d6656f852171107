"""A data set and a recipe in; result rows, predictions, models and reports out.

The names below are imported when first used, so that ``import pipelines`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.api import featurize, fit
    from pipelines.compare import compare
    from pipelines.datasets import load as load_dataset
    from pipelines.model import load_model
    from pipelines.recipe import load_recipe

__all__ = ["compare", "featurize", "fit", "load_dataset", "load_model", "load_recipe"]

_HOMES = {
    "compare": ("pipelines.compare", "compare"),
    "featurize": ("pipelines.api", "featurize"),
    "fit": ("pipelines.api", "fit"),
    "load_dataset": ("pipelines.datasets", "load"),
    "load_model": ("pipelines.model", "load_model"),
    "load_recipe": ("pipelines.recipe", "load_recipe"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
