"""The first arrays that OpenVINO hands over, to several threads at once."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from featurize import engine

#: A process in which four threads ask OpenVINO for their first array in one moment.
RACE = """
import os, sys, threading
import numpy as np
from featurize.engine import core, openvino
ov, made = openvino(), core()
x = ov.opset13.parameter(ov.PartialShape([1, 4]), ov.Type.f32)
network = made.compile_model(ov.Model([ov.opset13.result(ov.opset13.relu(x))], [x], "small"), "CPU")
together = threading.Barrier(4)
def ask(request):
    together.wait()
    request.start_async({0: np.zeros((1, 4), np.float32)})
    request.wait()
requests = [network.create_infer_request() for _ in range(4)]
threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in requests]
[one.start() for one in threads]
[one.join(20) for one in threads]
os._exit(any(one.is_alive() for one in threads))
"""


def test_the_first_array_is_asked_for_before_any_thread_can(monkeypatch):
    asked = []

    class Tensor:
        def __init__(self, *_):
            pass

        @property
        def data(self):
            asked.append("array")
            return np.zeros(1)

    stand_in = SimpleNamespace(
        Core=lambda: asked.append("core"), Tensor=Tensor, Type=SimpleNamespace(f32="f32"), Shape=list
    )
    monkeypatch.setattr(engine, "openvino", lambda: stand_in)
    engine.core.__wrapped__()
    assert asked == ["core", "array"]


@pytest.mark.parametrize("_", [pytest.param(i, marks=pytest.mark.slow if i else []) for i in range(20)])
def test_four_threads_ask_at_once(_):
    """Without the array before, one process in seven never ended."""
    done = subprocess.run([sys.executable, "-c", RACE], timeout=120, capture_output=True, text=True)
    assert not done.returncode, done.stderr
