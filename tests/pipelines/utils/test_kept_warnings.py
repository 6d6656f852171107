"""Warnings kept beside a result: from every thread, in one line each, so many and no more."""

import logging
import threading

import pytest

from pipelines.results.rows import Row
from pipelines.utils.kept_warnings import LONGEST, MOST, as_text, from_text, kept_warnings, say_again


def row(run, warnings):
    return Row(run, "d", "f", "p", "test", run, "hog", "svm", warnings=as_text(warnings))


def test_warnings_of_our_packages_are_kept_and_others_are_not():
    with kept_warnings() as kept:
        logging.getLogger("classifiers._svc").warning("not converged\nafter %d", 7)
        logging.getLogger("pipelines.x").info("no warning")
        logging.getLogger("elsewhere").warning("another library")
        other = threading.Thread(target=logging.getLogger("featurize.store").warning, args=("from a thread",))
        other.start()
        other.join()
    logging.getLogger("classifiers").warning("too late")
    assert kept == ["not converged after 7", "from a thread"]


def test_an_error_leaves_no_handler_behind():
    before = len(logging.getLogger("pipelines").handlers)
    with pytest.raises(ValueError, match="no luck"), kept_warnings():
        raise ValueError("no luck")
    assert len(logging.getLogger("pipelines").handlers) == before


def test_text_and_back():
    assert as_text([]) == ""
    assert from_text("") == []
    given = ['ñ; with, "signs"', "second", "second"]
    assert from_text(as_text(given)) == given[:2], "each once"
    assert from_text("no json") == ["no json"]
    assert from_text('{"a": 1}') == ['{"a": 1}']


def test_what_is_kept_is_bounded():
    kept = from_text(as_text([f"{i} {'x' * 1000}" for i in range(500)]))
    assert len(kept) == MOST + 1
    assert kept[-1] == f"and {500 - MOST} more warnings"
    assert max(map(len, kept)) == LONGEST


def test_kept_warnings_are_said_once_with_their_runs(caplog):
    rows = [row("a", ["both", "known"]), row("b", ["both"]), row("c", ["alone"]), row("d", [])]
    say_again(logging.getLogger("pipelines.x"), rows, {"known"})
    assert caplog.messages == ["both (kept from a with svm and 1 more)", "alone (kept from c with svm)"]
