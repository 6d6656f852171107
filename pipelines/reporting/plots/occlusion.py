"""Where a head looks: what hiding a patch changes, and what each region of the face is worth.

Both work on images, not on vectors, so that they hold for any extractor: pixels, HOG, LBP, a network.
Maps by gradient (Grad-CAM) would not: most heads here, trees and neighbours among them, have no gradient, and
a map of the network's own classifier says nothing of the head that answers in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featurize.images import fit_to
from featurize.registry import parse
from pipelines.datasets.base import Dataset
from pipelines.models.model import Model
from pipelines.utils.figures import WIDE, FigureWriter, colour
from pipelines.utils.progress import SILENT, Progress

#: Faces that are asked, by kind, and how often a region is dealt again.
FACES_OCCLUDED, FACES_DEALT, DEALS = 60, 200, 5
#: Side of the images that are changed, of the hidden patch, and the step between two patches, in pixels.
SIDE, PATCH, STEP = 48, 8, 4

#: Region -> rectangles (top, bottom, left, right) as shares of a face cropped as FER2013 crops it.
REGIONS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "forehead": ((0.0, 0.2, 0.0, 1.0),),
    "eyes and brows": ((0.2, 0.45, 0.0, 1.0),),
    "nose": ((0.45, 0.66, 0.3, 0.7),),
    "cheeks": ((0.45, 0.66, 0.0, 0.3), (0.45, 0.66, 0.7, 1.0)),
    "mouth": ((0.66, 0.88, 0.2, 0.8),),
    "jaw and chin": ((0.66, 0.88, 0.0, 0.2), (0.66, 0.88, 0.8, 1.0), (0.88, 1.0, 0.0, 1.0)),
}


@dataclass(frozen=True)
class Occlusion:
    """What hiding and dealing changed.

    Attributes
    ----------
    changed : (m, m) float
        Share of faces whose predicted class changes when the patch there is hidden.
    accuracy : float
        Of the faces as they are.
    drops : dict
        Region -> (DEALS,) accuracy lost when the region is dealt out anew among the faces.
    n_hidden, n_dealt : int
        Faces behind each.
    """

    changed: NDArray[np.float64]
    accuracy: float
    drops: dict[str, NDArray[np.float64]]
    n_hidden: int
    n_dealt: int


def look(
    model: Model,
    dataset: Dataset,
    seed: int = 0,
    progress: Progress = SILENT,
    tested: NDArray[np.intp] | None = None,
) -> Occlusion:
    """Ask a model again with parts of the test faces hidden or taken from other faces.

    Hiding is occlusion (Zeiler and Fergus, ECCV 2014) by the face's own mean grey. Dealing is permutation
    importance (Breiman, Machine Learning 45, 2001) with a region of the image in the place of a column.

    Parameters
    ----------
    model : Model
    dataset : Dataset
        Whose classes are the model's.
    seed : int
    progress : Progress
    tested : (n,) int, optional
        The test samples; by default those of every split that tests.

    Raises
    ------
    ValueError
        If the classes differ.
    """
    if tuple(dataset.classes) != model.classes:
        raise ValueError(f"the model knows {', '.join(model.classes)}; {dataset.name} has other classes")
    rng = np.random.default_rng(seed)
    channels = max(part.spec.channels for part in parse(model.extractor))
    tested = dataset.where(*dataset.test_splits) if tested is None else tested
    chosen = np.sort(rng.choice(tested, min(FACES_DEALT, len(tested)), replace=False))
    faces = np.stack([fit_to(dataset.samples[int(i)], SIDE, channels) for i in chosen])
    true = np.array([model.classes[k] for k in dataset.labels[chosen]])
    few = rng.permutation(len(faces))[:FACES_OCCLUDED]
    with progress.task("asking where it looked", len(REGIONS) + _positions()) as advance:
        said = np.array(model.predict(list(faces)))
        drops = {name: _dealt(model, faces, said, true, name, rng, advance) for name in REGIONS}
        changed = _hidden(model, faces[few], said[few], advance)
    return Occlusion(changed, float(np.mean(said == true)), drops, len(few), len(faces))


def _positions() -> int:
    return (SIDE - PATCH) // STEP + 1


def region_mask(name: str) -> NDArray[np.bool_]:
    """Return which of SIDE x SIDE pixels are in a region."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    for top, bottom, left, right in REGIONS[name]:
        mask[round(top * SIDE) : round(bottom * SIDE), round(left * SIDE) : round(right * SIDE)] = True
    return mask


