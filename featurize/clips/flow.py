"""Optical flow from onset to apex, with optical strain."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from featurize.base import Params
from featurize.checks import check_image
from featurize.clips.base import ClipExtractor
from featurize.clips.sampling import Clip, apex_index, resize_clip


class FlowParams(Params):
    """Parameters of `Flow`.

    Attributes
    ----------
    side : int
        Side of the frames the flow is computed on, pixels.
    method : {"dis", "farneback"}
        Dense inverse search (Kroeger 2016) or polynomial expansion (Farnebäck 2003), by OpenCV.
    apex : {"motion", "last", "middle"}
        Which frame the flow goes to: the one that differs most from the first, the last, the middle one.
    form : {"blocks", "maps"}
        Means over the blocks of a grid, or small maps.
    grid : int
        Blocks (or pixels of a map) a side.
    scale : {"none", "std"}
        "std": the two flows are divided by their common root mean square, strain by its own, so that weak and
        strong showings look alike.
    """

    side: int = Field(128, ge=32, le=512)
    method: Literal["dis", "farneback"] = "dis"
    apex: Literal["motion", "last", "middle"] = "motion"
    form: Literal["blocks", "maps"] = "blocks"
    grid: int = Field(7, ge=1, le=64)
    scale: Literal["none", "std"] = "none"


class Flow(ClipExtractor):
    """Horizontal flow, vertical flow and optical strain, from the first frame to the apex.

    Form "blocks" gives four means a block: u, v, strain, and the length of the flow; form "maps" gives u, v
    and strain as grid x grid images (what STSTNet of Liong 2019 looks at, at 28). Flow is in pixels of
    `side`.
    """

    name = "flow"
    licence = "Apache-2.0"
    source = "Kroeger 2016; Farneback 2003; Shreve 2011 (strain); OpenCV"
    Params: ClassVar[type[Params]] = FlowParams
    params: FlowParams  # type: ignore[assignment]

    @property
    def dim(self) -> int:
        """Pixels of the grid x 4 (blocks) or 3 (maps)."""
        return self.params.grid**2 * (4 if self.params.form == "blocks" else 3)

    def _prepared(self, sample_: Clip) -> Clip:
        """Return (2, side, side): onset and apex."""
        last = len(sample_) - 1
        # The apex is searched at a quarter of the size: it is a mean over the whole face.
        small = self.params.side // 4
        at = {"last": last, "middle": max(1, last // 2)}.get(self.params.apex)
        if at is None:
            at = apex_index(resize_clip(sample_, small))
        return resize_clip(sample_[[0, at]], self.params.side)

    def _vector(self, clip: Clip) -> NDArray[np.float32]:
        p = self.params
        uv = optical_flow(clip[0], clip[1], p.method)
        maps = np.dstack([uv, optical_strain(uv)])
        if p.scale == "std":
            maps /= _root_mean_square(maps)
        if p.form == "blocks":
            maps = np.dstack([maps, np.hypot(maps[..., 0], maps[..., 1])])
        small = cv2.resize(maps, (p.grid, p.grid), interpolation=cv2.INTER_AREA)
        return small.reshape(-1).astype(np.float32, copy=False)


def _root_mean_square(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one scale for both flows and one for strain; 1 where nothing moves."""
    both, strain = np.sqrt((maps[..., :2] ** 2).mean()), np.sqrt((maps[..., 2] ** 2).mean())
    return np.array([both or 1.0, both or 1.0, strain or 1.0], np.float32)


def optical_flow(first: Any, second: Any, method: Literal["dis", "farneback"] = "dis") -> NDArray[np.float32]:
    """Return the dense flow between two grey images.

    Parameters
    ----------
    first, second : (h, w) uint8
    method : {"dis", "farneback"}

    Returns
    -------
    ndarray of shape (h, w, 2), float32
        Pixels to the right and downwards that each point of `first` moves.

    Raises
    ------
    TypeError, ValueError
        If one is no grey image (`featurize.checks.check_image`), or they differ in size.
    """
    first, second = check_image(first, "first", 1), check_image(second, "second", 1)
    if first.shape != second.shape:
        raise ValueError(f"optical_flow: the images differ in size, {first.shape} and {second.shape}")
    if method == "dis":
        return np.asarray(_dis().calc(first, second, np.zeros((*first.shape, 2), np.float32)))
    start = np.zeros((*first.shape, 2), np.float32)
    return np.asarray(
        cv2.calcOpticalFlowFarneback(first, second, start, 0.5, 3, 15, 3, 5, 1.2, 0), np.float32
    )


def _dis() -> cv2.DISOpticalFlow:
    # One object a call: it keeps buffers, and is used from several threads.
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def optical_strain(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the magnitude of the strain of a flow: how much the skin is stretched and sheared.

    Shreve, Godavarthy, Goldgof and Sarkar, FG 2011: of the symmetric part e of the flow's Jacobian,
    sqrt(e_xx^2 + e_yy^2 + 2 e_xy^2). Rigid shifts have none.

    Parameters
    ----------
    flow : (h, w, 2) float32

    Returns
    -------
    ndarray of shape (h, w), float32
    """
    uy, ux = np.gradient(flow[..., 0])
    vy, vx = np.gradient(flow[..., 1])
    return np.sqrt(ux**2 + vy**2 + (uy + vx) ** 2 / 2).astype(np.float32)
