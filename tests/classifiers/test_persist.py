"""Heads as files: the round trip, and what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from classifiers import PersistError, head, list_heads, load, save, scores
from classifiers.persist import card_path, load_card
from tests.classifiers.conftest import DATA
from tests.helpers.pages import ROOT


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    X, y = DATA["tall"]
    path = tmp_path / "head.skops"
    save(head("svm").fit(X, y), path, {"data": "blobs", "accuracy": 0.5})
    return path


def forge(path: Path, data: bytes) -> None:
    """Write `data` with a card that agrees: the check of types must hold by itself."""
    import hashlib

    card = json.loads(card_path(path).read_text())
    card_path(path).write_text(json.dumps(card | {"sha256": hashlib.sha256(data).hexdigest()}))
    path.write_bytes(data)


@pytest.mark.parametrize("name", list_heads())
@pytest.mark.parametrize("labels", ["int", "str", "object"])
def test_round_trip(name: str, labels: str, tmp_path: Path) -> None:
    X, y = DATA["seven"]
    words = np.array(["enojo", "asco", "miedo", "alegría", "neutral", "tristeza", "sorpresa"])
    y = {"int": y, "str": words[y], "object": words[y].astype(object)}[labels]
    params: dict[str, Any] = {"n_estimators": 8} if name in ("forest", "bagged-svm") else {}
    fitted = head(name, **params).fit(X, y)
    path = tmp_path / "año nuevo" / "head.skops"
    path.parent.mkdir()
    save(fitted, path, {"note": "ñ"})
    again = load(path)
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(scores(again, X), scores(fitted, X))
    assert again.get_params() == fitted.get_params()
    assert load_card(path)["meta"] == {"note": "ñ"}
    assert sorted(p.name for p in path.parent.iterdir()) == ["head.skops", "head.skops.json"]


def refused(path: Path, match: str) -> None:
    with pytest.raises(PersistError, match=match) as seen:
        load(path)
    assert "\n" not in str(seen.value)


@pytest.mark.parametrize("at", [0, 100, -1])
def test_one_changed_byte(saved: Path, at: int) -> None:
    data = bytearray(saved.read_bytes())
    data[at] ^= 1
    saved.write_bytes(data)
    refused(saved, "not the file its card describes")


def test_cut_short(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-50])
    refused(saved, "not the file its card describes")


def test_cut_short_with_an_agreeing_card(saved: Path) -> None:
    forge(saved, saved.read_bytes()[:-50])
    refused(saved, "not a saved head")


def test_no_file(saved: Path) -> None:
    saved.unlink()
    refused(saved, "cannot be read")
    refused(saved.parent / "nothing.skops", "cannot be read")


def test_no_card(saved: Path) -> None:
    card_path(saved).unlink()
    refused(saved, "no card")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}', "\x00\xff"])
def test_a_card_that_is_none(saved: Path, text: str) -> None:
    card_path(saved).write_text(text, encoding="latin-1")
    refused(saved, "not a (head's )?card")


class Foreign(SVC):
    """A class that neither scikit-learn nor mueca has."""


class Trap:
    """Something that acts when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was run",))


@pytest.mark.parametrize("data", [pickle.dumps(Trap()), b"", b"PK\x03\x04 nothing", b"\x93NUMPY"])
def test_a_pickle_and_other_files(saved: Path, data: bytes) -> None:
    forge(saved, data)
    refused(saved, "not a saved head")


def test_a_type_that_is_not_trusted(saved: Path) -> None:
    forge(saved, skops.io.dumps({"model": Path("x"), "f": pytest.fail}))
    refused(saved, "types that are not trusted")


def test_a_foreign_estimator(saved: Path) -> None:
    X, y = DATA["tall"]
    forge(saved, skops.io.dumps(Foreign().fit(X, y)))
    refused(saved, "holds a sklearn.*, not a head|types that are not trusted")
    with pytest.raises(PersistError, match="neither of scikit-learn nor of mueca"):
        save(Foreign(), saved)


@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_a_head_that_was_cut_off_is_refused(saved: Path, part: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(part * len(content))])
    with pytest.raises(PersistError, match=saved.name):
        load(saved)


def test_an_estimator_of_scikit_learn_and_what_a_search_of_it_chose(tmp_path: Path) -> None:
    X, y = DATA["tall"]
    search = GridSearchCV(SVC(), {}, cv=2)
    save(SVC().fit(X, y), tmp_path / "a")
    save(search.fit(X, y), tmp_path / "b")
    for name in ("a", "b"):
        np.testing.assert_array_equal(load(tmp_path / name).predict(X), search.predict(X))


def test_something_that_does_not_classify(saved: Path) -> None:
    forge(saved, skops.io.dumps({"a": 1}))
    refused(saved, "holds a builtins.dict, which does not classify")


LIGHT = """
import os, sys
os.environ["_MUECA_OWN_PROCESS"] = "1"
from classifiers import load
head = load(sys.argv[1])
print("sklearn.semi_supervised" in sys.modules, type(head).__name__)
"""


@pytest.mark.parametrize(("name", "light"), [("softmax", True), ("svm", False)])
def test_a_process_of_our_own_loads_without_all_of_scikit_learn(name, light, tmp_path):
    """What skops trusts is trusted all the same: a Pipeline of scikit-learn's is loaded."""
    X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    made = make_pipeline(StandardScaler(), head(name)) if name == "svm" else head(name)
    save(made.fit(X, np.arange(30) % 3), tmp_path / "h.skops")
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(tmp_path / "h.skops")],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split()[0] == str(not light), done.stdout