def _dealt(model, faces, said, true, name, rng, advance) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    """Return the accuracy lost in each of DEALS deals of a region."""
    mask, mixed = region_mask(name), np.stack([faces] * DEALS)
    for deal in mixed:
        deal[:, mask] = faces[_derangement(len(faces), rng)][:, mask]
    advance(1)
    return np.mean(said == true) - np.mean(_asked(model, mixed) == true, axis=1)


def _asked(model, faces) -> NDArray[np.str_]:  # type: ignore[no-untyped-def]
    """Return the (m, n) answers to m variants of n faces, asked in one go: a network starts once."""
    return np.array(model.predict(list(faces.reshape(-1, *faces.shape[2:])))).reshape(faces.shape[:2])


def _derangement(n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a random order in which none keeps its place: a cycle through all."""
    order = rng.permutation(n)
    dealt = np.empty(n, dtype=np.intp)
    dealt[order] = np.roll(order, 1)
    return dealt


def _hidden(model, faces, said, advance) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    """Return the share of answers that change, for each place of the patch."""
    m, changed = _positions(), []
    mean = faces.reshape(len(faces), SIDE * SIDE, -1).mean(axis=1).astype(np.uint8)
    fill = mean[:, None, None, :] if faces.ndim == 4 else mean[:, :, None]
    for i in range(m):
        covered = np.stack([faces] * m)
        for j in range(m):
            covered[j, :, i * STEP : i * STEP + PATCH, j * STEP : j * STEP + PATCH] = fill
        changed.append(np.mean(_asked(model, covered) != said, axis=1))
        advance(1)
    return np.array(changed)


def draw_looked(album: FigureWriter, found: Occlusion, title: str) -> None:
    """Draw the map of hidden patches with the regions' outlines, and what each region is worth."""
    with album.drawing("occlusion", f"Where {title} looks", (WIDE, 3.0), columns=2) as (
        drawing,
        (left, right),
        said,
    ):
        edge = (PATCH - STEP) / 2
        lines = np.arange(_positions() + 1) * STEP + edge
        shades = left.pcolormesh(lines, lines, 100 * found.changed, cmap="Blues", vmin=0)
        left.set(
            xlim=(0, SIDE),
            ylim=(SIDE, 0),
            xlabel="across the face, px",
            ylabel="down the face, px",
            aspect="equal",
        )
        left.grid(visible=False)
        _outline(left)
        bar = drawing.colorbar(shades, ax=left, shrink=0.8)
        bar.set_label("answers changed by hiding, %")
        _bars(right, found)
        said.append(_words(found))


def _outline(axes) -> None:  # type: ignore[no-untyped-def]
    for name in REGIONS:
        axes.contour(region_mask(name).astype(float), [0.5], colors=[colour(1)], linewidths=0.6)


def _bars(axes, found: Occlusion) -> None:  # type: ignore[no-untyped-def]
    names = sorted(found.drops, key=lambda name: found.drops[name].mean())
    means = [100 * found.drops[name].mean() for name in names]
    spread = [100 * found.drops[name].std() for name in names]
    axes.barh(
        range(len(names)), means, 0.7, xerr=spread, color=colour(0), ecolor=colour(7), error_kw={"lw": 1}
    )
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="accuracy lost by dealing, points")
    axes.grid(visible=False, axis="y")


def _words(found: Occlusion) -> str:
    order = sorted(found.drops, key=lambda name: -found.drops[name].mean())
    most, least = order[0], order[-1]
    i, j = np.unravel_index(np.argmax(found.changed), found.changed.shape)
    down, across = (int(k) * STEP + PATCH // 2 for k in (i, j))
    return (
        f"What counts most is the {most}: taken from another face it costs "
        f"{100 * found.drops[most].mean():.1f} "
        f"points of the {100 * found.accuracy:.1f} % on {found.n_dealt} test faces; the {least} costs "
        f"{100 * found.drops[least].mean():.1f}. Hiding {PATCH} x {PATCH} pixels changes most answers "
        f"({100 * found.changed.max():.0f} % of {found.n_hidden}) "
        f"around pixel {across} across, {down} down. Lines show the deviation over {DEALS} deals."
    )
