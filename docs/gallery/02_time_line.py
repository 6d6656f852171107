"""
Time line of a video
====================

A video is read frame by frame: memory does not grow with its length. Here a camera moves over a photo that
is free of rights, so that the face stays and its place changes. The image comes into focus.
"""

import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
from skimage.data import astronaut

import mueca

photo = astronaut()
path = Path(tempfile.mkdtemp()) / "pan.mp4"
with av.open(str(path), "w") as container:
    stream = container.add_stream("libx264", rate=12)
    stream.width = stream.height = 384
    for t in np.linspace(0, 1, 48):
        top, left = int(20 * t), int(128 * t)
        blurred = cv2.GaussianBlur(photo, (0, 0), 0.1 + 7 * (1 - t))
        frame = blurred[top : top + 384, left : left + 384]
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")))
    container.mux(stream.encode())

seconds, rows = [], []
with mueca.predict_video(path, mueca.Predictor.load()) as timeline:
    for moment in timeline:
        for face in moment.faces:
            seconds.append(moment.seconds)
            rows.append(list(face.probabilities.values()))
            names = list(face.probabilities)
print(len(rows), "faces in", round(max(seconds), 1), "seconds")

# %%
# The probability of each emotion over time.

import matplotlib.pyplot as plt

plt.figure(figsize=(8, 3.5))
for name, values in zip(names, np.array(rows).T, strict=True):
    plt.plot(seconds, values, label=name)
plt.xlabel("seconds")
plt.ylabel("probability")
plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.tight_layout()
plt.show()
