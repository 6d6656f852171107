"""Classify vectors from mueca: python predict.py VECTORS.npy (needs numpy, onnxruntime).

The file comes from: mueca featurize --data FOLDER --backbone "EXPRESSION" --out VECTORS.npy, with the
EXPRESSION that export.json states.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

here = Path(__file__).resolve().parent
card = json.loads((here / "export.json").read_text("utf-8"))
head = onnxruntime.InferenceSession(here / "head.onnx")
for name in sys.argv[1:]:
    vectors = np.load(name, allow_pickle=False).astype(np.float32)
    scores, labels = head.run(["scores", "label"], {"vectors": vectors})
    for row, label in zip(scores.astype(float).round(5).tolist(), labels, strict=True):
        numbers = dict(zip(card["classes"], row, strict=True))
        print(json.dumps({"label": card["classes"][label], card["scores"]: numbers}))
