"""Tests go through what is public: a private name may change, and nothing but its own module with it."""

from __future__ import annotations

import ast

from tests.helpers import private


def test_tests_reach_for_few_private_names():
    found = private.private_names()
    assert len(found) < 10, sorted(found)


def test_a_private_name_would_be_seen():
    text = (
        "from pipelines.x import _a, b\nfrom classifiers import _svc\nc._d\nself.e._f()\n"
        "patch.setattr('featurize.store._g', 1)\npatch.setattr(store, '_h', 1)\nd['_i']\n__name__\n"
    )
    assert set(private.reached(ast.parse(text))) == {"_a", "_d", "_f", "_g", "_h"}
    assert private.defined(ast.parse("def _a():\n    self._b = _c = 1\n    return d._e\n")) == {
        "_a", "_b", "_c",
    }  # fmt: skip
