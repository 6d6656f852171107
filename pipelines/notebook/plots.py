"""Charts of results, each on axes of matplotlib that are returned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.extras import require
from pipelines.metrics.curves import one_against_rest, roc
from pipelines.metrics.scores import confusion
from pipelines.results.predictions import Predictions
from pipelines.utils.figures import colour
from pipelines.utils.palette import EMOTION_PLACES, places


def plot_confusion(result: Any, ax: Any = None, *, normalize: bool = True) -> Any:
    """Draw the confusion matrix of the test samples.

    Parameters
    ----------
    result : EvaluationResult, Cell of load_results, or Predictions
    ax : matplotlib.axes.Axes, optional
        By default of a new figure.
    normalize : bool
        Shares of each true class; otherwise counts.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If `result` has no predictions.
    """
    p = _predictions(result)
    counts = confusion(p.true, p.predicted, len(p.classes))
    whole = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = _axes(ax)
    ax.imshow(counts / whole, cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        share = count / whole[i, 0]
        text = f"{share:.2f}" if normalize else str(count)
        ax.text(j, i, text, ha="center", va="center", color="white" if share > 0.5 else "black", fontsize=8)
    ax.set_xticks(range(len(p.classes)), p.classes, rotation=45, ha="right")
    ax.set_yticks(range(len(p.classes)), p.classes)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def plot_roc(result: Any, ax: Any = None) -> Any:
    """Draw the ROC curve of each class against the others; parameters as `plot_confusion`."""
    p = _predictions(result)
    ax = _axes(ax)
    positive, place = one_against_rest(p.true, len(p.classes)), places(map(str, p.classes), EMOTION_PLACES)
    for k, name in enumerate(p.classes):
        x, y, area = roc(positive[:, k], p.scores[:, k])
        if area == area:  # a class that no test sample shows has no curve
            ax.plot(x, y, color=colour(place[str(name)]), label=f"{name} ({area:.2f})")
    ax.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    ax.legend(title="area under the curve", fontsize=8)
    return ax


def plot_grid(result: Any, ax: Any = None) -> Any:
    """Draw the score of each candidate over the one or two parameters that vary most.

    Parameters
    ----------
    result : EvaluationResult of a fit with a grid, or a fitted GridSearchCV
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If it is neither, or holds one candidate only.
    """
    points, scores = _candidates(result)
    values = {name: list(dict.fromkeys(str(p.get(name)) for p in points)) for name in points[0]}
    varied = sorted((n for n, v in values.items() if len(v) > 1), key=lambda n: -len(values[n]))
    if not varied:
        raise ValueError("there is one candidate only; give several values of a parameter, such as C=[1, 10]")
    ax, first = _axes(ax), varied[0]
    lines = values[varied[1]] if len(varied) > 1 else [""]
    for k, line in enumerate(lines):
        best = [
            max(s for p, s in zip(points, scores, strict=True) if _is(p, varied, at, line))
            if any(_is(p, varied, at, line) for p in points) else np.nan
            for at in values[first]
        ]  # fmt: skip
        ax.plot(range(len(best)), best, marker="o", color=colour(k), label=line)
    ax.set_xticks(range(len(values[first])), values[first])
    ax.set(xlabel=first, ylabel="validation score")
    if len(varied) > 1:
        ax.legend(title=varied[1], fontsize=8)
    return ax


def _is(point: dict[str, Any], varied: list[str], at: str, line: str) -> bool:
    return str(point.get(varied[0])) == at and (len(varied) < 2 or str(point.get(varied[1])) == line)


def plot_embedding(X: Any, labels: Any, ax: Any = None, *, classes: Any = None) -> Any:
    """Draw vectors on their two principal components, a colour a class.

    Parameters
    ----------
    X : (n, d) vectors, or what `featurize` returns second
    labels : (n,) labels, or the Dataset that `featurize` returns first
    ax : matplotlib.axes.Axes, optional
    classes : sequence of str, optional
        Names of labels that are numbers.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are fewer than two vectors, or not as many as labels.
    """
    if hasattr(labels, "labels") and hasattr(labels, "classes"):
        labels, classes = labels.labels, labels.classes
    vectors, codes = np.asarray(getattr(X, "X", X), np.float64), np.asarray(labels)
    if vectors.ndim != 2 or len(vectors) != len(codes) or len(vectors) < 2:
        raise ValueError(f"vectors of {vectors.shape} for {len(codes)} labels: give (n, d) and n, n from 2")
    points, ax = _principal(vectors), _axes(ax)
    shown = {label: str(label if classes is None else classes[int(label)]) for label in np.unique(codes)}
    place = places(shown.values(), EMOTION_PLACES)
    for label, name in shown.items():
        ax.scatter(*points[codes == label].T, s=8, color=colour(place[name]), label=name)
    ax.set(xlabel="first component", ylabel="second component")
    ax.legend(fontsize=8)
    return ax


def _principal(X: NDArray[np.float64]) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA

    found = PCA(min(2, X.shape[1]), random_state=0).fit_transform(X)
    return found if found.shape[1] == 2 else np.column_stack([found, np.zeros(len(X))])


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    plt = require("matplotlib.pyplot")

    return plt.subplots(layout="constrained")[1]


def _predictions(result: Any) -> Predictions:
    found = result if isinstance(result, Predictions) else getattr(result, "predictions", None)
    if not isinstance(found, Predictions):
        raise TypeError(f"{type(result).__name__} has no predictions; give what mueca.fit returns second")
    return found


def _candidates(result: Any) -> tuple[list[dict[str, Any]], list[float]]:
    if hasattr(result, "cv_results_"):
        name = "mean_test_score" if "mean_test_score" in result.cv_results_ else f"mean_test_{result.refit}"
        return list(result.cv_results_["params"]), list(result.cv_results_[name])
    tried = getattr(getattr(result, "choice", None), "tried", None)
    if not tried:
        raise TypeError(
            f"{type(result).__name__} has no candidates; give a fitted GridSearchCV, or a fit's result"
        )
    points = [{k: v for k, v in one.items() if k not in ("validation", "fit_s")} for one in tried]
    return points, [one["validation"] for one in tried]
