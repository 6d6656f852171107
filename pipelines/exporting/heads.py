"""Heads as ONNX graphs of plain operators, which every engine has: no operator of ai.onnx.ml among them.

Each graph follows its head step by step, float64 where the head computes in float64. Where two scores are
equal it takes the same class as the head does. A decision within rounding of zero may fall the other way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.exporting.graph import Graph, Name

#: (scores, label) of a graph.
Outputs = tuple[Name, Name]
#: Bytes of one sample's differences to training vectors (manhattan) held at a time.
_PIECE = 16_000_000


class NotExportable(ValueError):  # noqa: N818 - it says what is wrong, as FileNotFoundError does
    """A model for which there is no graph; the message says why and what to do."""


def head_graph(estimator: Any, notes: dict[str, str] | None = None) -> Any:
    """Return a fitted head as an `onnx.ModelProto`.

    Parameters
    ----------
    estimator : fitted head
    notes : dict of str to str, optional
        Kept in the file.

    Returns
    -------
    onnx.ModelProto
        From ``vectors`` (n, d) float32 to ``scores`` (n, k) float32, as `classifiers.scores` gives, and
        ``label`` (n,) int64, the column of the class that `predict` gives.

    Raises
    ------
    NotExportable
        If there is no graph for this head.
    """
    kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    if kind not in GRAPHS:
        known = ", ".join(name.rsplit(".", 1)[-1] for name in GRAPHS)
        raise NotExportable(f"there is no graph for the head {kind}; there are graphs for {known}")
    graph = Graph("head", int(estimator.n_features_in_))
    scores, label = GRAPHS[kind](graph, estimator)
    return graph.model(scores, label, len(estimator.classes_), notes or {})


def _scaled(g: Graph, head: Any) -> Name:
    """Return the vectors as the head's scaler leaves them, float32."""
    if getattr(head, "scale", "none") == "none":
        return g.vectors
    centred = g.op("Sub", g.cast(g.vectors, np.float64), head.mean_.astype(np.float64))
    return g.cast(g.op("Div", centred, head.scale_.astype(np.float64)), np.float32)


def _centred(g: Graph, vectors: Name, centre: NDArray[np.float64]) -> Name:
    """Return vectors less a centre, taken off in float64 as `classifiers._kernels.Base` does."""
    return g.cast(g.op("Sub", g.cast(vectors, np.float64), centre), np.float32)


def _base(g: Graph, vectors: Name, base: Any) -> Name:
    """Return (n, s) squared distances or inner products to the rows of a `classifiers._kernels.Base`."""
    if base.centre is None:
        return str(g.op("MatMul", vectors, base.S.T))
    rows = _centred(g, vectors, base.centre)
    norms = g.total(g.op("Mul", rows, rows), 1)
    product = g.op("Mul", g.op("MatMul", rows, base.S.T), np.float32(-2))
    return str(g.op("Max", g.op("Add", g.op("Add", product, norms), base.norms), np.float32(0)))


def _kernel(g: Graph, vectors: Name, head: Any) -> Name:
    """Return the (n, s) kernel against the support vectors; rbf possibly less 1 (see `Kernel.map`)."""
    from classifiers._kernels import Base

    base = Base(head.support_vectors_, "distance" if head.kernel == "rbf" else "product")
    value = _base(g, vectors, base)
    if head.kernel == "linear":
        return value
    if head.kernel == "rbf":
        return _rbf(g, g.op("Mul", value, np.float32(-head.gamma_)), _near_one(base, head.gamma_))
    inner = g.op("Add", g.op("Mul", value, np.float32(head.gamma_)), np.float32(head.coef0))
    power = inner
    for _ in range(head.degree - 1):
        power = g.op("Mul", power, inner)
    return str(power)


def _rbf(g: Graph, exponent: Name, near_one: bool) -> Name:
    raised = g.op("Exp", exponent)
    if not near_one:
        return str(raised)
    # exp(x) - 1 = tanh(x / 2) (exp(x) + 1), which keeps the digits that exp(x) - 1 loses near 0.
    half = g.op("Tanh", g.op("Mul", exponent, np.float32(0.5)))
    return str(g.op("Mul", half, g.op("Add", raised, np.float32(1))))


def _near_one(base: Any, gamma: float) -> bool:
    """Return whether all values of the kernel lie near 1, computed on the support vectors."""
    from classifiers._kernels import _NEAR_ONE

    return bool(gamma * 4 * base.norms.max(initial=0) < 4 * _NEAR_ONE)


def _decisions(g: Graph, head: Any, coef: NDArray[Any]) -> Name:
    product = g.op("MatMul", _kernel(g, _scaled(g, head), head), np.ascontiguousarray(coef, np.float32))
    return str(g.op("Add", g.cast(product, np.float64), np.asarray(head.intercept_, np.float64)))


