"""Two engines, two precisions, any batch: the same vectors."""

from __future__ import annotations

import pickle
import sys
import threading

import numpy as np
import pytest

from featurize import engine as engines
from featurize import extractor
from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import NeedsKerasError

#: Largest difference to Keras in f32, as a share of the largest value.
F32 = 1e-5
NETWORKS = ("ucm-f", "huamanga")


def cosines(a, b):
    """Cosine of each row of `a` with the same row of `b`."""
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def vectors(faces_48):
    """Vectors of 37 faces by network, engine and precision."""
    return {
        (n, e, p): extractor(n, weights="random", engine=e, precision=p).transform(faces_48[:37])
        for n in NETWORKS
        for e in ("keras", "openvino")
        for p in ("f32", "bf16")
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_openvino_gives_what_keras_gives(vectors, name):
    a, b = vectors[name, "keras", "f32"], vectors[name, "openvino", "f32"]
    assert np.abs(a - b).max() <= F32 * np.abs(a).max()
    assert np.ptp(a, axis=0).max() > 0, "different faces must give different vectors"


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("engine", ["keras", "openvino"])
def test_bf16_is_close_to_f32(vectors, name, engine):
    assert cosines(vectors[name, engine, "bf16"], vectors[name, "keras", "f32"]).min() >= 0.999


@pytest.mark.parametrize("engine", ["keras", "openvino"])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_batch_size_does_not_matter(vectors, faces_48, engine, precision):
    one = extractor("ucm-f", weights="random", engine=engine, precision=precision)
    whole = vectors["ucm-f", engine, precision]
    limit = F32 if precision == "f32" else 1e-2
    for size in (1, 2, 3, 16, 20):
        parts = np.concatenate([one.transform(faces_48[i : i + size]) for i in range(0, 20, size)])[:20]
        assert np.abs(parts - whole[:20]).max() <= limit * np.abs(whole).max()
    assert one.transform([]).shape == (0, 64)


def test_threads_share_one_network(vectors, faces_48):
    one = extractor("ucm-f", weights="random", engine="openvino", precision="f32")
    found: dict[int, np.ndarray] = {}

    def work(i):
        found[i] = one.transform(faces_48[i : i + 9])

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 9, 18)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i, block in found.items():
        np.testing.assert_allclose(block, vectors["ucm-f", "openvino", "f32"][i : i + 9], atol=1e-5)


def test_another_process_builds_it_again(vectors, faces_48):
    one = extractor("ucm-f", weights="random", engine="openvino", precision="f32")
    one.transform(faces_48[:3])
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.transform(faces_48[:3]), one.transform(faces_48[:3]))


def test_what_is_compiled_is_kept(vectors, faces_48, monkeypatch):
    """A second process finds the exported network, and needs no Keras."""

    def no_model(self):
        raise AssertionError("the network was built again")

    monkeypatch.setattr(NetworkExtractor, "model", no_model)
    for precision in ("f32", "bf16"):
        one = extractor("ucm-f", weights="random", engine="openvino", precision=precision)
        np.testing.assert_allclose(
            one.transform(faces_48[:16]), vectors["ucm-f", "openvino", precision][:16], atol=1e-5
        )
    with pytest.raises(AssertionError, match="built again"):
        extractor("ucm-f", weights="random", layer="fc2", engine="openvino").transform(faces_48[:1])


def test_layers_and_scores(faces_48):
    whole = extractor("ucm-a", weights="random", layer="flatten", precision="f32")
    assert whole.transform(faces_48[:2]).shape == (2, 4608)
    scores = extractor("ucm-a", weights="random", layer="scores", precision="f32").transform(faces_48[:5])
    assert scores.shape == (5, 7)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("capabilities", "gpu", "asked", "chosen"),
    [
        ({"FP32", "BF16"}, [], ("auto", "auto"), ("openvino", "bf16")),
        ({"FP32"}, [], ("auto", "auto"), ("openvino", "f32")),
        ({"FP32", "BF16"}, ["gpu:0"], ("auto", "auto"), ("keras", "f32")),
        ({"FP32", "BF16"}, ["gpu:0"], ("openvino", "auto"), ("openvino", "bf16")),
        ({"FP32"}, [], ("keras", "bf16"), ("keras", "bf16")),
    ],
)
def test_choice(monkeypatch, capabilities, gpu, asked, chosen):
    monkeypatch.setattr(engines, "cpu_capabilities", lambda: frozenset(capabilities))
    monkeypatch.setattr(engines, "gpus", lambda: gpu)
    found = engines.choose(*asked)
    assert (found.engine, found.precision) == chosen
    assert found.why_engine
    assert found.why_precision


