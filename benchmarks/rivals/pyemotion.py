"""PyPI's `PyEmotion`: a PyTorch network behind MTCNN.

Its method draws on the frame and returns the last face's word alone; here its parts are asked one by one, in
its order. Its numbers are sigmoids, no distribution over classes.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np

LABELS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


class Rival:
    """Ask the parts of `DetectFace`."""

    labels = LABELS

    def __init__(self, variant):
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
