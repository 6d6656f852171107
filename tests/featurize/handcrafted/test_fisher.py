"""Dense descriptors, the words, and the Fisher vector of a face."""

from __future__ import annotations

import numpy as np
import pytest

from featurize import extractor
from featurize.handcrafted import codebook, fisher
from featurize.handcrafted.codebook import Codebook
from featurize.handcrafted.gradients import LENGTH, MIRRORED, dense_sift


def _picture(seed=0, side=64):
    return np.random.default_rng(seed).integers(0, 256, (side, side)).astype(np.uint8)


def _book(words=3, d=4, seed=0):
    """A codebook whose words lie near each other; only `vector` is asked of it."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(words) * 5)
    nothing = np.zeros((0, 0), np.float32)
    means, variances = rng.normal(size=(words, d)), rng.uniform(0.3, 2, (words, d))
    return Codebook(nothing, nothing, *(a.astype(np.float32) for a in (shares, means, variances)))


def _log_likelihood(points, weights, means, deviations):
    apart = (points[:, None] - means) / deviations
    logs = np.log(weights) - (apart**2 / 2 + np.log(deviations) + np.log(2 * np.pi) / 2).sum(axis=2)
    return np.logaddexp.reduce(logs, axis=1).mean()


@pytest.mark.parametrize("side", [64, 48])
def test_a_mirrored_picture_has_mirrored_descriptors(side):
    picture = _picture(side=side)
    step = 3 if side == 64 else 1
    descriptors, places = dense_sift(picture, (2, 3), step)
    other, other_places = dense_sift(np.ascontiguousarray(picture[:, ::-1]), (2, 3), step)
    across = round(len(places[places[:, 1] == places[0, 1]]) / 2)  # two sizes
    back = np.arange(len(places)).reshape(2, across, across)[:, :, ::-1].ravel()
    np.testing.assert_allclose(other_places, places[back] * (-1, 1), atol=1e-6)
    np.testing.assert_allclose(other, descriptors[back][:, MIRRORED], atol=1e-4)


def test_descriptors_are_normed_and_in_place():
    descriptors, places = dense_sift(_picture(), (2, 4), 5)
    assert descriptors.shape == (2 * 13**2, LENGTH)
    np.testing.assert_allclose((descriptors**2).sum(axis=1), 1, rtol=1e-5)
    assert places.min() >= -1
    assert places.max() <= 1
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=0.05)


def test_a_blank_picture_has_descriptors_of_nothing():
    descriptors, _ = dense_sift(np.full((64, 64), 90, np.uint8), (2,), 8)
    assert not descriptors.any()


def test_the_vector_is_the_slope_of_the_likelihood():
    book, points = _book(), np.random.default_rng(1).normal(size=(50, 4))
    given = [book.weights.astype(float), book.means.astype(float), np.sqrt(book.variances.astype(float))]
    slopes = np.empty((2, 3, 4))
    for which in (1, 2):
        for at in np.ndindex(3, 4):
            moved = [[a.copy() for a in given] for _ in range(2)]
            for side, sign in zip(moved, (1, -1), strict=True):
                side[which][at] += sign * 1e-5
            slopes[which - 1][at] = np.subtract(*(_log_likelihood(points, *m) for m in moved)) / 2e-5
    roots = np.sqrt(given[0])[:, None]
    expected = np.hstack([slopes[0] * given[2] / roots, slopes[1] * given[2] / roots / np.sqrt(2)]).ravel()
    rooted = np.sign(expected) * np.sqrt(np.abs(expected))
    found = book.vector(points.astype(np.float32))
    np.testing.assert_allclose(found, rooted / np.linalg.norm(rooted), atol=2e-3)
    assert len(found) == book.dim


def test_points_far_from_every_word_stay_finite():
    assert np.isfinite(_book().vector(np.full((5, 4), 1e4, np.float32))).all()


def test_words_are_learned_where_the_descriptors_are():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, LENGTH)).astype(np.float32)
    descriptors = np.repeat(centres, 200, axis=0) + rng.normal(0, 0.01, (600, LENGTH)).astype(np.float32)
    places = np.zeros((600, 2), np.float32)
    book = codebook.learn(descriptors, places, words=3)
    at = book.project(centres, places[:3])
    nearest = np.linalg.norm(at[:, None] - book.means, axis=2).min(axis=1)
    assert nearest.max() < 0.05
    np.testing.assert_allclose(book.weights, 1 / 3, atol=1e-3)


def test_learning_is_repeatable_and_survives_a_file(tmp_path):
    pictures = [_picture(seed) for seed in range(12)]
    book, again = (fisher.learn(pictures, words=4, each=30) for _ in range(2))
    book.save(tmp_path / "words.npz")
    read = Codebook.load(tmp_path / "words.npz")
    for name in ("mean", "axes", "weights", "means", "variances"):
        np.testing.assert_array_equal(getattr(again, name), getattr(book, name))
        np.testing.assert_array_equal(getattr(read, name), getattr(book, name))


def test_a_codebook_with_an_object_in_it_is_refused(tmp_path):
    np.savez(tmp_path / "words.npz", mean=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Codebook.load(tmp_path / "words.npz")


def test_a_face_and_its_mirror_image_have_one_vector():
    picture = _picture()
    book = fisher.learn([_picture(seed) for seed in range(12)], words=4, each=30)
    one, other = (fisher.vector(book, np.ascontiguousarray(p)) for p in (picture, picture[:, ::-1]))
    np.testing.assert_allclose(one, other, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(one), 1, rtol=1e-5)


def test_a_picture_without_a_face_is_counted(faces_48):
    one = extractor("fisher")
    X = one.transform([np.full((48, 48), 90, np.uint8), faces_48[0]])
    assert one.fallbacks(X[:1]) == 1
    np.testing.assert_allclose(np.linalg.norm(X[1, :-1]), fisher.LENGTH, rtol=1e-4)


def test_other_words_are_another_extractor(monkeypatch, tmp_path):
    before = extractor("fisher").weights_sha256
    book = fisher.learn([_picture(seed) for seed in range(12)], words=4, each=30)
    book.save(tmp_path / "words.npz")
    monkeypatch.setattr(fisher, "CODEBOOK", tmp_path / "words.npz")
    assert extractor("fisher").weights_sha256 != before
    assert extractor("fisher").dim == 2 * 4 * 66 + 1


def _dense_shares(book, points):
    """The shares of every word, computed as written."""
    logs = np.log(book.weights) - (
        ((points[:, None] - book.means) ** 2 / book.variances + np.log(book.variances)).sum(axis=2) / 2
    )
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def test_far_words_that_are_left_out_change_nothing_that_shows():
    book = fisher.load_codebook(fisher.CODEBOOK)
    points = book.project_both(*dense_sift(_picture(), (2, 3, 4, 6), 3)).astype(np.float64)
    shares = _dense_shares(book, points)
    given = shares.mean(axis=0)[:, None]
    first, second = (shares.T @ p / len(points) for p in (points, points**2))
    roots = np.sqrt(book.weights)[:, None]
    to_means = (first - given * book.means) / (np.sqrt(book.variances) * roots)
    spread = second - 2 * book.means * first + (book.means**2 - book.variances) * given
    slope = np.hstack([to_means, spread / (book.variances * roots * np.sqrt(2))]).ravel()
    expected = np.sign(slope) * np.sqrt(np.abs(slope))
    found = book.vector(points.astype(np.float32))
    assert found @ expected / np.linalg.norm(expected) > 0.9999


def test_both_images_are_projected_by_one_product():
    book = fisher.load_codebook(fisher.CODEBOOK)
    descriptors, places = dense_sift(_picture(), (2, 4), 5)
    both = book.project_both(descriptors, places)
    mirrored = book.project(descriptors[:, MIRRORED], places * np.array((-1, 1), np.float32))
    expected = np.concatenate([book.project(descriptors, places), mirrored])
    np.testing.assert_allclose(both, expected, atol=1e-5)


def test_a_batch_of_one_gives_the_same_vector(faces_48):
    one = extractor("fisher")
    together = one.transform(list(faces_48[:3]))
    np.testing.assert_array_equal(one.transform([faces_48[1]])[0], together[1])
