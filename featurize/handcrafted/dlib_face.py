"""dlib's 128-d face network on the aligned face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurize import faces
from featurize.base import Extractor
from featurize.handcrafted.dlib_net import CHIP, face_net

#: Chips in one pass through the network: about 0.3 GB of intermediate values.
_BATCH = 16


class DlibFace(Extractor):
    """The 128 numbers of dlib's face recognition network (ResNet of 29 convolutions, metric loss).

    The crop is enlarged to 144x144, its face found as for `landmarks` (detector, else fixed box), turned
    upright by dlib's 5 points and cut out as a 150x150 chip. `featurize.handcrafted.dlib_net` runs the
    network from dlib's file: the same numbers as dlib's own code to 2e-6, faster. It was trained
    to tell persons apart, not expressions.
    """

    name = "dlib-face"
    size = faces.CROP_SIZE
    channels = 3
    parallel = "processes"
    licence = "public domain (weights, as stated by their author)"
    source = "dlib_face_recognition_resnet_model_v1, Davis King 2017, github.com/davisking/dlib-models"

    @property
    def dim(self) -> int:
        """128."""
        return 128

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of dlib's network file."""
        return faces.model_sha256("face-net")

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        chips = np.stack([self.chip(image) for image in batch])
        net = face_net()
        return np.concatenate([net(chips[i : i + _BATCH]) for i in range(0, len(chips), _BATCH)])

    @staticmethod
    def chip(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the aligned (150, 150, 3) chip of a (144, 144, 3) crop."""
        # Grey for the box, as for `landmarks`, so that both find the same faces.
        from featurize.images import to_grey

        return faces.aligned_chip(rgb, faces.crop_box(to_grey(rgb)), size=CHIP)
