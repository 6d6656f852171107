"""PyPI's `PyEmotion`: a PyTorch network behind MTCNN.

Its method draws on the frame and returns the last face's word alone; here its parts are asked one by one, in
its order. Its numbers are sigmoids, no distribution over classes.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import numpy as np

LABELS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


class Rival:
    """Ask the parts of `DetectFace`."""

    labels = LABELS

    def __init__(self, variant):
        with_nms()
        import PyEmotion.main as package

        self.asked = package.DetectFace("cpu")
        self.weights = [Path(package.__file__).parent / "model" / "main_model.pkl"]
        self.version = version("PyEmotion")

    def classify(self, faces):
        """Return (n, 7) numbers of (h, w) grey faces."""
        import torch

        with torch.inference_mode():
            rows = [self.asked.network(self.asked.transform(face[..., None])[None])[0] for face in faces]
        return np.array([row.numpy() for row in rows])

    def search(self, image):
        """Return (box, numbers) of each face of an (h, w, 3) RGB image."""
        import cv2

        frame = np.ascontiguousarray(image[..., ::-1])
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        boxes, _ = self.asked.mtcnn.detect(frame)
        for box in boxes if boxes is not None else ():
            left, top, right, bottom = (max(0, int(round(float(v)))) for v in box)
            face = grey[top:bottom, left:right]
            if face.size:
                yield (left, top, right, bottom), self.classify([face])[0].tolist()


def with_nms():
    """Import torchvision, also where its compiled part is for another build of PyTorch.

    So it is where PyTorch is built for the CPU alone. Of that part only the suppression of overlapping boxes
    is used here.
    """
    try:
        import torchvision
    except RuntimeError:
        import torch

        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        # As it is imported, it describes to PyTorch its operators, which are not there.
        library = torch.library
        with patch.object(library, "register_fake", described), patch.object(library.Library, "impl"):
            import torchvision
        torchvision.ops.boxes.nms = nms


def described(*_, **__):
    """Return a decorator that does nothing."""
    return lambda function: function


def nms(dets, scores, iou_threshold):
    """Return which of (n, 4) boxes stay, as torchvision's function of this name does."""
    import torch

    return torch.tensor(staying(dets.numpy(), scores.numpy(), iou_threshold), dtype=torch.int64)


def staying(boxes, scores, most):
    """Return which of (n, 4) boxes stay, the best first: none overlaps a better one by more than `most`."""
    left, stay = np.argsort(-scores, kind="stable"), []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    while len(left):
        best, rest = left[0], left[1:]
        stay.append(int(best))
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        left = rest[shared / (areas[best] + areas[rest] - shared) <= most]
    return stay