def test_without_openvino(monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    engines.cpu_capabilities.cache_clear()
    try:
        assert engines.choose().engine == "keras"
        assert engines.choose().precision == "f32"
        with pytest.raises(ValueError, match="openvino is not installed"):
            engines.choose("openvino")
    finally:
        engines.cpu_capabilities.cache_clear()


def test_the_backend_of_keras_does_not_matter(monkeypatch, vectors, faces_48):
    monkeypatch.setattr(engines, "backend_name", lambda: "jax")
    assert engines.choose().engine == "openvino"
    one = extractor("ucm-f", weights="random", engine="openvino", precision="f32")
    np.testing.assert_allclose(
        one.transform(faces_48[:3]), vectors["ucm-f", "openvino", "f32"][:3], atol=1e-5
    )


def test_layers_that_keras_alone_knows_need_it(monkeypatch):
    def none_there():
        raise NeedsKerasError("this needs TensorFlow: pip install 'mueca[train]'")

    monkeypatch.setattr(engines, "backend_name", none_there)
    clip = np.zeros((18, 64, 64), np.uint8)
    with pytest.raises(
        NeedsKerasError, match=r"needs TensorFlow: pip install .* \(Keras's TimeDistributed\)"
    ):
        extractor("cnn-lstm-casme2", weights="random", engine="openvino").transform([clip])


def test_a_damaged_compiled_network_is_compiled_again(faces_48, monkeypatch, tmp_path):
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path))
    one = extractor("ucm-a", weights="random", engine="openvino", precision="f32")
    found = one.transform(faces_48[:1])
    (blob,) = tmp_path.glob("engines/*/compiled/*.blob")
    whole = blob.stat().st_size
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[: whole // 3])
    np.testing.assert_array_equal(one.at().transform(faces_48[:1]), found)
    assert blob.stat().st_size == whole
    assert [p.name for p in blob.parent.iterdir()] == [blob.name], "nothing else is left there"


def test_what_is_compiled_is_used_again_and_never_required(faces_48, monkeypatch, tmp_path):
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path))
    one = extractor("ucm-a", weights="random", engine="openvino", precision="f32")
    found = one.transform(faces_48[:1])
    (blob,) = tmp_path.glob("engines/*/compiled/*.blob")
    written = blob.stat().st_mtime_ns
    np.testing.assert_array_equal(one.at().transform(faces_48[:1]), found)
    assert blob.stat().st_mtime_ns == written
    monkeypatch.setattr(engines, "usable_root", lambda: None)
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "nowhere"))
    np.testing.assert_array_equal(one.at().transform(faces_48[:1]), found)


def test_nothing_is_reported_to_the_maker_of_openvino(vectors):
    """After networks were converted, the converter has only the stand-in that sends nothing."""
    from openvino.tools.ovc import telemetry_utils

    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"
    assert sys.modules["openvino_telemetry"] is None


class Request:
    """Stands for one of OpenVINO's: refuses a second start, as it does, until it is waited for."""

    def __init__(self):
        self.at_work = None

    def start_async(self, inputs):
        assert self.at_work is None, "busy"
        if inputs[0] is None:
            raise ValueError("of another shape")
        self.at_work = inputs[0]

    def wait(self):
        self.done, self.at_work = self.at_work, None


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
def test_results_come_in_the_order_of_inputs(n):
    requests = [Request(), Request()]
    assert [request.done for request in engines.in_order(requests, range(n))] == list(range(n))


def test_an_error_leaves_no_request_at_work():
    requests = [Request(), Request(), Request()]
    with pytest.raises(ValueError, match="another shape"):
        list(engines.in_order(requests, [1, 2, None]))
    assert [request.at_work for request in requests] == [None] * 3
    assert [request.done for request in engines.in_order(requests, range(5))] == list(range(5))
