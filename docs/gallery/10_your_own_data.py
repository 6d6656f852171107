"""
Your own data from arrays and data frames
=========================================

Images in memory with their labels, or a data frame with a column of files. Who is on an image keeps a
person out of training and test at once.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import mueca

drawn = mueca.load_dataset("synthetic(n_per_class=20)")
images = [drawn.samples[i] for i in range(len(drawn))]
labels = np.array(drawn.classes)[drawn.labels]
persons = [f"person {i % 10}" for i in range(len(images))]

from_arrays = mueca.Dataset.from_arrays(images, labels, groups=persons)
_, result = mueca.fit(from_arrays, backbone="hog", head="svm", C=10)
print(result.test.protocol)

folder = Path(tempfile.mkdtemp())
for i, image in enumerate(images):
    plt.imsave(folder / f"{i}.png", image, cmap="gray")
frame = pd.DataFrame({"image": [str(folder / f"{i}.png") for i in range(len(images))], "emotion": labels})
from_frame = mueca.Dataset.from_dataframe(frame, columns={"file": "image", "label": "emotion"})
print(len(from_frame), from_frame.classes)

# %%
# One image of each class.

figure, axes = plt.subplots(1, len(from_frame.classes), figsize=(9, 1.8))
for k, ax in enumerate(axes):
    ax.imshow(from_frame.samples[int(np.flatnonzero(from_frame.labels == k)[0])], cmap="gray")
    ax.set_title(from_frame.classes[k], fontsize=9)
    ax.axis("off")
plt.tight_layout()
plt.show()
