"""What is made ahead: the same items in order, errors passed on, a thread that ends."""

import threading

import pytest

from pipelines.utils.prefetch import prefetch


def test_items_are_the_same_in_order():
    assert list(prefetch(iter(range(50)), depth=3)) == list(range(50))


def test_an_error_of_the_thread_is_raised_here():
    def broken():
        yield 1
        raise OSError("unreadable")

    found = prefetch(broken())
    assert next(found) == 1
    with pytest.raises(OSError, match="unreadable"):
        next(found)


def test_the_thread_has_ended_and_its_source_is_closed_when_nobody_asks_any_more():
    before, made, closed = threading.active_count(), [], []

    def endless():
        try:
            while True:
                made.append(1)
                yield 1
        finally:
            closed.append(True)

    found = prefetch(prefetch(endless(), depth=2), depth=2)
    next(found)
    found.close()
    assert (closed, threading.active_count()) == ([True], before)
    assert len(made) < 10
