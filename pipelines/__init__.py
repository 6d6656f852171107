"""From a data set and a recipe to rows, predictions, reports, and predictions on photos and videos.

Modules that scripts imported before they moved to their rooms go on working for one version, with a warning
that names the new way: ``import mueca``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: Old name -> the modules that have its names now.
MOVED = {
    "pipelines.compare": ("evaluation.compare", "evaluation.summary", "evaluation.experiment"),
    "pipelines.export": ("exporting.export",),
    "pipelines.fit": ("evaluation.evaluate", "evaluation.experiment", "evaluation.selection"),
    "pipelines.gap_recipe": ("evaluation.compare", "evaluation.recipe"),
    "pipelines.loso_recipe": ("evaluation.compare", "evaluation.recipe", "cross_validation.systems"),
    "pipelines.model": ("models.model", "models.card"),
    "pipelines.predict": ("prediction.predictor", "prediction.annotate", "prediction.faces", "models.model"),
    "pipelines.profile": ("diagnostics.profile",),
    "pipelines.report": ("reporting.report",),
    "pipelines.splits": ("datasets.splits",),
    "pipelines.train": ("training.train",),
    "pipelines.video": ("prediction.video", "prediction.faces"),
    "pipelines.windows": ("prediction.clips", "prediction.predictor", "prediction.faces"),
}


class _Moved(MetaPathFinder, Loader):
    """Finds modules under their old names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        homes = [f"pipelines.{home}" for home in MOVED[module.__name__]]
        new = f"import mueca, or {' and '.join(homes)}"
        warnings.warn(f"{module.__name__} has moved: {new}", DeprecationWarning, stacklevel=2)

        def find(name: str) -> Any:
            for home in homes:
                if hasattr(found := import_module(home), name):
                    return getattr(found, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__dict__["__getattr__"] = find


if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
    sys.meta_path.append(_Moved())
