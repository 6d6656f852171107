"""NumPy's values as Python's."""

import json

import numpy as np
import pytest

from pipelines.utils.values import plain


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float64(1.5), 1.5),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(2), 2),
        (np.array([[1, 2]]), [[1, 2]]),
        ((1, (2, np.float32(0.5))), [1, [2, 0.5]]),
        (range(3), [0, 1, 2]),
        ({np.int64(1): np.array([1.0])}, {1: [1.0]}),
        (None, None),
        ("text", "text"),
    ],
)
def test_plain(given, expected):
    found = plain(given)
    assert found == expected
    assert type(found) is type(expected)
    json.dumps(found)
