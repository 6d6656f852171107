"""scikit-learn's own checks, over every estimator of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from classifiers._forest import Forest
from classifiers._knn import KNN
from classifiers._linear_svm import LinearSVM
from classifiers._local import LocalSVC
from classifiers._nystroem import NystroemSVM
from classifiers._softmax import Softmax
from classifiers._svc import SVC, BaggedSVC

WEIGHTS_DRAWN = "the random draw of samples does not see the weights: k copies of a sample are drawn apart"

XFAIL: dict[type, dict[str, str]] = {
    BaggedSVC: {
        "check_sample_weight_equivalence_on_dense_data": WEIGHTS_DRAWN,
        "check_methods_sample_order_invariance": "draws an order without a seed and asks for 7 equal digits; "
        "in float32 the last one may change with a row's place in a product of matrices",
    },
    Forest: {
        "check_sample_weight_equivalence_on_dense_data": WEIGHTS_DRAWN,
        "check_class_weight_classifiers": "a fully grown tree isolates every class whatever its weight; "
        "scikit-learn's passes by min_weight_fraction_leaf, which this one does not have",
    },
    NystroemSVM: {
        "check_sample_weight_equivalence_on_dense_data": "landmarks are drawn without "
        "seeing the weights: k copies of a sample are drawn apart",
    },
    SVC: {
        "check_sample_weight_equivalence_on_dense_data": "asks for 7 equal digits; the solver stops within "
        "tol=1e-3, and gamma='scale' takes the variance of the rows given, as scikit-learn's does",
    },
}

ESTIMATORS = [
    SVC(n_jobs=1),
    BaggedSVC(n_jobs=1, n_estimators=5, max_samples=0.9, random_state=0),
    Forest(n_jobs=1, n_estimators=10, random_state=0),
    KNN(n_jobs=1),
    LocalSVC(20, n_jobs=1),
    Softmax(),
    LinearSVM(n_jobs=1),
    NystroemSVM(n_jobs=1, random_state=0),
]


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda e: XFAIL.get(type(e), {}))
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("seed", range(5))
def test_bagged_scores_do_not_depend_on_the_order_of_the_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 3, (20, 3)).astype(np.float32)
    model = BaggedSVC(n_jobs=1, n_estimators=5, max_samples=0.9, random_state=0).fit(X, X[:, 0].astype(int))
    order = rng.permutation(len(X))
    found = model.decision_function(X[order])
    np.testing.assert_allclose(found, model.decision_function(X)[order], atol=1e-6)
