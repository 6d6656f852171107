"""`mueca.fit`: any data, any extractor, any classifier; one honest test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurize.inputs import Color
from pipelines import api
from pipelines.evaluation.evaluate import EvaluationResult
from pipelines.models.model import Model
from pipelines.notebook.data import as_data
from pipelines.notebook.heads import as_head


def fit(
    data: Any,
    y: Any = None,
    backbone: str | None = None,
    head: Any = None,
    *,
    groups: Any = None,
    split: Any = None,
    color: Color = "rgb",
    root: Path | str = ".",
    columns: Any = None,
    trusted: Iterable[str] = (),
    **options: Any,
) -> tuple[Model, EvaluationResult]:
    """Extract, choose on validation, fit again on train + validation, test once.

    Parameters
    ----------
    data : str, path, Dataset, data frame, or images
        The name of a data set, a folder of ``class/*.jpg``, a `Dataset`, a data frame with a column of image
        files, or images: an (n, h, w) or (n, h, w, 3) uint8 array, or a list of arrays, paths, bytes or
        images of Pillow.
    y : (n,) labels, optional
        Of images: names or whole numbers. Of a data frame: the name of its column of labels.
    backbone : str
        Extractor expression, such as ``hog+lbp``.
    head : str or classifier
        A head's name, or any classifier of scikit-learn: an estimator, a Pipeline, a `GridSearchCV`.
    groups : (n,) optional
        The person of each image, so that no person trains and tests. Of a data frame: the column's name.
    split : (n,) str, optional
        "train", "validation", "test" of each image; by default a fifth tests. Of a data frame: the column.
    color : {"rgb", "bgr"}
        Order of the channels of arrays.
    root : path
        The folder that the files of a data frame lie in.
    columns : mapping, optional
        Of a data frame: what its columns are called, see `Dataset.from_dataframe`.
    trusted : iterable of str
        Types from outside, as ``package.module.Class``, that a saved model may hold.
    **options
        Of the protocol, and parameters of the head; several values of one, in a list, are a grid:
        ``C=[1, 10]``, ``svc__C=[1, 10]``. ``out=FOLDER`` saves the model. See `pipelines.api.fit`.

    Returns
    -------
    model : Model
    result : EvaluationResult
        ``result.test.accuracy``, ``result.to_frame()``, ``result.predictions``.

    Raises
    ------
    TypeError, ValueError, OSError
        One line that says what is wrong with what was given, before anything is computed where it can be.
    """
    if isinstance(y, str) and head is None:  # fit(data, backbone, head), as on the command line
        y, backbone, head = None, y, backbone
    if backbone is None or head is None:
        raise TypeError("give backbone, such as 'hog', and head, such as 'svm'; see: mueca list")
    name, own = as_head(head, [*options, *_grid_names(options.get("grid"))], trusted)
    ready = as_data(data, y, groups=groups, split=split, color=color, root=root, columns=columns)
    model, result = api.fit(ready, backbone, name, **{**own, **options})
    chosen = getattr(result.estimator, "best_estimator_", None)
    if chosen is not None:  # a search has done its work: what predicts is what it chose
        result, model = replace(result, estimator=chosen), replace(model, estimator=chosen)
    return model, result


def _grid_names(grid: Any) -> list[str]:
    return list(grid) if isinstance(grid, dict) else []
