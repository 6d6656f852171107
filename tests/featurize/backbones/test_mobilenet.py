"""MobileNet of VGGFace2: what ships, what the network takes, and what a face's vector is."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from featurize import extractor, parse
from featurize.backbones import mobilenet_vggface2 as mobilenet
from featurize.backbones import weightfile
from featurize.backbones.extractor import SHIPPED
from featurize.backbones.weightfile import WeightsError
from featurize.images import decode, to_grey
from tests.featurize.backbones.conftest import write_weights

NAME = "vggface2-mobilenet"
#: Small and fast; what is said of the vectors holds at any side.
FAST = {"size": 96, "precision": "f32", "engine": "openvino"}


@pytest.fixture(scope="module")
def net():
    return extractor(NAME, **FAST)


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_vectors_have_length_one_and_batches_do_not_matter(net, faces_48):
    X = net.transform(faces_48[:5])
    assert X.shape == (5, 1024) and X.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(net.transform(faces_48[2:3])[0], X[2], atol=1e-5)
    raw = extractor(NAME, norm="none", **FAST).transform(faces_48[:5])
    assert np.linalg.norm(raw, axis=1).min() > 2
    np.testing.assert_allclose(cosines(raw, X), 1, rtol=1e-5)


@pytest.mark.parametrize("size", [96, 224])
def test_keras_and_openvino_agree(size, faces_48):
    rng = np.random.default_rng(0)
    faces = np.concatenate([faces_48[:2], rng.integers(0, 256, (2, 48, 48), np.uint8)])
    given = {"size": size, "precision": "f32", "norm": "none"}
    a, b = (extractor(NAME, engine=e, **given).transform(faces) for e in ("keras", "openvino"))
    assert cosines(a, b).min() >= 0.9999
    np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(a).max())


def test_bf16_stays_near(net, faces_48):
    """Depthwise networks lose more in bf16 than others: the mean on photos is .988 at 224 px."""
    half = extractor(NAME, **FAST | {"precision": "bf16"}).transform(faces_48[:16])
    found = cosines(half, net.transform(faces_48[:16]))
    assert found.mean() >= 0.97 and found.min() >= 0.95


def blank(value: int, noise: int = 0) -> np.ndarray:
    rng = np.random.default_rng(value)
    noisy = value + rng.integers(0, noise + 1, (48, 48))
    return noisy.clip(0, 255).astype(np.uint8)


def test_weights_without_expressions_compute_in_bf16_only_where_asked(monkeypatch):
    monkeypatch.setattr("featurize.engine.cpu_capabilities", lambda: frozenset({"FP32", "BF16"}))
    tuned = {"weights": "vggface2-mobilenet-fer2013-28"}
    asked = ({}, {"precision": "bf16"}, tuned, tuned | {"precision": "f32"})
    found = [extractor(NAME, engine="openvino", **given).choice.precision for given in asked]
    assert found == ["f32", "bf16", "bf16", "f32"]


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_blank_faces_give_a_zero_vector(precision, faces_48):
    """FER2013 holds twelve faces of zeros and one of 127 to 130."""
    one = extractor(NAME, **FAST | {"precision": precision})
    faces = [blank(0), faces_48[0], blank(127, noise=3), blank(255), blank(1)]
    X = one.transform(faces)
    assert np.isfinite(X).all()
    assert X.any(axis=1).tolist() == [False, True, False, False, False]
    assert one.fallbacks(X) == 4
    assert one.fallbacks(one.transform([blank(100, noise=40)])) == 0


def test_blank_colours_give_a_zero_vector():
    red = np.zeros((40, 30, 3), np.uint8)
    red[..., 0] = 200
    half = red.copy()
    half[:20, :, 2] = 90
    assert extractor(NAME, colour=True, **FAST).transform([red, half]).any(axis=1).tolist() == [False, True]


@pytest.mark.shared
def test_the_blank_faces_of_fer2013(shared, net):
    import tarfile

    wanted = {"train/neutral/Training_3542668.jpg", "train/angry/Training_10131352.jpg"}
    with tarfile.open(shared / "fer2013.tar.xz") as archive:
        names = iter(archive)
        found = {m.name: archive.extractfile(m).read() for m in _until(names, wanted)}
    assert found.keys() == wanted
    assert not net.transform([decode(content, name) for name, content in found.items()]).any()


def _until(members, wanted):
    left = set(wanted)
    while left:
        member = next(members)
        if member.name in left:
            left.remove(member.name)
            yield member


def photo_faces(folder):
    """Return the 43 annotated faces of the colour photos."""
    found = []
    with (folder / "faces.csv").open() as file:
        for row in csv.DictReader(file):
            image = decode((folder / row["photo"]).read_bytes(), row["photo"])
            left, top, width, height = (int(row[k]) for k in ("left", "top", "width", "height"))
            found.append(image[top : top + height, left : left + width])
    return found


@pytest.mark.shared
def test_a_colour_face_and_its_grey_copy(shared, net):
    """The same vector by default; a cosine of .90 on average (.71 at least) where colours are kept."""
    faces = photo_faces(shared / "photos")
    assert len(faces) == 43 and all(f.ndim == 3 for f in faces)
    grey = net.transform([to_grey(f) for f in faces])
    assert cosines(net.transform(faces), grey).min() >= 0.9999
    kept = cosines(extractor(NAME, colour=True, **FAST).transform(faces), grey)
    assert 0.8 < kept.mean() < 0.97
    others = (grey @ grey.T)[~np.eye(len(grey), dtype=bool)]
    assert kept.mean() > others.mean() + 0.2


def test_a_drawn_colour_face_and_its_grey_copy(net, faces_48):
    tint = np.array([1.0, 0.8, 0.7])
    colour = [(face[..., None] * tint).astype(np.uint8) for face in faces_48[:3]]
    copies = [np.repeat(to_grey(face)[..., None], 3, axis=2) for face in colour]
    assert cosines(net.transform(colour), net.transform(copies)).min() >= 0.9999
    kept = extractor(NAME, colour=True, **FAST)
    np.testing.assert_allclose(kept.transform(copies), net.transform(copies), atol=1e-5)
    assert cosines(kept.transform(colour), net.transform(copies)).max() < 0.999


def test_colours_go_in_as_blue_green_red():
    model = mobilenet.build(96, True, 0)
    pixels = np.zeros((1, 96, 96, 3), np.float32)
    pixels[..., 0] = 200  # red
    scaled = type(model)(model.input, model.get_layer("scale").output)(pixels)
    np.testing.assert_allclose(np.asarray(scaled)[0, 0, 0], [-103.939, -116.779, 200 - 123.68], rtol=1e-5)


@pytest.mark.parametrize("size", [95, 225, 0, -96, 100.5, "large"])
def test_a_side_that_the_network_cannot_take(size):
    with pytest.raises(ValueError, match=rf"extractor {NAME}: size=.*") as caught:
        extractor(NAME, size=size)
    assert "\n" not in str(caught.value)


def test_the_side_decides_the_vectors_and_their_key(net, faces_48):
    auto, other = extractor(NAME, precision="f32"), extractor(NAME, **FAST | {"size": 100})
    assert (auto.spec.size, net.spec.size, auto.spec.params["size"]) == (224, 96, 224)
    assert auto.spec.identity() == extractor(NAME, precision="f32", size=224).spec.identity()
    assert len({json.dumps(one.spec.identity()) for one in (auto, net, other)}) == 3
    assert cosines(other.transform(faces_48[:2]), net.transform(faces_48[:2])).max() < 0.9999
    assert parse(net.spec.as_text())[0].spec == net.spec


def test_auto_is_the_side_that_the_weights_were_trained_with(tmp_path):
    write_weights(tmp_path / "w.npz", NAME, size=112)
    assert extractor(NAME, weights=str(tmp_path / "w.npz")).spec.size == 112
    assert extractor(NAME, weights=str(tmp_path / "w.npz"), size=128).spec.size == 128


def test_what_ships_says_what_it_is():
    path = SHIPPED / f"{NAME}.npz"
    assert path.stat().st_size < 6_200_000
    card = weightfile.load_card(path)
    assert card == json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert (card["network"], card["classes"], card["size"], card["trained_on"]) == (NAME, [], 224, None)
    assert card["source_sha256"].startswith("2c7d2d62") and card["source_sha256"].endswith("af79b")
    assert "research" in card["licence"]
    seen = weightfile.load_seen(path)
    assert len(seen.samples) == len(seen.contents) == 0
    tensors = weightfile.load(path).tensors
    assert sum(t.size for t in tensors.values()) == mobilenet.PARAMETERS
    notice = (SHIPPED / "NOTICE.md").read_text("utf-8")
    assert "MIT License" in notice and "Vladimir Mandic" in notice
    assert "Apache License" in (SHIPPED / "LICENSE-Apache-2.0.txt").read_text("utf-8")
    assert extractor(NAME, precision="f32").spec.trained_on is None


def test_weights_without_a_classifier_have_no_scores(faces_48):
    one = extractor(NAME, layer="scores", **FAST)
    for ask in (lambda: one.spec, lambda: one.dim, lambda: one.transform(faces_48[:1])):
        with pytest.raises(ValueError, match="its weights have no classifier.*mueca train") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_network_that_ends_at_its_embedding_has_no_scores():
    with pytest.raises(ValueError, match="extractor vggface2: no layer 'scores'; known: pool"):
        extractor("vggface2", layer="scores", weights="random")


def test_scores_of_trained_weights_stay_as_they_are(tmp_path, faces_48):
    write_weights(tmp_path / "w.npz", NAME, size=96)
    scores = extractor(NAME, weights=str(tmp_path / "w.npz"), layer="scores", precision="f32")
    P = scores.transform(np.concatenate([faces_48[:2], np.zeros((1, 48, 48), np.uint8)]))
    assert P.shape == (3, 7)
    np.testing.assert_allclose(P.sum(1), 1, rtol=1e-5)


def test_looks_at_a_face_are_averaged_before_the_length(net, faces_48):
    flip = extractor(NAME, views="flip", **FAST).transform(faces_48[:2])
    np.testing.assert_allclose(np.linalg.norm(flip, axis=1), 1, rtol=1e-5)
    turned = np.ascontiguousarray(faces_48[:2, :, ::-1])
    np.testing.assert_allclose(flip, extractor(NAME, views="flip", **FAST).transform(turned), atol=1e-5)


def test_other_networks_weights_are_refused():
    with pytest.raises(WeightsError, match=f"holds weights of ucm-f .*, not of {NAME}"):
        _ = extractor(NAME, weights="ucm-f", size=96).spec


def test_resizing_is_the_engines_own(net, faces_48):
    """A face that has the side already is taken as it is."""
    large = np.stack([cv2.resize(f, (96, 96), interpolation=cv2.INTER_CUBIC) for f in faces_48[:2]])
    np.testing.assert_allclose(net.transform(large), net.transform(faces_48[:2]), atol=1e-5)


@pytest.mark.parametrize("size", [96, 112, 128])
def test_a_pyramid_holds_both_levels_by_their_square_roots(size, faces_48):
    """96 px leave six places a side behind pointwise_11, 112 leave seven: quarters then overlap by one."""
    given = FAST | {"size": size}
    X = extractor(NAME, layer="pyramid", **given).transform(faces_48[:4])
    assert X.shape == (4, 3072)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, rtol=1e-5)
    pool = np.sqrt(extractor(NAME, **given).transform(faces_48[:4]))
    np.testing.assert_allclose(cosines(X[:, :1024], pool), 1, rtol=1e-5)
    np.testing.assert_allclose((X[:, 1024:] ** 2).sum(1) / (X[:, :1024] ** 2).sum(1), 2, rtol=1e-4)


def test_a_pyramid_is_the_same_on_keras_and_of_a_fine_tuned_network(faces_48):
    tuned = {
        "weights": "vggface2-mobilenet-fer2013-28",
        "layer": "pyramid",
        "precision": "f32",
        "norm": "none",
    }
    a, b = (extractor(NAME, engine=e, **tuned).transform(faces_48[:2]) for e in ("keras", "openvino"))
    assert cosines(a, b).min() >= 0.9999
    assert not extractor(NAME, layer="pyramid", **FAST).transform([blank(127, noise=3)]).any()