def _sides(classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (n_pairs, classes) twice: which class a positive, and which any other decision votes for."""
    from classifiers._ovo import pairs

    first, second = np.array(pairs(classes)).T
    eye = np.eye(classes)
    return eye[first], eye[second]


def _votes(g: Graph, decision: Name, classes: int) -> Name:
    first, second = _sides(classes)
    for_first = g.cast(g.op("Greater", decision, np.float64(0)), np.float64)
    for_second = g.op("Sub", np.float64(1), for_first)
    return str(g.op("Add", g.op("MatMul", for_first, first), g.op("MatMul", for_second, second)))


def _summed(g: Graph, decision: Name, classes: int) -> Name:
    first, second = _sides(classes)
    return str(g.op("MatMul", decision, first - second))


def _squashed(g: Graph, total: Name) -> Name:
    """Return a total as less than a third of a vote: ``t / (3 (|t| + 1))``."""
    size = g.op("Add", g.op("Abs", total), np.float64(1))
    return str(g.op("Div", total, g.op("Mul", size, np.float64(3))))


def _ovr(g: Graph, decision: Name, classes: int) -> Name:
    """As `classifiers._ovo.ovr_scores`."""
    ties = _squashed(g, _summed(g, decision, classes))
    return str(g.op("Add", _votes(g, decision, classes), ties))


def _class_scores(g: Graph, decision: Name, classes: int) -> Name:
    """As `classifiers._ovo.class_scores`."""
    if classes > 2:
        return _ovr(g, decision, classes)
    return str(g.op("Concat", decision, g.op("Neg", decision), axis=1))


def _calibrated(g: Graph, scores: Name, sigmoids: NDArray[np.float64]) -> Name:
    """As `classifiers._calibration.apply_sigmoids`."""
    line = g.op("Add", g.op("Mul", scores, sigmoids[:, 0]), sigmoids[:, 1])
    raw = g.op("Sigmoid", g.op("Neg", line))
    if len(sigmoids) == 2:
        second = g.op("Slice", raw, np.array([1]), np.array([2]), np.array([1]))
        return str(g.op("Concat", g.op("Sub", np.float64(1), second), second, axis=1))
    total = g.total(raw, 1)
    some = g.op("Greater", total, np.float64(0))
    share = g.op("Div", raw, g.op("Where", some, total, np.float64(1)))
    return str(g.op("Where", some, share, np.float64(1 / len(sigmoids))))


def _svc(g: Graph, head: Any) -> Outputs:
    from classifiers._svc import unpack

    if head.decision_function_shape != "ovr":
        raise NotExportable(
            'this svm gives a score a pair of classes; fit it with decision_function_shape="ovr"'
        )
    k = len(head.classes_)
    codes = np.repeat(np.arange(k), head.n_support_)
    decision = _decisions(g, head, unpack(head.dual_coef_, codes, k))
    ballots = _ovr(g, decision, k) if head.break_ties else _votes(g, decision, k)
    scores = _class_scores(g, decision, k)
    return _calibrated(g, scores, head.sigmoids_) if head.probability else scores, g.argmax(ballots, k)


def _bagged(g: Graph, head: Any) -> Outputs:
    k = len(head.classes_)
    decision = _decisions(g, head, head.coef_)
    each = g.op("Reshape", decision, np.array([0, -1, k * (k - 1) // 2]))
    winners = g.one_hot(g.argmax(_votes(g, each, k), k), k)
    total = g.total(_ovr(g, each, k), 1, keep=False)
    total = g.op("Sub", total, g.op("ReduceMean", total, axes=[1], keepdims=1))
    scores = str(g.op("Add", g.total(winners, 1, keep=False), _squashed(g, total)))
    label = g.argmax(scores, k)
    if head.probability:
        return _calibrated(g, scores, head.sigmoids_), label
    return (_mirrored(g, scores) if k == 2 else scores), label


def _mirrored(g: Graph, scores: Name) -> Name:
    """Return ``(-d, d)`` for d, the second score less the first: what a head of two classes gives."""
    return str(g.op("MatMul", scores, np.array([[1.0, -1.0], [-1.0, 1.0]])))


def _softmax(g: Graph, head: Any) -> Outputs:
    rows = g.cast(_scaled(g, head), np.float64)
    logits = str(g.op("Add", g.op("MatMul", rows, head.coef_.T), head.intercept_))
    k = len(head.classes_)
    if k == 2:
        logits = str(g.op("Concat", g.op("Neg", logits), logits, axis=1))
        return str(g.op("Sigmoid", logits)), g.argmax(logits, k)
    return str(g.op("Softmax", logits, axis=1)), g.argmax(logits, k)


def _linear(g: Graph, head: Any) -> Outputs:
    rows = g.cast(_scaled(g, head), np.float64)
    return _against_rest(g, g.op("MatMul", rows, head.coef_.T), head)


def _nystroem(g: Graph, head: Any) -> Outputs:
    from classifiers._kernels import Base

    apart = _base(g, _scaled(g, head), Base(head.landmarks_, "distance"))
    kernel = g.op("Exp", g.op("Mul", apart, np.float32(-head.gamma_)))
    product = g.cast(g.op("MatMul", kernel, np.ascontiguousarray(head.coef_.T)), np.float64)
    if hasattr(head, "vectors_"):
        product = str(g.op("Add", product, _beside(g, kernel, head)))
    return _against_rest(g, product, head)


def _beside(g: Graph, kernel: Name, head: Any) -> Name:
    """Return what the training vectors beside a query add to its scores; `kernel` is the landmarks'."""
    from classifiers._kernels import Base
    from classifiers._neighbours import SPARE
    from classifiers._nystroem import spanning

    rows, S = _scaled(g, head), head.vectors_
    k = min(head.n_neighbors, len(S))
    kept = np.array([min(len(S), k + SPARE)])
    _, found = g.op("TopK", _euclid(g, rows, S), kept, axis=1, largest=0, outputs=2)
    found, _ = g.op("TopK", found, kept, axis=1, largest=0, outputs=2)
    exact = _exact(g, rows, S, found, city=False)
    distances, order = g.op("TopK", exact, np.array([k]), axis=1, largest=0, outputs=2)
    index = g.op("GatherElements", found, order, axis=1)
    gamma = np.float64(-head.gamma_)
    whole = g.op("Exp", g.op("Mul", g.op("Mul", distances, distances), gamma))
    near = g.op("Reshape", g.op("Gather", S, index), np.array([-1, S.shape[1]]))
    base = _base(g, near, Base(head.landmarks_, "distance"))
    columns = g.cast(g.op("Exp", g.op("Mul", base, np.float32(gamma))), np.float64)
    columns = g.op("Reshape", columns, np.array([-1, k, len(head.landmarks_)]))
    weights = g.op("MatMul", g.cast(kernel, np.float64), spanning(head.landmarks_, head.gamma_))
    spanned = g.total(g.op("Mul", columns, g.op("Unsqueeze", weights, np.array([1]))), 2, keep=False)
    left = g.op("Unsqueeze", g.op("Sub", whole, spanned), np.array([2]))
    own = g.op("Gather", head.own_.astype(np.float64), index)
    return g.total(g.op("Mul", left, own), 1, keep=False)


def _against_rest(g: Graph, product: Name, head: Any) -> Outputs:
    """Return scores of one class against the rest, and the class of the largest."""
    found = str(g.op("Add", product, np.asarray(head.intercept_, np.float64)))
    if len(head.classes_) == 2:
        found = str(g.op("Concat", g.op("Neg", found), found, axis=1))
    return found, g.argmax(found, len(head.classes_))


def _piped(g: Graph, pipeline: Any) -> Outputs:
    """Principal components, and a head behind them."""
    (_, first), (_, last) = pipeline.steps
    kind = f"{type(last).__module__}.{type(last).__qualname__}"
    if type(first).__name__ != "Projection" or kind not in GRAPHS:
        raise NotExportable(f"there is no graph for the head {kind} behind {type(first).__name__}")
    given = g.vectors
    centred = g.op("Sub", given, np.asarray(first.mean_, np.float32))
    g.vectors = str(g.op("MatMul", centred, np.ascontiguousarray(first.components_.T)))
    outputs = GRAPHS[kind](g, last)
    g.vectors = given  # the graph's own input again
    return outputs


def _forest(g: Graph, head: Any) -> Outputs:
    """Walk all trees at once, a level a step; a leaf's way leads to itself."""
    leaf = head.feature_ < 0
    feature = np.where(leaf, 0, head.feature_).astype(np.int64)
    threshold = np.where(leaf, np.finfo(np.float32).max, head.threshold_).astype(np.float32)
    child = np.where(leaf, np.arange(len(leaf)), head.child_).astype(np.int64)
    features, thresholds, children = g.constant(feature), g.constant(threshold), g.constant(child)
    n = g.op("Slice", g.op("Shape", g.vectors), np.array([0]), np.array([1]))
    shape = g.op("Concat", n, np.array([len(head.roots_)]), axis=0)
    at = g.op("Expand", head.roots_[None].astype(np.int64), shape)
    for _ in range(_depth(leaf, head.child_, head.roots_)):
        value = g.op("GatherElements", g.vectors, g.op("Gather", features, at), axis=1)
        right = g.op("Greater", value, g.op("Gather", thresholds, at))
        at = g.op("Add", g.op("Gather", children, at), g.cast(right, np.int64))
    values = head.value_[np.where(leaf, head.leaf_, 0)] * leaf[:, None]
    shares = g.cast(g.op("Gather", values.astype(np.float32), at), np.float64)
    scores = str(g.op("ReduceMean", shares, axes=[1], keepdims=0))
    return scores, g.argmax(scores, len(head.classes_))


def _depth(leaf: NDArray[np.bool_], child: NDArray[Any], roots: NDArray[Any]) -> int:
    """Return the steps from a root to the farthest leaf."""
    level, steps = roots, 0
    while (level := level[~leaf[level]]).size:
        level, steps = np.concatenate([child[level], child[level] + 1]), steps + 1
    return steps


def _knn(g: Graph, head: Any) -> Outputs:
    """As `classifiers._neighbours`: candidates by float32 distances, then exact ones in float64."""
    from classifiers._neighbours import SPARE

    rows, S, k = _scaled(g, head), head.vectors_, len(head.classes_)
    kept = min(len(S), head.n_neighbors + SPARE)
    near = _city(g, rows, S) if head.metric == "manhattan" else _euclid(g, rows, S)
    _, found = g.op("TopK", near, np.array([kept]), axis=1, largest=0, outputs=2)
    # By row, so that of equal distances the first row comes first.
    found, _ = g.op("TopK", found, np.array([kept]), axis=1, largest=0, outputs=2)
    exact = _exact(g, rows, S, found, city=head.metric == "manhattan")
    distances, order = g.op("TopK", exact, np.array([head.n_neighbors]), axis=1, largest=0, outputs=2)
    index = g.op("GatherElements", found, order, axis=1)
    each = _weights(g, distances, head.weights)
    member = g.op("Gather", np.eye(k)[head.codes_], index)
    shares = g.total(g.op("Mul", g.op("Unsqueeze", each, np.array([2])), member), 1, keep=False)
    scores = str(g.op("Div", shares, g.total(shares, 1)))
    return scores, g.argmax(scores, k)


def _euclid(g: Graph, rows: Name, S: NDArray[Any]) -> Name:
    from classifiers._kernels import Base

    return _base(g, rows, Base(S, "distance"))


def _city(g: Graph, rows: Name, S: NDArray[Any]) -> Name:
    """Return (n, s) sums of absolute differences, some training vectors at a time."""
    centre = S.mean(axis=0, dtype=np.float64)
    S32 = np.subtract(S, centre, dtype=np.float64).astype(np.float32)
    query = g.op("Unsqueeze", _centred(g, rows, centre), np.array([1]))
    step = max(1, _PIECE // (4 * S.shape[1]))
    parts = [
        g.total(g.op("Abs", g.op("Sub", query, S32[None, at : at + step])), 2, keep=False)
        for at in range(0, len(S), step)
    ]
    return parts[0] if len(parts) == 1 else str(g.op("Concat", *parts, axis=1))


def _exact(g: Graph, rows: Name, S: NDArray[Any], found: Name, city: bool) -> Name:
    near = g.cast(g.op("Gather", np.ascontiguousarray(S), found), np.float64)
    query = g.op("Unsqueeze", g.cast(rows, np.float64), np.array([1]))
    apart = g.op("Sub", query, near)
    if city:
        return g.total(g.op("Abs", apart), 2, keep=False)
    return str(g.op("Sqrt", g.total(g.op("Mul", apart, apart), 2, keep=False)))


def _weights(g: Graph, distances: Name, weights: str) -> Name:
    """Return the weight of each neighbour: 1, or 1 / distance; where one is 0, only such ones count."""
    same = g.op("Equal", distances, np.float64(0))
    if weights == "uniform":
        return str(g.op("Add", g.op("Mul", distances, np.float64(0)), np.float64(1)))
    zero = g.cast(same, np.float64)
    inverse = g.op("Div", np.float64(1), g.op("Add", distances, zero))
    any_same = g.op("Greater", g.total(zero, 1), np.float64(0))
    return str(g.op("Where", any_same, zero, inverse))


def _own(g: Graph, head: Any) -> Outputs:
    scores = g.cast(g.vectors, np.float64)
    label = g.argmax(g.vectors, len(head.classes_))
    return (str(g.op("Div", scores, g.total(scores, 1))) if head.probabilistic_ else scores), label


#: Class of a fitted head -> what draws it. A head of your own needs a line here to be exported.
GRAPHS: dict[str, Callable[[Graph, Any], Outputs]] = {
    "classifiers._softmax.Softmax": _softmax,
    "classifiers._svc.SVC": _svc,
    "classifiers._svc.BaggedSVC": _bagged,
    "classifiers._forest.Forest": _forest,
    "classifiers._knn.KNN": _knn,
    "classifiers._own.Own": _own,
    "classifiers._linear_svm.LinearSVM": _linear,
    "classifiers._nystroem.NystroemSVM": _nystroem,
    "sklearn.pipeline.Pipeline": _piped,
}
