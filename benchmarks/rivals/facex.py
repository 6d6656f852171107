"""PyPI's `facex`: a TFLite network behind OpenCV's Haar cascade."""

from importlib.metadata import version
from pathlib import Path

import numpy as np

LABELS = ("anger", "disgust", "fear", "happy", "neutral", "sadness", "surprised")


class Rival:
    """Ask `EmotionClassifier`."""

    labels = LABELS

    def __init__(self, variant):
        import facex

        self.weights = [Path(facex.__file__).parent / "assets" / "model_optimized.tflite"]
        self.asked = facex.EmotionClassifier(str(self.weights[0]))
        self.version = version("facex")

    def classify(self, faces):
        """Return (n, 7) numbers of (h, w) grey faces."""
        answers = (self.asked.detect_emotion(face) for face in faces)
        return np.array([[float(answer[name]) for name in LABELS] for answer in answers])

    def search(self, image):
        """Return (box, numbers) of each face of an (h, w, 3) RGB image."""
        for found in self.asked.predict(np.ascontiguousarray(image[..., ::-1])):
            left, top, width, height = (int(v) for v in found["bbox"])
            yield (left, top, left + width, top + height), [float(found["emot"][name]) for name in LABELS]
